"""Dead leaves: shapes that fall on one another until a scene lies there, each hiding what is below.

Such scenes have edges, occlusions and all sizes at once, as photographs have, and an encoder trained on them
comes far (Baradad et al. 2021, arXiv:2106.05963). Here every leaf is a radial contour, a circle whose
radius waves (Kataoka et al. 2022, arXiv:2206.09132), filled or drawn as a line. A contour has three lobes
or more: the smooth bright ring, which is what a head looks like, never occurs.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fetalseg_book.studies.pretraining.images.speckle import TEXTURES

LEAVES = (8, 40)
"""At least and at most so many leaves fall on the ground, which counts as leaf 0."""
LINES = 0.25
"""Share of the leaves that are lines, not areas."""
POLYGONS = 0.3
"""Share of the leaves that have corners."""
BLACK = 0.15
"""Share of the leaves that return no echo."""
_POINTS = 48
_SHIFT = 3
"""OpenCV takes corners in whole numbers: of an eighth of a pixel."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What lies where: ``labels`` (int32 ``H W``) is the leaf on top, 0 the ground.

    ``echo`` (0 to 1) and ``texture`` (index into ``TEXTURES``) have one value a leaf.
    """

    labels: NDArray[np.int32]
    echo: NDArray[np.float32]
    texture: NDArray[np.uint8]


def draw_scene(rng: np.random.Generator, *, size: int) -> Scene:
    """Let leaves fall on a square of ``size`` px.

    >>> scene = draw_scene(np.random.default_rng(0), size=64)
    >>> scene.labels.shape, bool(scene.labels.max() < len(scene.echo) == len(scene.texture))
    ((64, 64), True)
    """
    n = int(rng.integers(LEAVES[0], LEAVES[1], endpoint=True))
    labels = np.zeros((size, size), np.int32)
    radii = draw_radii(rng, n, smallest=size / 16, largest=size / 2)
    contours = draw_contours(rng, radii) + rng.uniform(0, size, (n, 1, 2))
    lines = rng.random(n) < LINES
    cornered = rng.random(n) < POLYGONS
    steps = np.where(cornered, rng.integers(7, 17, n), 1)  # every 7th to 16th point: 3 to 7 corners
    widths = rng.integers(1, size // 16, n)
    corners = np.rint(contours * 2**_SHIFT).astype(np.int32)
    for leaf in range(n):
        outline = [np.ascontiguousarray(corners[leaf, :: steps[leaf]])]
        if lines[leaf]:
            cv2.polylines(labels, outline, True, leaf + 1, thickness=int(widths[leaf]), shift=_SHIFT)
        else:
            cv2.fillPoly(labels, outline, leaf + 1, shift=_SHIFT)
    echo = rng.uniform(0.05, 1, n + 1) ** 1.5  # more dark than bright, as in an ultrasound image
    echo[rng.random(n + 1) < BLACK] = 0
    texture = rng.integers(0, len(TEXTURES), n + 1)
    return Scene(
        labels=labels,
        echo=echo.astype(np.float32),
        texture=np.where(echo == 0, 0, texture).astype(np.uint8),  # no echo, no speckle
    )


def draw_radii(rng: np.random.Generator, n: int, *, smallest: float, largest: float) -> NDArray[np.float64]:
    """``n`` radii with a density that falls as the cube of the radius, so that no scale is preferred (px).

    >>> radii = draw_radii(np.random.default_rng(0), 1000, smallest=2, largest=50)
    >>> bool(2 <= radii.min() < 2.1 and radii.max() <= 50)
    True
    """
    small, large = smallest**-2, largest**-2
    radii: NDArray[np.float64] = (small - rng.random(n) * (small - large)) ** -0.5
    return radii


def draw_contours(rng: np.random.Generator, radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """One radial contour around (0, 0) for each of ``N`` radii, as points ``N P 2`` (x, y in px).

    The radius waves three to nine times around, by 15 to 40 %, and half as much again at twice the pace;
    then the contour is squeezed by up to a half and turned.
    """
    n = len(radii)
    angles = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    lobes = rng.integers(3, 10, (n, 1))
    depth = rng.uniform(0.15, 0.4, (n, 1))
    phases = rng.uniform(0, 2 * np.pi, (n, 3))
    wave = np.cos(lobes * angles + phases[:, :1]) + np.cos(2 * lobes * angles + phases[:, 1:2]) / 2
    distance = radii[:, None] * (1 + depth * wave)  # (N, P)
    x = distance * np.cos(angles)
    y = distance * np.sin(angles) * rng.uniform(0.5, 1, (n, 1))
    cos, sin = np.cos(phases[:, 2:]), np.sin(phases[:, 2:])
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)
