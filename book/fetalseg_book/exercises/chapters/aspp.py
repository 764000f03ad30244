"""Exercises on the bottleneck: which rates fit the map."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def largest_full_rate(side: int) -> int:
    """The largest rate at which a 3×3 kernel sees all nine taps from *some* position of a square map."""
    return (side - 1) // 2


def _maps() -> Iterator[Case]:
    for side in (3, 8, 33):
        rates = range(1, side + 1)
        full = [r for r in rates if any(at - r >= 0 and at + r < side for at in range(side))]
        yield Case(arguments=(side,), expected=max(full), tolerance=0)


EXERCISES = (
    Exercise(
        title="Which rates fit the map?",
        prompt="The note's map has 8 rows. Which rate would be the largest that uses all of its weights "
        "somewhere?",
        solution=largest_full_rate,
        cases=_maps,
        hint="The best position is in the middle. It needs `rate` rows before it and `rate` rows behind.",
        mistakes=(
            Mistake(lambda side: side // 2, "The position itself takes a row, too: $2r + 1$ rows must fit."),
            Mistake(
                lambda side: side - 1,
                "At that rate *some* outer tap sees data from a corner. All nine at once need room on both "
                "sides.",
            ),
        ),
        why="$2r + 1 \\le 8$ gives $r \\le 3$: just the rates of `aspp_rates_1_2_3`.",
    ),
)
