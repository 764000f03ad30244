"""Exercises on the error analysis: shared failures, gates that look or do not, and a class activation map."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def always_worst(dice: pd.DataFrame, count: int) -> set[str]:
    """Names of the images that are among the `count` worst of *every* run (rows are runs, columns images)."""
    ranks = dice.rank(axis=1)
    return set(dice.columns[(ranks <= count).all()])


def _runs() -> Iterator[Case]:
    table = pd.DataFrame(
        {"x": [0.2, 0.7], "y": [0.5, 0.4], "z": [0.6, 0.95], "w": [0.9, 0.8], "v": [0.95, 0.9]}
    )
    yield Case(
        given="Two runs; x 0.2 and 0.7, y 0.5 and 0.4, z 0.6 and 0.95, w and v better; two worst:",
        arguments=(table, 2),
        expected={"x", "y"},
    )
    yield Case(given="The same; one worst:", arguments=(table, 1), expected=set())
    yield Case(given="The same; three worst:", arguments=(table, 3), expected={"x", "y"})


def image_share(gates: np.ndarray) -> float:
    """Share of the gates' variance that comes from the image. `gates` is images × channels.

    The variance from image to image, averaged over channels, over that plus the variance between the
    channels' means.
    """
    images = gates.var(axis=0).mean()
    channels = gates.mean(axis=0).var()
    return float(images / (images + channels))


def _gates() -> Iterator[Case]:
    yield Case(
        given="Two images, channels at 0.2 ± 0.1 and 0.6 ± 0.1:",
        arguments=(np.array([[0.1, 0.5], [0.3, 0.7]]),),
        expected=0.2,
    )
    yield Case(
        given="Gates that are the same in every image:",
        arguments=(np.array([[0.1, 0.9], [0.1, 0.9], [0.1, 0.9]]),),
        expected=0.0,
    )


def class_map(features: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Grad-CAM of a layer: channels weighted by their mean gradient, summed, and what is negative set to 0.

    Both are channels × rows × columns.
    """
    weights = gradients.mean(axis=(1, 2))
    return np.maximum(np.tensordot(weights, features, axes=1), 0)


def _layer() -> Iterator[Case]:
    features = np.array([[[1.0, 2.0]], [[3.0, 0.0]]])
    gradients = np.array([[[1.0, 3.0]], [[-2.0, 0.0]]])
    # The weights are 2 and -1.
    yield Case(
        given="Two channels of two pixels, (1, 2) and (3, 0), gradients (1, 3) and (-2, 0):",
        arguments=(features, gradients),
        expected=np.array([[0.0, 4.0]]),
    )


EXERCISES = (
    Exercise(
        title="Bad luck, or a bad image?",
        prompt="Which images does *every* training get wrong?",
        solution=always_worst,
        cases=_runs,
        hint="Rank the images within each run, `rank(axis=1)`. Then look for those that rank low in all.",
        mistakes=(
            Mistake(
                lambda dice, count: set(dice.columns[(dice.rank(axis=1) <= count).any()]),
                "These are the images that *some* run gets wrong. Some of them are bad luck.",
            ),
            Mistake(
                lambda dice, count: set(dice.mean().nsmallest(count).index),
                "A mean can be low because of one run alone.",
            ),
            Mistake(
                lambda dice, count: set(dice.columns[(dice.rank(axis=0) <= count).all()]),
                "You ranked the runs of each image. Rank the images of each run.",
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
        hint="`var(axis=0)` is the variance of each channel from image to image.",
        mistakes=(
            Mistake(
                lambda gates: float(
                    gates.std(axis=0).mean() / (gates.std(axis=0).mean() + gates.mean(axis=0).std())
                ),
                "Standard deviations do not add up. Variances do.",
            ),
            Mistake(
                lambda gates: float(
                    gates.mean(axis=0).var() / (gates.var(axis=0).mean() + gates.mean(axis=0).var())
                ),
                "That is the other share, that of the channels.",
            ),
        ),
        why="A gate that is the same for every image is a constant: it could be folded into the next layer.",
    ),
    Exercise(
        title="A map of your own",
        prompt="Write Grad-CAM in two lines.",
        solution=class_map,
        cases=_layer,
        hint="One weight a channel: the mean of its gradient. Then a weighted sum over the channels.",
        mistakes=(
            Mistake(
                lambda features, gradients: np.maximum((gradients * features).sum(axis=0), 0),
                "That is gradient times feature, pixel by pixel. Average the gradient first.",
            ),
            Mistake(
                lambda features, gradients: np.tensordot(gradients.mean(axis=(1, 2)), features, axes=1),
                "Almost. Grad-CAM keeps only what raises the score.",
            ),
            Mistake(
                lambda features, gradients: np.abs(
                    np.tensordot(gradients.mean(axis=(1, 2)), features, axes=1)
                ),
                "An absolute value makes evidence *against* the head look like evidence for it.",
            ),
        ),
        why="Look at what went in: the features. A map can look right because they do, whatever the weights.",
    ),
)
