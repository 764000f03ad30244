"""Exercises on pre-training: a fair number of epochs, what a start is worth, statistics of many batches."""

from __future__ import annotations

import math
import random as chance
import statistics
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def epochs_for(steps: int, images: int, batch_size: int) -> int:
    """Number of epochs that comes nearest to ``steps`` steps; the last batch may be smaller."""
    return round(steps / -(-images // batch_size))


def _epochs() -> Iterator[Case]:
    yield Case(arguments=(220, 699, 16), expected=5, tolerance=0)  # 43 full batches and one of 11
    yield Case(arguments=(220, 200, 16), expected=17, tolerance=0)  # 13 batches, 221 steps
    yield Case(arguments=(220, 100, 16), expected=31, tolerance=0)  # 7 batches, 217 steps
    yield Case(arguments=(220, 50, 16), expected=55, tolerance=0)  # 4 batches, one of them of 2 images


def worth(pretrained: list[float], random: list[float]) -> tuple[float, bool]:
    """Mean gain of Dice over the random start, seed by seed, and whether every seed agrees on its sign."""
    gains = [ours - theirs for ours, theirs in zip(pretrained, random, strict=True)]
    return statistics.mean(gains), all(gain > 0 for gain in gains) or all(gain < 0 for gain in gains)


def _worth() -> Iterator[Case]:
    yield Case(arguments=([0.95, 0.94], [0.90, 0.91]), expected=(0.04, True))
    yield Case(arguments=([0.95, 0.92], [0.94, 0.93]), expected=(0.0, False))  # one up, one down
    yield Case(arguments=([0.90, 0.91], [0.92, 0.93]), expected=(-0.02, True))


def pooled(batches: list[list[float]]) -> tuple[float, float]:
    """Mean and variance (over n) of one channel's values, which come in batches of several sizes."""
    count = sum(len(batch) for batch in batches)
    mean = sum(sum(batch) for batch in batches) / count
    square = sum(value**2 for batch in batches for value in batch) / count
    return mean, square - mean**2


def _batches() -> Iterator[Case]:
    yield Case(arguments=([[1.0, 3.0]],), expected=(2.0, 1.0))
    yield Case(  # 0, 0, 0, 4: mean 1, squares sum to 16
        arguments=([[0.0, 0.0, 0.0], [4.0]],), expected=(1.0, 3.0)
    )
    draw = chance.Random(0)
    values = [draw.random() for _ in range(30)]
    yield Case(
        given="Thirty random numbers in batches of 16 and 14:",
        arguments=([values[:16], values[16:]],),
        expected=(statistics.mean(values), statistics.pvariance(values)),
    )


EXERCISES = (
    Exercise(
        title="A fair number of epochs",
        prompt="Every arm should take about the same number of steps. For how many epochs must it train?",
        solution=epochs_for,
        cases=_epochs,
        hint="An epoch has as many steps as batches. Seven images in batches of four are two batches.",
        mistakes=(
            Mistake(
                lambda steps, images, batch_size: round(steps * batch_size / images),
                "That counts images. With 50 images and batches of 16 the fourth batch holds two images, "
                "and it is a whole step.",
            ),
            Mistake(
                lambda steps, images, batch_size: round(steps / (images // batch_size)),
                "The last batch is smaller, but it is not dropped. Round up.",
            ),
        ),
        why="Equal epochs would give the arm of 699 images eleven times the steps of the arm of 50.",
    ),
    Exercise(
        title="What is a start worth?",
        prompt="You have the Dice of matched seeds, with and without pre-training. Give the mean gain, and "
        "say whether all seeds agree on its sign.",
        solution=worth,
        cases=_worth,
        hint="Subtract seed by seed first. Then look at the mean and at the signs.",
        mistakes=(
            Mistake(
                lambda pretrained, random: (max(pretrained) - max(random), True),
                "The best seed is luck. Take all of them.",
            ),
            Mistake(
                lambda pretrained, random: (
                    statistics.mean(pretrained) - statistics.mean(random),
                    statistics.mean(pretrained) > statistics.mean(random),
                ),
                "The mean is right. But do all seeds gain, or all of them lose?",
            ),
        ),
        why="Two seeds that disagree are no proof that there is no effect. They are a reason not to claim "
        "one.",
    ),
    Exercise(
        title="New statistics",
        prompt="Batch normalisation needs one mean and one variance of *all* training images, but the "
        "images come in batches. Pool them.",
        solution=pooled,
        cases=_batches,
        hint="Sums can be added, means of unequal batches cannot. The variance is the mean square less the "
        "squared mean.",
        mistakes=(
            Mistake(
                lambda batches: (
                    statistics.mean(map(statistics.mean, batches)),
                    statistics.mean(map(statistics.pvariance, batches)),
                ),
                "A mean of variances forgets that the batches' means differ, and a small batch counts as "
                "much as a large one.",
            ),
            Mistake(
                lambda batches: (pooled(batches)[0], math.sqrt(pooled(batches)[1])),
                "The second number is a standard deviation. Square it.",
            ),
        ),
        why="This is what *re-estimated* means here: no gradient, no mask, one pass over the images.",
    ),
)
