"""Exercises on the error analysis: shared failures, and gates that look or do not."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def always_worst(runs: list[dict[str, float]], count: int) -> set[str]:
    """Names of the images that are among the `count` worst of *every* run; a run has a Dice for each name."""
    worst = [set(sorted(dice, key=dice.__getitem__)[:count]) for dice in runs]
    return set.intersection(*worst)


def _runs() -> Iterator[Case]:
    runs = [
        {"x": 0.2, "y": 0.5, "z": 0.6, "w": 0.9, "v": 0.95},
        {"x": 0.7, "y": 0.4, "z": 0.95, "w": 0.8, "v": 0.9},
    ]
    yield Case(
        given="Two runs; x 0.2 and 0.7, y 0.5 and 0.4, z 0.6 and 0.95, w and v better; two worst:",
        arguments=(runs, 2),
        expected={"x", "y"},
    )
    yield Case(given="The same; one worst:", arguments=(runs, 1), expected=set())
    yield Case(given="The same; three worst:", arguments=(runs, 3), expected={"x", "y"})


def image_share(gates: list[list[float]]) -> float:
    """Share of the gates' variance that comes from the image. `gates` has a row of channels for each image.

    The variance from image to image, averaged over channels, over that plus the variance between the
    channels' means.
    """
    channels = list(zip(*gates, strict=True))
    by_image = statistics.fmean(map(statistics.pvariance, channels))
    by_channel = statistics.pvariance(map(statistics.fmean, channels))
    return by_image / (by_image + by_channel)


def _gates() -> Iterator[Case]:
    yield Case(
        given="Two images, channels at 0.2 ± 0.1 and 0.6 ± 0.1:",
        arguments=([[0.1, 0.5], [0.3, 0.7]],),
        expected=0.2,
    )
    yield Case(
        given="Gates that are the same in every image:",
        arguments=([[0.1, 0.9], [0.1, 0.9], [0.1, 0.9]],),
        expected=0.0,
    )


EXERCISES = (
    Exercise(
        title="Bad luck, or a bad image?",
        prompt="Which images does *every* training get wrong?",
        solution=always_worst,
        cases=_runs,
        hint="Sort the names of each run by their Dice, and keep the first few. Which are in all of these?",
        mistakes=(
            Mistake(
                lambda runs, count: set.union(*(always_worst([dice], count) for dice in runs)),
                "These are the images that *some* run gets wrong. Some of them are bad luck.",
            ),
            Mistake(
                lambda runs, count: always_worst(
                    [{name: statistics.mean(dice[name] for dice in runs) for name in runs[0]}], count
                ),
                "A mean can be low because of one run alone.",
            ),
        ),
        why="If all trainings fail on an image, the cause is in the image, in its annotation or in what "
        "they share.",
    ),
    Exercise(
        title="Does the gate look at the image?",
        prompt="Split the variance of the gates. Then call it with one block of `gates_of_phantoms`.",
        solution=image_share,
        cases=_gates,
        hint="`zip(*gates)` gives the values of each channel, and `statistics.pvariance` their variance.",
        mistakes=(
            Mistake(
                lambda gates: (
                    (by_image := statistics.mean(map(statistics.pstdev, zip(*gates, strict=True))))
                    / (by_image + statistics.pstdev(map(statistics.mean, zip(*gates, strict=True))))
                ),
                "Standard deviations do not add up. Variances do.",
            ),
            Mistake(
                lambda gates: 1 - image_share(gates),
                "That is the other share, that of the channels.",
            ),
        ),
        why="A gate that is the same for every image is a constant: it could be folded into the next layer.",
    ),
)
