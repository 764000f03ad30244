"""Exercises on the data: fill an outline, keep the pixel size, find a leak."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.ndimage import binary_fill_holes

from fetalseg_book.exercises.chapters import data as plain
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake
from fetalseg_lib.geometry import Ellipse, fit_ellipse, rasterize


def head_share(outline: np.ndarray) -> float:
    """Share of the image's pixels that lie inside the head; ``outline`` is True on a thin drawn line."""
    rows, columns = np.nonzero(outline)
    ellipse = fit_ellipse(np.stack([columns, rows], axis=1))
    return float(rasterize(ellipse, outline.shape).mean())


def _outlines() -> Iterator[Case]:
    a, b = 120, 90
    y, x = np.mgrid[:300, :400]
    radius = np.hypot((x - 200) / a, (y - 150) / b)  # 1 on the ellipse
    outline = np.abs(radius - 1) < 0.8 / b
    yield Case(
        given="The outline of a whole head",
        arguments=(outline,),
        expected=math.pi * a * b / outline.size,
        tolerance=0.01,
    )
    cut = slice(0, 210)
    yield Case(
        given="A head that the lower border of the image cuts",
        arguments=(outline[cut],),
        expected=(radius < 1)[cut].mean(),
        tolerance=0.01,
    )


def hc_error_mm(ellipse: Ellipse, pixel_size_mm: float) -> float:
    """By how many mm the HC is too large, if ``ellipse`` (in px) was drawn one pixel too wide all around."""
    wider = Ellipse(
        center_x=ellipse.center_x,
        center_y=ellipse.center_y,
        semi_major=ellipse.semi_major + 1,
        semi_minor=ellipse.semi_minor + 1,
        angle=ellipse.angle,
    )
    return (wider.circumference - ellipse.circumference) * pixel_size_mm


def _wider() -> Iterator[Case]:
    for a, b, pixel in ((100, 100, 0.1), (250, 200, 0.3)):
        head = Ellipse(center_x=0, center_y=0, semi_major=a, semi_minor=b, angle=0)
        yield Case(
            given=f"Semi-axes of {a} and {b} px, at {pixel} mm a pixel: `hc_error_mm`",
            arguments=(head, pixel),
            expected=2 * math.pi * pixel,
            tolerance=0.01,
        )


def measured_back(
    small: Ellipse,
    shape: tuple[int, int],
    pixel_size_mm: float,
) -> float:
    """HC in mm of an ellipse found in an image squeezed to 256×256; ``shape`` is its native (H, W)."""
    height, width = shape
    native = small.scaled(x=width / 256, y=height / 256)
    return native.circumference * pixel_size_mm


def _squeezed() -> Iterator[Case]:
    for height, width in ((540, 800), (256, 512)):
        # A circle of 100 px, squeezed: higher than wide.
        small = Ellipse(
            center_x=100,
            center_y=100,
            semi_major=100 * 256 / height,
            semi_minor=100 * 256 / width,
            angle=-math.pi / 2,
        )
        yield Case(
            given=f"A circle with a radius of 100 px in an image of {height}×{width}, 0.2 mm a pixel,",
            arguments=(small, (height, width), 0.2),
            expected=2 * math.pi * 100 * 0.2,
        )


(LEAK_SHARE,) = plain.EXERCISES

EXERCISES = (
    Exercise(
        title="Fill the head",
        prompt="An outline is a thin line of True. How much of the image is head? It must be right for a "
        "head that leaves the image, too.",
        solution=head_share,
        cases=_outlines,
        hint="Take the coordinates of the line's pixels (x first), fit an ellipse, fill it.",
        mistakes=(
            Mistake(
                lambda outline: binary_fill_holes(outline).mean(),
                "An outline that the border cuts is open, and an open line has no hole to fill.",
            ),
            Mistake(
                lambda outline: outline.mean(), "That is the thin line itself. The head is what it encloses."
            ),
        ),
        why="The fitted ellipse closes itself, wherever the image ends.",
    ),
    Exercise(
        title="One pixel too wide",
        prompt="Guess before you compute: does a large head suffer more than a small one?",
        solution=hc_error_mm,
        cases=_wider,
        hint="Build the wider ellipse and subtract the perimeters. Then go from px to mm.",
        mistakes=(
            Mistake(
                lambda ellipse, pixel_size_mm: pixel_size_mm,
                "One pixel more of radius is about $2\\pi$ pixels more of perimeter.",
            ),
            Mistake(
                lambda ellipse, pixel_size_mm: hc_error_mm(ellipse, 1),
                "That is in px. How many mm is a pixel?",
            ),
        ),
        why="The perimeter grows by about $2\\pi$ pixels, however large the head is. In mm it depends on "
        "the zoom.",
    ),
    Exercise(
        title="Back from the square",
        prompt="A network found an ellipse in a squeezed image. What is the circumference in mm?",
        solution=measured_back,
        cases=_squeezed,
        hint="`Ellipse.scaled(x=..., y=...)` stretches the axes. x goes with the columns, so with the width.",
        mistakes=(
            Mistake(
                lambda small, shape, pixel_size_mm: small.circumference * pixel_size_mm,
                "These are pixels of the square. Go back to the native image before you measure.",
            ),
            Mistake(
                lambda small, shape, pixel_size_mm: (
                    small.circumference * pixel_size_mm * math.sqrt(shape[0] * shape[1]) / 256
                ),
                "One scale for both axes keeps the area, not the perimeter. Stretch x and y apart.",
            ),
        ),
        why="An ellipse stretched along x and y is an ellipse again. Measure that one.",
    ),
    LEAK_SHARE,
)
