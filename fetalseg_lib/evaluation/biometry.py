"""From a mask to a head circumference: largest component, sub-pixel contour, ellipse, mm.

The contour is the 0.5 level line between pixel centres. A contour through the pixel centres themselves
(as OpenCV's) is half a pixel too far inside, which shortens a head by about three pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.evaluation.metrics import check_spacing
from fetalseg_lib.geometry import Ellipse, fit_ellipse

THRESHOLD = 0.5
MIN_CONTOUR_POINTS = 12
"""Twice what :func:`fetalseg_lib.geometry.fit_ellipse` needs: a component of a few pixels is no head."""
MIN_AXIS_RATIO = 0.3
"""Flatter than this is a sliver: less than half the axis ratio of the narrowest head annotated in HC18."""


class Status(StrEnum):
    """What became of a measurement: only the first two carry an ellipse."""

    MEASURED = "measured"
    CUT_BY_BORDER = "cut by border"
    """Measured on the part of the contour that the image shows: to be read with care."""
    EMPTY = "empty"
    """No pixel above the threshold."""
    TOO_FEW_POINTS = "too few points"
    """A component too small, or one that fills the image and shows no contour."""
    SLIVER = "sliver"
    """An ellipse flatter than any head."""
    NO_ELLIPSE = "no ellipse"
    """The contour fits no ellipse, or only one larger than the image."""


@dataclass(frozen=True, kw_only=True)
class HeadMeasurement:
    """A head as measured: ``ellipse_px`` in pixels, ``ellipse_mm`` in mm, both from the first pixel centre.

    ``angle`` of the ellipses is in radians from the x axis towards the y axis. Where nothing could be
    measured both ellipses are ``None``, the lengths NaN, and ``status`` says why: count such images beside
    every mean.
    """

    status: Status
    ellipse_px: Ellipse | None = None
    ellipse_mm: Ellipse | None = None

    @property
    def measured(self) -> bool:
        """Whether there is an ellipse to read lengths from."""
        return self.ellipse_mm is not None

    @property
    def hc_mm(self) -> float:
        """Head circumference in mm, by Ramanujan's second formula."""
        return self.ellipse_mm.circumference if self.ellipse_mm else math.nan

    @property
    def bpd_mm(self) -> float:
        """Biparietal diameter in mm, outer to outer: the short axis."""
        return 2 * self.ellipse_mm.semi_minor if self.ellipse_mm else math.nan

    @property
    def ofd_mm(self) -> float:
        """Occipitofrontal diameter in mm, outer to outer: the long axis."""
        return 2 * self.ellipse_mm.semi_major if self.ellipse_mm else math.nan

    @property
    def cephalic_index(self) -> float:
        """Short axis in percent of the long one."""
        return 100 * self.bpd_mm / self.ofd_mm


def measure_head(
    mask_or_probability: NDArray[np.bool_] | NDArray[np.floating], *, pixel_spacing_mm: tuple[float, float]
) -> HeadMeasurement:
    """Measure the largest component of a bool mask or a probability map, ``H W``.

    ``pixel_spacing_mm`` is the height and width of a pixel ``(rows, columns)``. Raises ``ValueError`` on
    input that is no mask and no probability map (logits, labels 0/255, NaN); whatever shape the mask has
    gives a :class:`HeadMeasurement` with its :class:`Status`, never an exception.

    Sources: direct ellipse fit (Fitzgibbon et al. 1999, doi:10.1109/34.765658); contour by marching squares.

    >>> from fetalseg_lib.geometry import rasterize
    >>> head = Ellipse(center_x=120, center_y=90, semi_major=80, semi_minor=60, angle=0.4)
    >>> found = measure_head(rasterize(head, (180, 240)), pixel_spacing_mm=(0.5, 0.5))
    >>> str(found.status), round(found.hc_mm), round(head.circumference * 0.5), round(found.cephalic_index)
    ('measured', 221, 221, 75)
    >>> str(measure_head(np.zeros((180, 240), dtype=bool), pixel_spacing_mm=(0.5, 0.5)).status)
    'empty'
    """
    check_spacing(pixel_spacing_mm)
    probability = _checked(mask_or_probability)
    component = _largest_component(probability)
    if component is None:
        return HeadMeasurement(status=Status.EMPTY)
    points = _contour_points(component.probability)
    if len(points) < MIN_CONTOUR_POINTS:
        return HeadMeasurement(status=Status.TOO_FEW_POINTS)
    try:
        ellipse = fit_ellipse(points + component.offset)
    except ValueError:
        return HeadMeasurement(status=Status.NO_ELLIPSE)
    row_mm, column_mm = pixel_spacing_mm
    ellipse_mm = ellipse.scaled(x=column_mm, y=row_mm)
    if ellipse_mm.semi_minor < MIN_AXIS_RATIO * ellipse_mm.semi_major:
        return HeadMeasurement(status=Status.SLIVER)
    if ellipse.semi_major > math.hypot(*probability.shape):
        return HeadMeasurement(status=Status.NO_ELLIPSE)
    status = Status.CUT_BY_BORDER if component.touches_border else Status.MEASURED
    return HeadMeasurement(status=status, ellipse_px=ellipse, ellipse_mm=ellipse_mm)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Component:
    probability: NDArray[np.float32]
    """A crop with a margin of one pixel where the image has one; other components are taken out."""
    offset: NDArray[np.float64]
    """``x, y`` of the crop's first pixel centre."""
    touches_border: bool


def _checked(given: NDArray[np.bool_] | NDArray[np.floating]) -> NDArray[np.float32]:
    expected = "mask_or_probability: expected bool or probabilities in [0, 1] of shape (H, W)"
    if not isinstance(given, np.ndarray) or given.ndim != 2 or given.size == 0:
        raise ValueError(f"{expected}, got {getattr(given, 'shape', type(given).__name__)}")
    if given.dtype != np.bool_:
        if not np.issubdtype(given.dtype, np.floating):
            raise ValueError(f"{expected}, got {given.dtype}; compare labels with 0 to make them bool")
        low, high = float(given.min()), float(given.max())
        if not (low >= 0 and high <= 1):  # also where they are NaN
            raise ValueError(f"{expected}, got values from {low} to {high}; logits need a sigmoid first")
    return given.astype(np.float32)


def _largest_component(probability: NDArray[np.float32]) -> _Component | None:
    """The 4-connected component with the most pixels (marching squares splits at diagonals as well)."""
    inside = (probability > THRESHOLD).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]  # label 0 is the background
    if len(areas) == 0:
        return None
    label = 1 + int(np.argmax(areas))
    left, top, width, height = (int(value) for value in stats[label, :4])
    right, bottom = left + width, top + height
    rows, columns = probability.shape
    window = (slice(max(top - 1, 0), bottom + 1), slice(max(left - 1, 0), right + 1))
    others = (inside[window] > 0) & (labels[window] != label)
    return _Component(
        probability=np.where(others, np.float32(0), probability[window]),
        offset=np.array([max(left - 1, 0), max(top - 1, 0)], dtype=np.float64),
        touches_border=left == 0 or top == 0 or right == columns or bottom == rows,
    )


def _contour_points(probability: NDArray[np.float32]) -> NDArray[np.float64]:
    """Points ``x, y`` of the outer contour, in no order: those that marching squares joins to a line.

    Between two neighbouring pixels, one inside and one outside, the level is crossed where a straight line
    from the one to the other crosses it. Holes are filled first. The image's border is no contour.
    """
    around = np.pad((probability > THRESHOLD).view(np.uint8), 1)
    cv2.floodFill(around, None, (0, 0), 2, flags=8)  # diagonals join what is outside, since they part heads
    inside = around[1:-1, 1:-1] != 2
    values = probability.astype(np.float64)
    points = []
    for axis in (0, 1):
        here, there = (slice(None, -1), slice(None)), (slice(1, None), slice(None))
        first, second = (values[side[::-1] if axis else side] for side in (here, there))
        one, other = (inside[side[::-1] if axis else side] for side in (here, there))
        rows, columns = np.nonzero(one != other)
        start, end = first[rows, columns], second[rows, columns]
        place = np.stack([columns, rows], axis=1).astype(np.float64)  # (N, 2)
        place[:, 1 - axis] += (THRESHOLD - start) / (end - start)
        points.append(place)
    return np.concatenate(points)
