"""Exercises on augmentation: move both, do not overflow, and count what stays as it was."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fetalseg_book.exercises.chapters import augmentation as plain
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def brighter(image: np.ndarray, factor: float) -> np.ndarray:
    """The image, of 8-bit grey, ``factor`` times as bright."""
    return np.clip(np.rint(image * factor), 0, 255).astype(np.uint8)


def _greys() -> Iterator[Case]:
    for values, factor, expected in (((100, 101), 1.5, (150, 152)), ((10, 200), 1.5, (15, 255))):
        yield Case(
            given=f"The greys {list(values)}, {factor} times as bright:",
            arguments=(np.array(values, dtype=np.uint8), factor),
            expected=expected,
            tolerance=0,
        )


FLIPPED, UNTOUCHED = plain.EXERCISES

EXERCISES = (
    FLIPPED,
    Exercise(
        title="Brighter, not broken",
        prompt="Now change the brightness. The mask stays as it is. What may go wrong at the bright end?",
        solution=brighter,
        cases=_greys,
        hint="Multiply, round, cut off at 255, and give `uint8` back.",
        mistakes=(
            Mistake(
                lambda image, factor: (image * factor).astype(np.int64).astype(np.uint8),
                "Above 255 `uint8` starts again at 0: the skull turns black. And grey levels should be "
                "rounded.",
            ),
            Mistake(
                lambda image, factor: np.clip(image * factor, 0, 255).astype(np.uint8),
                "The bright end is right. But `astype` cuts the digits off: round first.",
            ),
            Mistake(
                lambda image, factor: np.clip(image * factor, 0, 255),
                "The bright end is right. But 8-bit grey levels are whole numbers: round.",
            ),
            Mistake(lambda image, factor: np.rint(image * factor), "An 8-bit image has no grey above 255."),
        ),
        why="Without the cut the greys overflow silently; with it, all very bright tissue gets the same "
        "grey.",
    ),
    UNTOUCHED,
)
