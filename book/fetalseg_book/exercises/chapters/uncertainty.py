"""Exercises on uncertainty: many tests, matched seeds, and an honest interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def chance_of_a_find(tests: int, alpha: float) -> float:
    """Chance that at least one of so many independent tests is significant when nothing is there."""
    return 1 - (1 - alpha) ** tests


def _families() -> Iterator[Case]:
    yield Case(arguments=(1, 0.05), expected=0.05)
    yield Case(arguments=(2, 0.5), expected=0.75)
    yield Case(arguments=(20, 0.05), expected=0.641514)


def holm(p_values: list[float]) -> list[float]:
    """Holm's corrected p-values, in the order given."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, (len(p_values) - rank) * p_values[place])
        corrected[place] = min(largest, 1.0)
    return corrected


def _p_values() -> Iterator[Case]:
    yield Case(arguments=([0.012, 0.030, 0.200],), expected=[0.036, 0.060, 0.200])
    yield Case(arguments=([0.200, 0.012, 0.030],), expected=[0.200, 0.036, 0.060])
    yield Case(arguments=([0.010, 0.011, 0.500],), expected=[0.030, 0.030, 0.500])
    yield Case(arguments=([0.600, 0.900],), expected=[1.0, 1.0])


def _without_order(p_values: list[float]) -> list[float]:
    ranks = [sum(other < p for other in p_values) for p in p_values]
    return [min((len(p_values) - rank) * p, 1.0) for p, rank in zip(p_values, ranks, strict=True)]


def matched_difference(
    rival: dict[int, float],
    baseline: dict[int, float],
) -> float:
    """Mean of rival minus baseline over the seeds that both have; each holds a Dice for each of its seeds."""
    return statistics.mean(rival[seed] - baseline[seed] for seed in rival if seed in baseline)


def _runs() -> Iterator[Case]:
    a, b = {0: 0.90, 1: 0.92, 2: 0.97}, {0: 0.91, 1: 0.94}
    yield Case(
        given="a with 0.90, 0.92, 0.97 and b with 0.91, 0.94 (seeds 0, 1 and 2): b minus a",
        arguments=(b, a),
        expected=0.015,
    )
    yield Case(given="The same turned around: a minus b", arguments=(a, b), expected=-0.015)


def half_width(errors_mm: list[float], level: float) -> float:
    """Half width of the conformal interval from the errors of calibration heads; ``math.inf`` if too few."""
    rank = math.ceil((len(errors_mm) + 1) * level)
    if rank > len(errors_mm):
        return math.inf
    return sorted(abs(error) for error in errors_mm)[rank - 1]


def _errors() -> Iterator[Case]:
    ten = [1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0, 9.0, -10.0]
    yield Case(given="`half_width([1, -2, 3, ..., 9, -10], 0.8)`", arguments=(ten, 0.8), expected=9.0)
    yield Case(given="`half_width([1, -2, 3, ..., 9, -10], 0.5)`", arguments=(ten, 0.5), expected=6.0)
    yield Case(arguments=([1.0, 2.0, 3.0, 4.0], 0.9), expected=math.inf)


EXERCISES = (
    Exercise(
        title="Try twenty variants",
        prompt="None of them makes a difference. How likely is it that at least one looks significant?",
        solution=chance_of_a_find,
        cases=_families,
        hint="How likely is it that *none* does? One test does not with a chance of $1 - \\alpha$.",
        mistakes=(
            Mistake(
                lambda tests, alpha: tests * alpha,
                "Chances of different tests do not add up: twenty would give certainty.",
            ),
            Mistake(
                lambda tests, alpha: alpha**tests, "That is the chance that *all* of them are significant."
            ),
        ),
        why="With twenty tests at 5 % it is 64 %. Report all that you tried, and correct for it.",
    ),
    Exercise(
        title="Holm by hand",
        prompt="Write the correction without statsmodels.",
        solution=holm,
        cases=_p_values,
        hint="Smallest first: times the number of tests, the next times one fewer. None may fall below one "
        "before it, and none exceeds 1.",
        mistakes=(
            Mistake(
                lambda p_values: [min(len(p_values) * p, 1.0) for p in p_values],
                "That is Bonferroni: every p times the number of tests. Holm asks less of the larger ones.",
            ),
            Mistake(_without_order, "A larger p must not end below a smaller one. Keep the largest so far."),
            Mistake(
                lambda p_values: sorted(holm(p_values)),
                "The values are right, and sorted. Give them back in the order in which they came.",
            ),
        ),
        why="The smallest p is corrected for all tests, the next for one fewer, and so on.",
    ),
    Exercise(
        title="Only what matches",
        prompt="Two variants have different numbers of seeds. Compare them anyway.",
        solution=matched_difference,
        cases=_runs,
        hint="Go through the seeds of one variant, and leave out those that the other lacks. Subtract seed "
        "by seed.",
        mistakes=(
            Mistake(
                lambda rival, baseline: statistics.mean(rival.values()) - statistics.mean(baseline.values()),
                "The lucky third seed of one variant is in its mean, and the other has no such seed.",
            ),
            Mistake(
                lambda rival, baseline: matched_difference(baseline, rival),
                "The sign is turned around: rival minus baseline.",
            ),
        ),
        why="On matched seeds b is better. The unmatched means say the opposite.",
    ),
    Exercise(
        title="Plus or minus how much?",
        prompt="Some heads have been measured and annotated. How wide must an interval be to cover a new "
        "head with the given probability?",
        solution=half_width,
        cases=_errors,
        hint="Sort the errors by size, without their signs. With $n$ of them take number $\\lceil (n + 1) "
        "\\cdot$ level $\\rceil$; where there is no such number, nothing can be promised.",
        mistakes=(
            Mistake(
                lambda errors_mm, level: sorted(map(abs, errors_mm))[math.ceil(len(errors_mm) * level) - 1],
                "The new head is one more: $n + 1$, not $n$.",
            ),
            Mistake(
                lambda errors_mm, level: sorted(errors_mm)[math.ceil((len(errors_mm) + 1) * level) - 1],
                "An error of -10 mm is a large one. Drop the signs first.",
            ),
        ),
        why="The new error is equally likely to take any rank among the old ones. That is all the interval "
        "assumes.",
    ),
)
