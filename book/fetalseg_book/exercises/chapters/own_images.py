"""Exercises on one's own images: torn exams, and what a warning can see."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def torn_exams(exams: list[str], folds: list[str]) -> set[str]:
    """The exams that have images in more than one fold; image ``i`` is of ``exams[i]``, in ``folds[i]``."""
    seen: dict[str, set[str]] = {}
    for exam, fold in zip(exams, folds, strict=True):
        seen.setdefault(exam, set()).add(fold)
    return {exam for exam, its_folds in seen.items() if len(its_folds) > 1}


def _splits() -> Iterator[Case]:
    yield Case(arguments=(["a", "a", "b"], ["train", "test", "train"]), expected={"a"})
    yield Case(arguments=(["a", "a", "b"], ["train", "train", "test"]), expected=set())
    yield Case(arguments=(["a", "b", "b"], ["test", "train", "validation"]), expected={"b"})


def _in_train_and_test(exams: list[str], folds: list[str]) -> set[str]:
    pairs = list(zip(exams, folds, strict=True))
    return {e for e, fold in pairs if fold == "train"} & {e for e, fold in pairs if fold == "test"}


def false_alarms(images: int, properties: int) -> float:
    """Largest possible share of good images outside the range of ``images`` in any property."""
    return min(1.0, properties * 2 / (images + 1))


def _ranges() -> Iterator[Case]:
    yield Case(arguments=(99, 1), expected=0.02)
    yield Case(arguments=(99, 4), expected=0.08)
    yield Case(arguments=(3, 4), expected=1.0)


def outside(
    found: dict[str, float],
    low: dict[str, float],
    high: dict[str, float],
) -> set[str]:
    """The properties of an image that leave the training range; one that is unknown (``nan``) does not."""
    return {name for name, value in found.items() if value < low[name] or value > high[name]}


def _properties() -> Iterator[Case]:
    low, high = {"mean": 20.0, "size": 0.1}, {"mean": 90.0, "size": 0.3}
    for mean, size, expected in (
        (90.0, 0.2, set()),
        (95.0, 0.2, {"mean"}),
        (10.0, 0.05, {"mean", "size"}),
        (20.0, math.nan, set()),
    ):
        yield Case(
            given=f"A mean grey of {mean:g} (trained: 20 to 90) and pixels of {size:g} mm (0.1 to 0.3):",
            arguments=({"mean": mean, "size": size}, low, high),
            expected=expected,
        )


def _not_within(found: Mapping[str, float], low: Mapping[str, float], high: Mapping[str, float]) -> set[str]:
    return {name for name, value in found.items() if not low[name] <= value <= high[name]}


EXERCISES = (
    Exercise(
        title="Is an exam split?",
        prompt="Check the split of a colleague's folder, before you believe its test.",
        solution=torn_exams,
        cases=_splits,
        hint="Collect the folds of each exam. An exam with more than one is split.",
        mistakes=(
            Mistake(
                _in_train_and_test,
                "Validation chooses the weights. An exam in train *and* validation is split, too.",
            ),
            Mistake(
                lambda exams, folds: {exam for exam in exams if exams.count(exam) > 1},
                "Several images do no harm if they are in one fold.",
            ),
        ),
        why="Images of one exam show one head. If they are in two folds, the test measures what the "
        "network remembers.",
    ),
    Exercise(
        title="How many false alarms?",
        prompt="One property flags a good image with a chance of $2 / (n + 1)$ at most. What about "
        "several properties?",
        solution=false_alarms,
        cases=_ranges,
        hint="At worst, no two properties flag the same image. And no share exceeds 1.",
        mistakes=(
            Mistake(
                lambda images, properties: min(1.0, properties * 2 / images),
                "The new image is one of $n + 1$.",
            ),
            Mistake(
                lambda images, properties: min(1.0, 2 / (images + 1)),
                "Each property can flag another image. At worst their chances add up.",
            ),
            Mistake(
                lambda images, properties: properties * 2 / (images + 1),
                "A share of more than 1 says nothing that 1 does not say.",
            ),
        ),
        why="More properties, more false alarms; more training images, fewer.",
    ),
    Exercise(
        title="Write the warning",
        prompt="Which properties of a new image are unlike those of the training images?",
        solution=outside,
        cases=_properties,
        hint="Compare with both ends of the range. An unknown value is not flagged.",
        mistakes=(
            Mistake(
                lambda found, low, high: {name for name, value in found.items() if value > high[name]},
                "An image can be too dark as well as too bright.",
            ),
            Mistake(
                _not_within,
                "`nan` compares false with everything, so *not within* also flags unknown values.",
            ),
        ),
        why="That is the whole warning. It compares a few numbers and knows nothing about what the image "
        "shows.",
    ),
)
