"""From the envelope to the picture: log compression, scan conversion, and what is painted over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from fetalseg_lib.data.phantom.beams import BEAMS, DEPTHS, Field, Sector

_SMOOTH = (1.6, 1.2)
"""SD of the machine's own smoothing, in samples of depth and in beams."""


@dataclass(frozen=True, kw_only=True)
class Tone:
    """How an envelope becomes grey: ``white_db`` above tissue is white, ``range_db`` below that black."""

    white_db: float
    range_db: float
    gamma: float
    smoothing: float = 0.0


def compress(envelope: Field, tone: Tone) -> Field:
    """Grey levels from 0 to 255: logarithmic between black and white, then to the power ``gamma``.

    Machines calm the speckle before they show it; here, ``smoothing`` is the share of a smoothed copy.

    >>> tone = Tone(white_db=20, range_db=40, gamma=1)
    >>> compress(np.array([10.0, 1.0, 0.1, 0.001]), tone).round(3).tolist()
    [255.0, 127.5, 0.0, 0.0]
    """
    if tone.smoothing:
        smooth = gaussian_filter(envelope, _SMOOTH, mode="nearest", truncate=2.5)
        envelope = envelope + tone.smoothing * (smooth - envelope)
    level = (20 * np.log10(envelope + 1e-9) - tone.white_db) / tone.range_db + 1
    grey: Field = 255 * np.clip(level, 0, 1) ** tone.gamma
    return grey


def scan_convert(polar: Field, sector: Sector, pixel_size_mm: float, size: tuple[int, int]) -> Field:
    """Bring depths by beams to rows by columns of ``size``, bilinear; outside the sector 0."""
    x = np.arange(size[1])[None, :] * pixel_size_mm - sector.apex_x
    y = np.arange(size[0])[:, None] * pixel_size_mm - sector.apex_y
    radius, angle = np.sqrt(x * x + y * y), np.arctan2(x, y)
    row = (radius - sector.near) / (sector.far - sector.near) * (DEPTHS - 1)
    column = (angle / sector.half_angle + 1) / 2 * (BEAMS - 1)
    seen = (row >= 0) & (row <= DEPTHS - 1) & (column >= 0) & (column <= BEAMS - 1)
    image = np.zeros(size)
    image[seen] = _bilinear(polar, row[seen], column[seen])
    return image


def _bilinear(polar: Field, row: Field, column: Field) -> Field:
    top = np.minimum(row.astype(np.int64), DEPTHS - 2)
    left = np.minimum(column.astype(np.int64), BEAMS - 2)
    down, right = row - top, column - left
    flat, at = polar.ravel(), top * BEAMS + left
    upper = flat[at] * (1 - right) + flat[at + 1] * right
    lower = flat[at + BEAMS] * (1 - right) + flat[at + BEAMS + 1] * right
    values: Field = upper * (1 - down) + lower * down
    return values


def paint(rng: np.random.Generator, image: NDArray[Any]) -> None:
    """Paint into the image what the training fold has: a grey bar at the left, black boxes where text was."""
    height, width = image.shape

    def box(top: float, bottom: float, left: float, right: float) -> tuple[slice, slice]:
        rows = slice(round(top / 540 * height), max(round(bottom / 540 * height), 1))
        return rows, slice(round(left / 800 * width), max(round(right / 800 * width), 1))

    if rng.uniform() < 0.95:  # patient and machine, upper right
        image[box(0, 100, 730 - 30 * int(rng.integers(0, 2)), 800)] = 0
    if rng.uniform() < 0.97:  # measurements, lower right
        top = rng.choice([375, 435, 445]) + rng.uniform(-4, 4)
        image[box(top, rng.choice([520, 540]), rng.uniform(588, 612), 800)] = 0
    if rng.uniform() < 0.15:  # the maker's mark, upper left
        image[box(22, 50, 20, rng.uniform(50, 200))] = 0
    if rng.uniform() < 0.97:
        bar = box(22, 190, 3, 12)
        rows = bar[0].stop - bar[0].start
        image[bar] = np.rint(np.linspace(240, 8, rows))[:, None]
