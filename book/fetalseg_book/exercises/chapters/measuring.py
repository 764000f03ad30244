"""Exercises on measuring: overlap, and failures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def iou_from_dice(dice_value: float) -> float:
    """The IoU of two masks whose Dice is ``dice_value``."""
    return dice_value / (2 - dice_value)


def _overlaps() -> Iterator[Case]:
    yield Case(arguments=(1.0,), expected=1.0)
    yield Case(arguments=(0.5,), expected=1 / 3)  # two masks of 2 pixels that share one: 1 of 3
    yield Case(arguments=(0.8,), expected=2 / 3)  # masks of 5 that share four: 4 of 6


def honest_mean(dices: list[float]) -> float:
    """Mean Dice over all images; ``nan`` stands where no head was found."""
    return statistics.mean(0.0 if math.isnan(dice) else dice for dice in dices)


def _tables() -> Iterator[Case]:
    yield Case(arguments=([0.9, 0.8],), expected=0.85)
    yield Case(given="`honest_mean([0.9, nan, 0.9])`", arguments=([0.9, math.nan, 0.9],), expected=0.6)


EXERCISES = (
    Exercise(
        title="Dice or IoU?",
        prompt="Write one as a function of the other. Do you need both in a table?",
        solution=iou_from_dice,
        cases=_overlaps,
        hint="With the overlap $o$ and both areas together $s$: Dice is $2o / s$, IoU is $o / (s - o)$. "
        "Divide by $s$.",
        mistakes=(
            Mistake(
                lambda dice_value: 2 * dice_value / (1 + dice_value),
                "That is the other way: the Dice of masks with this IoU.",
            ),
            Mistake(
                lambda dice_value: dice_value / 2,
                "Half the Dice is the overlap over the *sum* of the areas. The union counts the overlap "
                "once.",
            ),
        ),
        why="It grows with the Dice, so both rank all masks alike. Reporting both adds nothing.",
    ),
    Exercise(
        title="A head that was not found",
        prompt="A library gives `nan` for an empty mask. What is the mean?",
        solution=honest_mean,
        cases=_tables,
        hint="A head that was not found has an overlap of nothing.",
        mistakes=(
            Mistake(
                lambda dices: statistics.mean(dice for dice in dices if not math.isnan(dice)),
                "You left the failure out. Then a network is rewarded for keeping silent.",
            ),
            Mistake(
                lambda dices: statistics.mean(dices),
                "One `nan` makes the whole mean `nan`. What is the Dice of a head that was not found?",
            ),
        ),
        why="A failure counts with Dice 0, and the number of failures is given next to the mean.",
    ),
)
