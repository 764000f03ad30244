"""Which fetus, how large its head, and where in the frame: a set of phantoms has HC18's statistics.

The age gives the head circumference by the growth chart, and that the shape and the zoom, as the sonographers
of HC18 chose it. All numbers of HC18 were measured on the training fold alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fetalseg_lib.geometry import Ellipse
from fetalseg_lib.growth import INTERGROWTH_21ST

CHART = INTERGROWTH_21ST
FIRST_WEEK, LAST_WEEK = 11.0, 40.0
"""The chart speaks from 14 weeks on. Below, its formula is continued: an extrapolation, which at 12 weeks
gives 73 mm where Hadlock's own table (1984) has 68."""

NATIVE_HEIGHT = 540
"""Rows of an HC18 image; frames of another height show the same field in mm."""

_SCANS = ((0.126, 12.24, 0.62), (0.113, 14.15, 1.86), (0.549, 20.22, 0.65), (0.212, 29.69, 4.56))
"""Share, mean and SD (weeks) of the occasions for a scan: fitted so that HC has HC18's quantiles."""

_ROOM = 0.97
"""The share of the frame that a head may fill; the border cuts few outlines of HC18."""
_CUT = 0.02
"""The share of heads that are placed regardless of the frame's border."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """Heads below ``hc_mm``: mean and SD of the semi-major axis on the screen (px, of 540 rows) and of the
    cephalic index; SD of the tilt (degrees).
    """

    hc_mm: float
    on_screen: tuple[float, float]
    cephalic_index: tuple[float, float]
    tilt: float


BANDS = (
    Band(hc_mm=100, on_screen=(181, 44), cephalic_index=(0.828, 0.047), tilt=47),
    Band(hc_mm=245, on_screen=(240, 42), cephalic_index=(0.785, 0.043), tilt=14),
    Band(hc_mm=math.inf, on_screen=(240, 39), cephalic_index=(0.799, 0.042), tilt=15),
)


@dataclass(frozen=True, kw_only=True)
class Head:
    """A head's age, its semi-axes in mm, and the pixel size that its sonographer chose."""

    weeks: float
    semi_major_mm: float
    semi_minor_mm: float
    pixel_size_mm: float
    tilt: float


def draw_head(rng: np.random.Generator, *, frame_height: int, weeks: tuple[float, float] | None) -> Head:
    """Draw the fetus and the zoom of one exam: of HC18's mix of ages, or evenly within ``weeks``."""
    age = _draw_age(rng) if weeks is None else rng.uniform(*weeks)
    z = np.clip(rng.standard_normal(), -2.5, 2.5)
    hc_mm = float(CHART.mean_hc_mm(age) + z * CHART.sd_hc_mm(age))
    band = next(band for band in BANDS if hc_mm < band.hc_mm)
    index = float(np.clip(rng.normal(*band.cephalic_index), 0.68, 0.94))
    unit = Ellipse(center_x=0, center_y=0, semi_major=1, semi_minor=index, angle=0)
    semi_major = hc_mm / unit.circumference
    on_screen = float(np.clip(rng.normal(*band.on_screen), 90, 340))
    pixel_size = float(np.clip(semi_major / on_screen, 0.0494, 0.3933))
    return Head(
        weeks=float(age),
        semi_major_mm=semi_major,
        semi_minor_mm=semi_major * index,
        pixel_size_mm=pixel_size * NATIVE_HEIGHT / frame_height,
        tilt=math.radians(band.tilt),
    )


def _draw_age(rng: np.random.Generator) -> float:
    shares = np.cumsum([share for share, _, _ in _SCANS])
    scan = min(int(np.searchsorted(shares, rng.uniform())), len(_SCANS) - 1)
    return float(np.clip(rng.normal(*_SCANS[scan][1:]), FIRST_WEEK, LAST_WEEK))


def place_head(rng: np.random.Generator, head: Head, *, size: tuple[int, int]) -> tuple[Ellipse, float]:
    """Place the head in a frame of ``size`` (height, width): its ellipse in px, and the pixel size in mm.

    The pixel size grows beyond the exam's where the head would not fit otherwise; a few heads are cut.
    """
    height, width = size
    angle = (rng.normal(0, head.tilt) + math.pi / 2) % math.pi - math.pi / 2
    a, b = head.semi_major_mm, head.semi_minor_mm
    half_width = math.hypot(a * math.cos(angle), b * math.sin(angle))
    half_height = math.hypot(a * math.sin(angle), b * math.cos(angle))
    room = 1.04 if rng.uniform() < _CUT else _ROOM
    fit = max(2 * half_width / (room * width), 2 * half_height / (room * height))
    pixel_size = max(head.pixel_size_mm, fit)
    center = []
    for side, half_mm, spread in ((width, half_width, 0.052), (height, half_height, 0.075)):
        half = half_mm / pixel_size
        margin = (1 - room) / 2 * side + half
        wanted = side * rng.normal(0.495, spread)
        center.append(float(np.clip(wanted, min(margin, side / 2), max(side - margin, side / 2))) - 0.5)
    axes = {"semi_major": a / pixel_size, "semi_minor": b / pixel_size}
    return Ellipse(center_x=center[0], center_y=center[1], **axes, angle=angle), pixel_size
