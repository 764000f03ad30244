"""Exercises on what the mean hid: the share of a few images, a robust measure, and a plan."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def without_farthest(differences: list[float], count: int) -> float:
    """Mean of the differences once the `count` farthest from zero are left out."""
    nearest_first = sorted(differences, key=abs)
    return statistics.mean(nearest_first[: len(differences) - count])


def _differences() -> Iterator[Case]:
    yield Case(arguments=([0.0, 0.1, -0.1, 0.2, -10.0], 1), expected=0.05)
    yield Case(arguments=([1.0, 2.0, 9.0, -8.0], 2), expected=1.5)
    yield Case(arguments=([1.0, 2.0], 0), expected=1.5)


def typical_change(
    one: list[list[float]],
    other: list[list[float]],
) -> list[float]:
    """For each seed the median over images of `one` minus `other`; a list of Dice for each."""
    return [
        statistics.median(a - b for a, b in zip(ours, theirs, strict=True))
        for ours, theirs in zip(one, other, strict=True)
    ]


def _seeds() -> Iterator[Case]:
    other = [[90.0, 95.0, 97.0], [80.0, 95.0, 97.0]]
    one = [[95.0, 95.25, 96.5], [80.5, 94.0, 105.0]]  # changed by 5, 0.25, -0.5, and by 0.5, -1, 8
    yield Case(given="Two seeds, three images:", arguments=(one, other), expected=[0.25, 0.5])


def error_of(
    seed: float,
    exam: float,
    both: float,
    seeds: int,
    exams: int,
) -> float:
    """Standard error of a difference over matched seeds and exams, from three *variances*."""
    return math.sqrt(seed / seeds + exam / exams + both / (seeds * exams))


def _plans() -> Iterator[Case]:
    yield Case(arguments=(4.0, 0.0, 0.0, 4, 100), expected=1.0)
    yield Case(arguments=(0.0, 4.0, 0.0, 100, 4), expected=1.0)
    yield Case(arguments=(0.06, 3.0, 12.0, 6, 300), expected=math.sqrt(0.01 + 0.01 + 12 / 1800))


EXERCISES = (
    Exercise(
        title="Leave out the farthest",
        prompt="How much of a mean do a few images decide?",
        solution=without_farthest,
        cases=_differences,
        hint="Sort by size without the sign, and keep all but the last `count`.",
        mistakes=(
            Mistake(
                lambda differences, count: statistics.mean(sorted(differences)[: len(differences) - count]),
                "The farthest from zero may be negative. Sort by size, without the sign.",
            ),
        ),
        why="If leaving out one image moves the mean, report that, and look at the image.",
    ),
    Exercise(
        title="A typical image",
        prompt="Summarise each seed by the image in the middle.",
        solution=typical_change,
        cases=_seeds,
        hint="Subtract image by image first. Then one median for each seed.",
        mistakes=(
            Mistake(
                lambda one, other: [
                    statistics.median(ours) - statistics.median(theirs)
                    for ours, theirs in zip(one, other, strict=True)
                ],
                "That compares two typical images, which need not be the same one. Subtract first.",
            ),
            Mistake(
                lambda one, other: typical_change(
                    [list(image) for image in zip(*one, strict=True)],
                    [list(image) for image in zip(*other, strict=True)],
                ),
                "That is one value for each image. A comparison of trainings needs one for each seed.",
            ),
        ),
        why="Hard and easy images cancel in the difference, and the median ignores the few extreme ones.",
    ),
    Exercise(
        title="Seeds or exams?",
        prompt="More seeds, or more exams: which of the three parts does each of them shrink?",
        solution=error_of,
        cases=_plans,
        hint="Each variance is divided by how many independent draws you have of it.",
        mistakes=(
            Mistake(
                lambda seed, exam, both, seeds, exams: math.sqrt((seed + exam + both) / (seeds * exams)),
                "What all exams of a seed share is not averaged away by more exams.",
            ),
            Mistake(
                lambda seed, exam, both, seeds, exams: seed / seeds + exam / exams + both / (seeds * exams),
                "That is the variance. Take its root.",
            ),
        ),
        why="With infinitely many seeds the exam's part remains: only more exams shrink it.",
    ),
)
