"""Exercises on the data: find a leak."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def leak_share(exams: list[int], folds: list[str]) -> float:
    """Share of the test images whose exam also has an image in train.

    Image ``i`` is of ``exams[i]``, in ``folds[i]``: train, validation or test.
    """
    images = list(zip(exams, folds, strict=True))
    in_train = {exam for exam, fold in images if fold == "train"}
    return statistics.mean(exam in in_train for exam, fold in images if fold == "test")


def _splits() -> Iterator[Case]:
    exams = [1, 1, 1, 2, 2, 3, 4]
    folds = ["train", "test", "test", "test", "validation", "test", "train"]
    yield Case(
        given="Four test images, of the exams 1, 1, 2 and 3, with 1 and 4 in train and 2 in validation:",
        arguments=(exams, folds),
        expected=0.5,
    )
    yield Case(given="The same without exam 1:", arguments=(exams[3:], folds[3:]), expected=0.0)


def _exams_in(wanted: str, exams: list[int], folds: list[str]) -> set[int]:
    return {exam for exam, fold in zip(exams, folds, strict=True) if fold == wanted}


EXERCISES = (
    Exercise(
        title="How much leaks?",
        prompt="Write the function that found the leak of a random split.",
        solution=leak_share,
        cases=_splits,
        hint="Collect the exams of the training images. Then ask, for each test image, whether its exam is "
        "there.",
        mistakes=(
            Mistake(
                lambda exams, folds: statistics.mean(
                    exam in _exams_in("train", exams, folds) for exam in _exams_in("test", exams, folds)
                ),
                "You counted exams. The question is about images: exam 1 has two.",
            ),
            Mistake(
                lambda exams, folds: leak_share(
                    exams, ["train" if fold == "validation" else fold for fold in folds]
                ),
                "The network was not trained on validation images. Count those of train alone.",
            ),
        ),
        why="A test image with a sister in train asks what the network remembers, not what it can do.",
    ),
)
