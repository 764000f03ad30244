"""Ellipses: the shape that the sonographer draws and that the head circumference is read from.

Coordinates are pixel centres: the centre of the top left pixel is ``(x, y) = (0, 0)``, ``x`` grows to
the right with the columns, ``y`` downwards with the rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_FIT_POINTS = 6
"""Five numbers make an ellipse; one more point lets the fit be a fit."""


@dataclass(frozen=True, kw_only=True)
class Ellipse:
    """An ellipse in the image plane.

    Lengths are in one unit throughout: pixels as fitted, millimetres after :meth:`scaled`.
    ``angle`` is the direction of the major axis in radians, from the x axis towards the y axis
    (clockwise on screen), in ``[-pi/2, pi/2)``.
    """

    center_x: float
    center_y: float
    semi_major: float
    semi_minor: float
    angle: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.center_x) and math.isfinite(self.center_y) and math.isfinite(self.angle)):
            raise ValueError(f"center and angle: expected finite numbers, got {self}")
        if not 0 < self.semi_minor <= self.semi_major < math.inf:
            got = f"got {self.semi_major} and {self.semi_minor}"
            raise ValueError(f"semi_major, semi_minor: expected 0 < semi_minor <= semi_major, {got}")

    @property
    def circumference(self) -> float:
        """Perimeter by Ramanujan's second formula (relative error below 1e-9 for heads).

        >>> flat = Ellipse(center_x=0, center_y=0, semi_major=2, semi_minor=1, angle=0)
        >>> round(flat.circumference, 6)  # 8 E(3/4), from a table of elliptic integrals
        9.688448
        """
        a, b = self.semi_major, self.semi_minor
        h = ((a - b) / (a + b)) ** 2
        return math.pi * (a + b) * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))

    @property
    def area(self) -> float:
        """Area, in the square of the ellipse's unit."""
        return math.pi * self.semi_major * self.semi_minor

    def scaled(self, *, x: float, y: float) -> Ellipse:
        """The same ellipse on axes stretched by ``x`` and ``y``: pixels become millimetres by it.

        >>> circle = Ellipse(center_x=1, center_y=1, semi_major=1, semi_minor=1, angle=0)
        >>> wide = circle.scaled(x=3, y=2)
        >>> wide.center_x, wide.center_y, round(wide.semi_major, 9), round(wide.semi_minor, 9)
        (3, 2, 3.0, 2.0)
        """
        if not (x > 0 and y > 0):
            raise ValueError(f"x, y: expected positive scales, got {x} and {y}")
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        axes = np.array([[cos, -sin], [sin, cos]]) * [self.semi_major, self.semi_minor]
        directions, lengths, _ = np.linalg.svd(np.diag([x, y]) @ axes)
        return Ellipse(
            center_x=self.center_x * x,
            center_y=self.center_y * y,
            semi_major=float(lengths[0]),
            semi_minor=float(lengths[1]),
            angle=_half_turn(math.atan2(directions[1, 0], directions[0, 0])),
        )

    def points(self, n: int = 200) -> NDArray[np.float64]:
        """``n`` points on the ellipse, ``(n, 2)`` as ``x, y``, evenly spaced in the parameter."""
        t = np.linspace(0, 2 * math.pi, n, endpoint=False)
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        u, v = self.semi_major * np.cos(t), self.semi_minor * np.sin(t)
        return np.stack([self.center_x + u * cos - v * sin, self.center_y + u * sin + v * cos], axis=1)


def fit_ellipse(points: ArrayLike) -> Ellipse:
    """Fit an ellipse to points by direct least squares.

    ``points`` is ``(n, 2)`` as ``x, y``. Raises ``ValueError`` where no ellipse fits: fewer than six
    points, points on a line or on fewer than five places, or a fit that is not a finite ellipse. Sources:
    Fitzgibbon et al. 1999, doi:10.1109/34.765658, in the stable form of Halíř and Flusser 1998. Written here
    because OpenCV's own adds noise to the points in some releases.

    >>> true = Ellipse(center_x=40, center_y=30, semi_major=20, semi_minor=10, angle=0.5)
    >>> found = fit_ellipse(true.points(50))
    >>> round(found.semi_major, 9), round(found.semi_minor, 9), round(found.angle, 9)
    (20.0, 10.0, 0.5)
    """
    xy = np.asarray(points, dtype=np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise ValueError(f"points: expected shape (n, 2) as x, y; got {xy.shape}")
    if len(xy) < MIN_FIT_POINTS:
        raise ValueError(f"points: expected at least {MIN_FIT_POINTS} to fit an ellipse, got {len(xy)}")
    if not np.isfinite(xy).all():
        raise ValueError("points: some are not finite numbers, so no ellipse fits them")
    middle = xy.mean(axis=0)
    spread = np.linalg.svd(xy - middle, compute_uv=False)
    if spread[1] < 1e-6:
        raise ValueError("points: all on one line, so no ellipse fits them")
    # Around their own middle and of size one, the points' fourth powers stay well apart from rounding.
    unit = float(np.hypot(*spread)) / math.sqrt(len(xy))
    x, y, semi_major, semi_minor, angle = _axes(_conic((xy - middle) / unit))
    try:
        return Ellipse(
            center_x=float(middle[0]) + x * unit,
            center_y=float(middle[1]) + y * unit,
            semi_major=semi_major * unit,
            semi_minor=semi_minor * unit,
            angle=_half_turn(angle),
        )
    except ValueError as error:
        raise ValueError(f"points: the fit is no ellipse ({error})") from error


def _conic(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of ``x², xy, y², x, y, 1``: least squares among conics with ``4ac > b²``.

    The linear terms follow from the quadratic ones, and these are an eigenvector of a 3 by 3 matrix. It may
    be singular, as it is for points exactly on an ellipse.
    """
    x, y = xy.T
    quadratic, linear = np.stack([x * x, x * y, y * y], axis=1), np.stack([x, y, np.ones_like(x)], axis=1)
    to_linear = -np.linalg.lstsq(linear, quadratic, rcond=None)[0]
    rest = quadratic + linear @ to_linear
    lengths = np.linalg.svd(rest, compute_uv=False)
    if lengths[1] < 1e-10 * lengths[0]:
        raise ValueError("points: on fewer than five places, so more than one ellipse fits them")
    scatter = rest.T @ rest
    vectors = np.linalg.eig(np.stack([scatter[2] / 2, -scatter[1], scatter[0] / 2]))[1].real
    chosen = vectors[:, np.argmax(4 * vectors[0] * vectors[2] - vectors[1] ** 2)]
    conic: NDArray[np.float64] = np.concatenate([chosen, to_linear @ chosen]) * np.sign(chosen[0] + chosen[2])
    return conic


def _axes(conic: NDArray[np.float64]) -> tuple[float, float, float, float, float]:
    """Centre, semi-axes (long, short) and angle of the ellipse where ``conic`` is zero."""
    a, b, c, d, e, f = conic
    form = np.array([[a, b / 2], [b / 2, c]])
    values, directions = np.linalg.eigh(form)
    if values[0] < 1e-12 * values[1]:  # endless, but for rounding: two lines, or a parabola
        raise ValueError("points: on lines or a curve that does not close, so no ellipse fits them")
    center = np.linalg.solve(-2 * form, [d, e])
    level = -(f + (d * center[0] + e * center[1]) / 2)
    semi_major, semi_minor = np.sqrt(level / values)
    angle = math.atan2(directions[1, 0], directions[0, 0])
    return float(center[0]), float(center[1]), float(semi_major), float(semi_minor), angle


def rasterize(ellipse: Ellipse, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill an ellipse: a pixel is inside when its centre is. ``shape`` is ``(H, W)``; returns bool ``H W``.

    >>> dot = Ellipse(center_x=2, center_y=1, semi_major=1.1, semi_minor=1.1, angle=0)
    >>> rasterize(dot, (3, 5)).astype(int)
    array([[0, 0, 1, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 1, 0, 0]])
    """
    mask = np.zeros(shape, dtype=np.bool_)
    cos, sin = math.cos(ellipse.angle), math.sin(ellipse.angle)
    # Only the box that holds the ellipse is worth looking at.
    half_width = math.hypot(ellipse.semi_major * cos, ellipse.semi_minor * sin)
    half_height = math.hypot(ellipse.semi_major * sin, ellipse.semi_minor * cos)
    columns = _within(ellipse.center_x, half_width, shape[1])
    rows = _within(ellipse.center_y, half_height, shape[0])
    x = np.arange(columns.start, columns.stop)[None, :] - ellipse.center_x
    y = np.arange(rows.start, rows.stop)[:, None] - ellipse.center_y
    along, across = x * cos + y * sin, y * cos - x * sin
    mask[rows, columns] = (along / ellipse.semi_major) ** 2 + (across / ellipse.semi_minor) ** 2 <= 1
    return mask


def _within(center: float, half: float, length: int) -> slice:
    """The pixels from ``center - half`` to ``center + half`` and one more on each side, inside the image."""
    first, last = math.floor(center - half) - 1, math.ceil(center + half) + 1
    return slice(min(max(first, 0), length), min(max(last + 1, 0), length))


def _half_turn(angle: float) -> float:
    """Bring an axis direction into ``[-pi/2, pi/2)``: an axis has no head and no tail."""
    return (angle + math.pi / 2) % math.pi - math.pi / 2
