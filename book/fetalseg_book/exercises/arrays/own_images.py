"""Exercises on one's own images: torn exams, grey levels, and what a warning can see."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fetalseg_book.exercises.chapters import own_images as plain
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def eight_bit(pixels: np.ndarray) -> np.ndarray:
    """16-bit grey as 8-bit grey: 0 stays 0, 65535 becomes 255, and all between in proportion."""
    return np.rint(pixels / 257).astype(np.uint8)


def _pixels() -> Iterator[Case]:
    for values, expected in (((0, 257, 65535), (0, 1, 255)), ((0, 30000), (0, 117)), ((512, 1000), (2, 4))):
        yield Case(
            given=f"The 16-bit pixels {list(values)}:",
            arguments=(np.array(values, dtype=np.uint16),),
            expected=expected,
            tolerance=0,
        )


TORN_EXAMS, FALSE_ALARMS, OUTSIDE = plain.EXERCISES

EXERCISES = (
    TORN_EXAMS,
    Exercise(
        title="From 16 bits to 8",
        prompt="Scanners store 16 bits. Bring the pixels to 8, without changing what is dark and what is "
        "bright.",
        solution=eight_bit,
        cases=_pixels,
        hint="65535 is 257 times 255. Divide, round, and give `uint8` back.",
        mistakes=(
            Mistake(
                lambda pixels: pixels.astype(np.uint8),
                "`astype` keeps the lower eight bits and throws the upper ones away. The picture becomes "
                "noise.",
            ),
            Mistake(
                lambda pixels: np.rint(255 * (pixels / pixels.max())),
                "You stretched each image to its own brightest pixel. A dark image must stay dark.",
            ),
            Mistake(
                lambda pixels: (pixels // 257).astype(np.uint8),
                "Whole-number division always rounds down, so every pixel loses a little. Round to the "
                "nearest.",
            ),
        ),
        why="White is the largest number that 16 bits hold, in every image. So images stay comparable.",
    ),
    FALSE_ALARMS,
    OUTSIDE,
)
