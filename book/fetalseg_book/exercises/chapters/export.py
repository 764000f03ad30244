"""Exercises on taking a network elsewhere: whole numbers for real ones, and what that costs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def scale_of(low: float, high: float) -> float:
    """Size of a step, when 256 whole numbers reach from ``low`` to ``high`` and one of them means zero."""
    return (max(high, 0.0) - min(low, 0.0)) / 255


def _ranges() -> Iterator[Case]:
    yield Case(arguments=(0.0, 255.0), expected=1.0)
    yield Case(arguments=(-1.0, 4.1), expected=0.02)
    yield Case(arguments=(1.0, 5.1), expected=0.02)
    yield Case(arguments=(-5.1, -1.0), expected=0.02)


def there_and_back(values: list[float], scale: float, zero: int) -> list[float]:
    """Real numbers as whole ones from 0 to 255, and as real ones again: what an int8 network works with."""
    whole = [min(max(round(value / scale) + zero, 0), 255) for value in values]
    return [(number - zero) * scale for number in whole]


def _values() -> Iterator[Case]:
    yield Case(arguments=([0.0, 0.5, 1.0], 0.5, 0), expected=[0.0, 0.5, 1.0])
    yield Case(arguments=([-1.0, 0.24, 0.26], 0.5, 2), expected=[-1.0, 0.0, 0.5])
    yield Case(arguments=([-9.0, 200.0], 0.5, 2), expected=[-1.0, 126.5])


def is_fit(
    dice_before: list[float],
    dice_after: list[float],
    hc_before: list[float],
    hc_after: list[float],
) -> bool:
    """Whether the mean Dice (0 to 1) moves by 0.1 points at most, and the mean absolute error by 0.1 mm.

    ``hc_before`` and ``hc_after`` are errors of the circumference in mm, with their sign.
    """
    points = 100 * (statistics.mean(dice_after) - statistics.mean(dice_before))
    millimetres = statistics.mean(map(abs, hc_after)) - statistics.mean(map(abs, hc_before))
    return abs(points) <= 0.1 and abs(millimetres) <= 0.1


def _files() -> Iterator[Case]:
    yield Case(arguments=([0.97, 0.95], [0.9705, 0.9502], [1.0, -2.0], [1.05, -2.05]), expected=True)
    yield Case(arguments=([0.97, 0.95], [0.965, 0.95], [1.0, -2.0], [1.0, -2.0]), expected=False)
    yield Case(arguments=([0.97, 0.95], [0.97, 0.95], [1.0, -2.0], [1.3, -2.3]), expected=False)
    yield Case(arguments=([0.97, 0.95], [0.98, 0.96], [1.0, -2.0], [1.0, -2.0]), expected=False)
    yield Case(arguments=([0.97, 0.95], [0.97, 0.95], [1.0, -2.0], [0.5, -1.5]), expected=False)


EXERCISES = (
    Exercise(
        title="How large is a step?",
        prompt="Calibration has seen that a map's values lie between two numbers. Eight bits divide that "
        "range into 256 whole numbers. Zero must be one of them, since borders are padded with it.",
        solution=scale_of,
        cases=_ranges,
        hint="Stretch the range until it includes zero. Then divide it by the number of steps.",
        mistakes=(
            Mistake(
                lambda low, high: (high - low) / 255,
                "A range from 1 to 5, or from -5 to -1, does not include zero. Stretch it first.",
            ),
            Mistake(
                lambda low, high: (max(high, 0.0) - min(low, 0.0)) / 256,
                "256 numbers have 255 steps between them.",
            ),
        ),
        why="One far value makes all steps larger. So a single odd image in the calibration costs accuracy.",
    ),
    Exercise(
        title="There and back",
        prompt="What is left of a real number once it has been rounded to eight bits?",
        solution=there_and_back,
        cases=_values,
        hint="Divide, round, add the zero point, and stay within 0 and 255. Then do it all backwards.",
        mistakes=(
            Mistake(
                lambda values, scale, zero: [round(value / scale) * scale for value in values],
                "What is too large for eight bits has to be cut off.",
            ),
            Mistake(
                lambda values, scale, zero: [
                    (min(max(math.floor(value / scale) + zero, 0), 255) - zero) * scale for value in values
                ],
                "Rounding down moves everything one way. Round to the nearest.",
            ),
        ),
        why="Inside the range the error is half a step at most. Outside it has no bound: that is what "
        "calibration has to prevent.",
    ),
    Exercise(
        title="Fit to be given away?",
        prompt="The book gives an int8 file away only if two means stay where they are. Write that rule.",
        solution=is_fit,
        cases=_files,
        hint="Dice in points is a hundred times Dice. An error of -2 mm is as bad as one of 2 mm.",
        mistakes=(
            Mistake(
                lambda dice_before, dice_after, hc_before, hc_after: (
                    100 * (statistics.mean(dice_before) - statistics.mean(dice_after)) <= 0.1
                    and statistics.mean(map(abs, hc_after)) - statistics.mean(map(abs, hc_before)) <= 0.1
                ),
                "A file that does much better is a different network, too. What counts is how far, not "
                "which way.",
            ),
            Mistake(
                lambda dice_before, dice_after, hc_before, hc_after: (
                    abs(100 * (statistics.mean(dice_after) - statistics.mean(dice_before))) <= 0.1
                    and abs(statistics.mean(hc_after) - statistics.mean(hc_before)) <= 0.1
                ),
                "Errors of both signs cancel in your mean. Take their size first.",
            ),
        ),
        why="It is a rule about means: single images may move more. So look at the largest change as well.",
    ),
)
