"""Exercises on the error analysis: shared failures, gates that look or do not, and a class activation map."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fetalseg_book.exercises.chapters import error_analysis as plain
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


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


ALWAYS_WORST, IMAGE_SHARE = plain.EXERCISES

EXERCISES = (
    ALWAYS_WORST,
    IMAGE_SHARE,
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
