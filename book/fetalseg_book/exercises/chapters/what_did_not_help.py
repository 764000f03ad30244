"""Exercises on null results: too small to matter, the file drawer, a gain in speed beyond the noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import mean, median

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def too_small(low: float, high: float, matters: float) -> bool:
    """Whether a difference with this interval has been shown to be smaller than what matters, either way."""
    return -matters < low and high < matters


def _intervals() -> Iterator[Case]:
    yield Case(arguments=(-0.2, 0.4, 0.5), expected=True)
    yield Case(arguments=(0.1, 0.3, 0.5), expected=True)  # not zero, and still small
    yield Case(arguments=(-0.1, 1.0, 0.5), expected=False)  # holds zero, and much else
    yield Case(arguments=(-1.0, 0.1, 0.5), expected=False)
    yield Case(arguments=(2.0, 3.0, 0.5), expected=False)


def drawer_mean(effects: list[float], half_widths: list[float]) -> float:
    """Mean effect over the studies whose interval lies above zero; not a number if there is none."""
    shown = [effect for effect, half in zip(effects, half_widths, strict=True) if effect - half > 0]
    return sum(shown) / len(shown) if shown else float("nan")


def _drawers() -> Iterator[Case]:
    yield Case(arguments=([0.1, 0.5, -0.2], [0.3, 0.3, 0.3]), expected=0.5)  # all three: 0.13
    yield Case(arguments=([0.4, -0.6, 0.6], [0.3, 0.3, 0.3]), expected=0.5)
    yield Case(arguments=([1.0, 0.2], [0.5, 0.1]), expected=0.6)
    yield Case(arguments=([0.1, -0.1], [0.3, 0.3]), expected=math.nan)


def surely_faster(ours: list[float], theirs: list[float]) -> bool:
    """Whether ours took less time than theirs in at least three of four rounds, timed turn by turn."""
    won = [a < b for a, b in zip(ours, theirs, strict=True)]
    return sum(won) >= 0.75 * len(won)


def _rounds() -> Iterator[Case]:
    yield Case(arguments=([9, 9, 9, 30], [10, 10, 10, 10]), expected=True)  # one disturbed round
    yield Case(arguments=([9, 9, 11, 11], [10, 10, 10, 10]), expected=False)
    yield Case(arguments=([8, 8, 8, 19, 19], [9, 9, 9, 18, 18]), expected=False)  # 3 of 5, smaller median
    yield Case(arguments=([10, 10, 10, 10], [10, 10, 10, 10]), expected=False)


EXERCISES = (
    Exercise(
        title="Shown to be small",
        prompt="Decide it from the interval alone. Then try it on the intervals of the first table.",
        solution=too_small,
        cases=_intervals,
        hint="All of the interval has to lie between minus and plus what matters.",
        mistakes=(
            Mistake(
                lambda low, high, matters: low <= 0 <= high,
                "That is *not significant*. An interval can hold zero and a large difference as well.",
            ),
            Mistake(
                lambda low, high, matters: abs((low + high) / 2) < matters,
                "That looks at the middle only. How large might the difference still be?",
            ),
        ),
        why="It takes a narrow interval to show that nothing much is there. So a null result costs seeds.",
    ),
    Exercise(
        title="The file drawer",
        prompt="Many groups study the same effect, and only those who find a clear gain publish. What mean "
        "does a reader see? Compare it with the mean of all.",
        solution=drawer_mean,
        cases=_drawers,
        hint="Keep the studies whose effect minus half width is above zero, and average those.",
        mistakes=(
            Mistake(
                lambda effects, half_widths: float(mean(effects)),
                "That is the mean of all, the drawer included. A reader sees less.",
            ),
            Mistake(
                lambda effects, half_widths: float(
                    mean([e for e, h in zip(effects, half_widths, strict=True) if abs(e) > h] or [math.nan])
                ),
                "A clear *loss* is not published either, in this story.",
            ),
        ),
        why="What is published is larger than what is true, although nobody lied.",
    ),
    Exercise(
        title="Faster beyond the noise?",
        prompt="Two programs ran turn by turn. A smaller median may be luck: ask for three rounds of four.",
        solution=surely_faster,
        cases=_rounds,
        hint="Compare round by round, and count. Equal is not faster.",
        mistakes=(
            Mistake(
                lambda ours, theirs: bool(median(ours) < median(theirs)),
                "The medians forget which rounds belong together, and how often each won.",
            ),
            Mistake(
                lambda ours, theirs: bool(mean(ours) < mean(theirs)), "One disturbed round moves a mean far."
            ),
        ),
        why="Where two programs win about as often, there is nothing to choose by speed.",
    ),
)
