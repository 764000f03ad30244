"""Exercises on the ablation: what an interval allows to say, and whether a published number is plausible."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def reading(low: float, high: float, matters: float) -> str:
    """Read a difference's interval: "differs", "too small to matter" or "cannot tell".

    It differs if its interval does not include zero, and is too small if all of it lies within ± ``matters``.
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
    yield Case(arguments=(0.0, 0.2, 0.3), expected="too small to matter")  # an end at zero includes zero
    yield Case(arguments=(-0.1, 0.9, 0.3), expected="cannot tell")
    yield Case(arguments=(-0.9, 0.1, 0.3), expected="cannot tell")


def spread_behind(difference: float, effect_size: float) -> float:
    """Standard deviation that Cohen's d, difference over standard deviation, must have been divided by."""
    return difference / effect_size


def _effects() -> Iterator[Case]:
    yield Case(given="A difference of 1 and d = 0.5:", arguments=(1.0, 0.5), expected=2.0)
    yield Case(given="99.30 against 97.46, and d = 13.159:", arguments=(1.84, 13.159), expected=0.139828)


EXERCISES = (
    Exercise(
        title="What may you say?",
        prompt="What does an interval allow you to say? There are three answers, not two.",
        solution=reading,
        cases=_intervals,
        hint="Does the interval include zero? If so, does it also include differences that would matter?",
        mistakes=(
            Mistake(
                lambda low, high, matters: "differs" if low > 0 or high < 0 else "too small to matter",
                "An interval that includes zero *and* large differences shows nothing either way. That is "
                "the third answer.",
            ),
            Mistake(
                lambda low, high, matters: "differs" if low > 0 or high < 0 else "cannot tell",
                "A narrow interval around zero does say something: whatever the difference is, it is small.",
            ),
        ),
        why='"Not significant" can mean two things: the difference is shown to be small, or '
        "nothing is shown. The width of the interval tells which.",
    ),
    Exercise(
        title="Is it plausible?",
        prompt="A preprint reports 99.30 ± 0.14 % on HC18, 97.46 % for a U-Net++, and effect sizes of up to "
        "$d$ = 13.159. Suppose that the largest belongs to this gap. Which standard deviation was it divided "
        "by? Compare that with the spread of single images here: "
        '`100 * per_image.groupby(["variant", "seed"])["dice"].std()`.',
        solution=spread_behind,
        cases=_effects,
        hint="Cohen's d is the difference over the standard deviation. Solve for the latter.",
        mistakes=(
            Mistake(lambda difference, effect_size: difference * effect_size, "Divide: d = difference / SD."),
            Mistake(lambda difference, effect_size: effect_size / difference, "The other way round."),
        ),
        why="Single images vary far more than that, so this may be the spread of repeated trainings. The "
        "abstract does not say which, and a reader needs to know.",
    ),
)
