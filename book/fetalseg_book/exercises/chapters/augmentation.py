"""Exercises on augmentation: move both, do not overflow, and count what stays as it was."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def flipped(
    image: np.ndarray,
    mask: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask as seen from the other side, left and right exchanged."""
    return image[:, ::-1], mask[:, ::-1]


def _pairs() -> Iterator[Case]:
    image, mask = np.array([[1, 2], [3, 4]]), np.array([[0, 1], [0, 0]])
    expected = [[[2, 1], [4, 3]], [[1, 0], [0, 0]]]
    yield Case(
        given="The image [[1, 2], [3, 4]] with the mask [[0, 1], [0, 0]]:",
        arguments=(image, mask),
        expected=expected,
    )


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


def untouched(moves: int, probability: float) -> float:
    """Share of the images that none of so many independent moves changes."""
    return (1 - probability) ** moves


def _coins() -> Iterator[Case]:
    yield Case(arguments=(1, 0.5), expected=0.5)
    yield Case(arguments=(2, 0.1), expected=0.81)
    yield Case(arguments=(4, 0.5), expected=0.0625)


EXERCISES = (
    Exercise(
        title="Move both",
        prompt="Flip an image as a network sees it in training. What else must be flipped?",
        solution=flipped,
        cases=_pairs,
        hint="Turn the order of the columns around, in both. Give back the two in the order in which they "
        "came.",
        mistakes=(
            Mistake(
                lambda image, mask: (image[:, ::-1], mask),
                "The mask stayed where it was. Now it says *head* where there is none.",
            ),
            Mistake(
                lambda image, mask: (image[::-1], mask[::-1]),
                "That is upside down. Left and right are columns.",
            ),
        ),
        why="If the mask stays behind, you train on wrong answers.",
    ),
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
    Exercise(
        title="How many stay as they are?",
        prompt="Four moves, each with probability one half. Which share of the images should come out "
        "untouched?",
        solution=untouched,
        cases=_coins,
        hint="Every one of the coins must say *no move*.",
        mistakes=(
            Mistake(
                lambda moves, probability: probability**moves,
                "That is the share in which *all* moves happen.",
            ),
            Mistake(
                lambda moves, probability: 1 - moves * probability,
                "Chances do not add up: with four coins you would get a negative share.",
            ),
        ),
        why="One in sixteen. If half of your images come out untouched, all moves share one coin.",
    ),
)
