"""Which head, how large, and where in the frame: drawn so that a set of phantoms has HC18's statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fetalseg_lib.geometry import Ellipse

_HC_QUANTILES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_HC_MM = (44.3, 72.1, 78.5, 105.6, 163.1, 169.7, 174.0, 177.9, 184.1, 213.3, 280.6, 299.2, 335.0)
"""Quantiles of the head circumference in HC18, of the training fold alone."""

_NATIVE_HEIGHT = 540
_ROOM = 0.94
"""The share of the frame that a head may fill: its outline is nearly never cut in HC18."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """Pixel size (mm, at 800x540) and cephalic index of the heads below ``hc_mm``, as mean and SD."""

    hc_mm: float
    pixel_size_mm: tuple[float, float]
    cephalic_index: tuple[float, float]


BANDS = (
    Band(hc_mm=100, pixel_size_mm=(0.085, 0.023), cephalic_index=(0.826, 0.046)),
    Band(hc_mm=245, pixel_size_mm=(0.135, 0.035), cephalic_index=(0.785, 0.042)),
    Band(hc_mm=math.inf, pixel_size_mm=(0.224, 0.041), cephalic_index=(0.798, 0.043)),
)


@dataclass(frozen=True, kw_only=True)
class Head:
    """A head's semi-axes in mm and the pixel size that its sonographer chose."""

    semi_major_mm: float
    semi_minor_mm: float
    pixel_size_mm: float


def draw_head(rng: np.random.Generator, *, frame_height: int) -> Head:
    """Draw the head and the zoom of one exam; frames of another height than 540 show the same field in mm."""
    hc_mm = float(np.interp(rng.uniform(), _HC_QUANTILES, _HC_MM))
    band = next(band for band in BANDS if hc_mm < band.hc_mm)
    index = float(np.clip(rng.normal(*band.cephalic_index), 0.68, 0.94))
    pixel_size = float(np.clip(rng.normal(*band.pixel_size_mm), 0.0494, 0.3933))
    unit = Ellipse(center_x=0, center_y=0, semi_major=1, semi_minor=index, angle=0)
    semi_major = hc_mm / unit.circumference
    return Head(
        semi_major_mm=semi_major,
        semi_minor_mm=semi_major * index,
        pixel_size_mm=pixel_size * _NATIVE_HEIGHT / frame_height,
    )


def place_head(rng: np.random.Generator, head: Head, *, size: tuple[int, int]) -> tuple[Ellipse, float]:
    """Place the head in a frame of ``size`` (height, width): its ellipse in px, and the pixel size in mm.

    The pixel size grows beyond the exam's where the head would not fit into the frame otherwise.
    """
    height, width = size
    angle = math.radians(float(np.clip(rng.normal(0, 23), -80, 80)))
    a, b = head.semi_major_mm, head.semi_minor_mm
    half_width = math.hypot(a * math.cos(angle), b * math.sin(angle))
    half_height = math.hypot(a * math.sin(angle), b * math.cos(angle))
    fit = max(2 * half_width / (_ROOM * width), 2 * half_height / (_ROOM * height))
    pixel_size = max(head.pixel_size_mm, fit)
    center = []
    for side, half in ((width, half_width / pixel_size), (height, half_height / pixel_size)):
        margin = (1 - _ROOM) / 2 * side + half
        wanted = side * rng.normal(0.49, 0.05)
        center.append(float(np.clip(wanted, min(margin, side / 2), max(side - margin, side / 2))) - 0.5)
    ellipse = Ellipse(
        center_x=center[0],
        center_y=center[1],
        semi_major=a / pixel_size,
        semi_minor=b / pixel_size,
        angle=angle,
    )
    return ellipse, pixel_size
