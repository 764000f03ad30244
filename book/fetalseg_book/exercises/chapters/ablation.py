"""Exercises on the ablation: means that count runs, hard images, and what an interval allows to say."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def _table(rows: list[tuple[str, int, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["variant", "seed", "name", "dice"])


def mean_of_runs(images: pd.DataFrame, variant: str) -> float:
    """Mean Dice of a variant: over the images of each run first, then over the seeds."""
    runs = images[images["variant"] == variant].groupby("seed")["dice"].mean()
    return float(runs.mean())


def _uneven() -> Iterator[Case]:
    images = _table(
        [("a", 0, "x", 0.9), ("a", 0, "y", 0.9), ("a", 0, "z", 0.9), ("a", 1, "x", 0.5), ("b", 0, "x", 0.1)]
    )
    yield Case(
        given="Three images with 0.9 in one run of a, one with 0.5 in the other, and another variant:",
        arguments=(images, "a"),
        expected=0.7,
    )


def hardest_image(images: pd.DataFrame) -> str:
    """Name of the image that even the best of all runs gets least right."""
    return str(images.groupby("name")["dice"].max().idxmin())


def _hard() -> Iterator[Case]:
    rows = [
        ("a", 0, "x", 0.2),
        ("a", 1, "x", 0.9),
        ("a", 0, "y", 0.7),
        ("a", 1, "y", 0.6),
        ("a", 0, "z", 0.95),
    ]
    rows += [("b", 0, "x", 0.3), ("b", 0, "y", 0.65), ("b", 0, "z", 0.97)]
    yield Case(
        given="x with 0.2, 0.9 and 0.3, y with 0.7, 0.6 and 0.65, z above 0.9:",
        arguments=(_table(rows),),
        expected="y",
    )


def reading(low: float, high: float, matters: float) -> str:
    """Read a difference's interval: "differs", "too small to matter" or "cannot tell".

    It differs if its interval holds no zero, and is too small if all of it lies within ± ``matters``.
    """
    if low > 0 or high < 0:
        return "differs"
    if -matters < low and high < matters:
        return "too small to matter"
    return "cannot tell"


def _intervals() -> Iterator[Case]:
    yield Case(arguments=(0.1, 0.5, 0.3), expected="differs")
    yield Case(arguments=(-0.5, -0.1, 0.3), expected="differs")
    yield Case(arguments=(-0.1, 0.2, 0.3), expected="too small to matter")
    yield Case(arguments=(0.0, 0.2, 0.3), expected="too small to matter")  # an end at zero holds zero
    yield Case(arguments=(-0.1, 0.9, 0.3), expected="cannot tell")
    yield Case(arguments=(-0.9, 0.1, 0.3), expected="cannot tell")


def agreement_limits(errors_mm: pd.Series) -> tuple[float, float]:
    """Bland and Altman's 95 % limits of agreement."""
    spread = 1.96 * errors_mm.std()
    return float(errors_mm.mean() - spread), float(errors_mm.mean() + spread)


def _errors() -> Iterator[Case]:
    # The sample SD of 1, 2, 3 is 1.
    yield Case(
        given="Errors of 1, 2 and 3 mm:", arguments=(pd.Series([1.0, 2.0, 3.0]),), expected=(0.04, 3.96)
    )
    yield Case(
        given="Errors of -1 and 1 mm:", arguments=(pd.Series([-1.0, 1.0]),), expected=(-2.771859, 2.771859)
    )


EXERCISES = (
    Exercise(
        title="A mean, from the rows",
        prompt="Recompute a variant's mean Dice without the functions of this book. Then call it with "
        "`per_image`.",
        solution=mean_of_runs,
        cases=_uneven,
        hint="Choose the variant's rows, group by seed, take the mean in each group, and the mean of these.",
        mistakes=(
            Mistake(
                lambda images, variant: images.loc[images["variant"] == variant, "dice"].mean(),
                "All rows in one heap: a run with more images has more to say. The unit is the run.",
            ),
            Mistake(
                lambda images, variant: images.groupby("seed")["dice"].mean().mean(),
                "The other variant's rows are in it. Choose first.",
            ),
        ),
        why="The training is the unit of the comparison, so each run counts once.",
    ),
    Exercise(
        title="Whose fault is it?",
        prompt="Which image does *no* run get right? Try it on `per_image`, and open the annotation of what "
        "it names.",
        solution=hardest_image,
        cases=_hard,
        hint="Take the best Dice of each image over all runs. Where even that is small, all of them fail.",
        mistakes=(
            Mistake(
                lambda images: images.groupby("name")["dice"].min().idxmin(),
                "One run failed on x, but another got it right. Look at each image's *best* run.",
            ),
            Mistake(lambda images: images.groupby("name")["dice"].max().idxmax(), "That is the easiest one."),
        ),
        why="Where even the best run is bad, look at the image and its annotation before you blame a "
        "network.",
    ),
    Exercise(
        title="What may you say?",
        prompt="Read an interval as you should. There are three answers, not two.",
        solution=reading,
        cases=_intervals,
        hint="Does the interval hold zero? If so, does it also hold differences that would matter?",
        mistakes=(
            Mistake(
                lambda low, high, matters: "differs" if low > 0 or high < 0 else "too small to matter",
                "An interval that holds zero *and* large differences has shown nothing. That is the third "
                "answer.",
            ),
            Mistake(
                lambda low, high, matters: "differs" if low > 0 or high < 0 else "cannot tell",
                "A narrow interval around zero does say something: whatever the difference is, it is small.",
            ),
        ),
        why='"Not significant" is two things: shown to be small, or not shown at all. '
        "The width of the interval tells which.",
    ),
    Exercise(
        title="Limits of agreement",
        prompt="Between which two values do 95 % of the errors lie, if they are normal?",
        solution=agreement_limits,
        cases=_errors,
        hint="The mean error, minus and plus 1.96 standard deviations of the errors.",
        mistakes=(
            Mistake(
                lambda errors_mm: (
                    errors_mm.mean() - 1.96 * errors_mm.std(ddof=0),
                    errors_mm.mean() + 1.96 * errors_mm.std(ddof=0),
                ),
                "Divide by $n - 1$: these errors are a sample.",
            ),
            Mistake(
                lambda errors_mm: (
                    errors_mm.mean() - 1.96 * errors_mm.sem(),
                    errors_mm.mean() + 1.96 * errors_mm.sem(),
                ),
                "That is the interval of the *mean* error. The limits are for the next single head.",
            ),
        ),
        why="They say what to expect of the next single measurement, bias included.",
    ),
)
