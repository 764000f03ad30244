"""The sector that a probe sees, and fields on its grid of depths by beams.

A curved probe sends beams from a virtual apex. Attenuation, shadows and the spread of the echo happen along
them, so the phantom is made on a grid of depths (rows) by beams (columns), and turned into the frame last.
All arithmetic is float64: the last bits, in which machines differ, must not reach the grey levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]

DEPTHS, BEAMS = 384, 192


@dataclass(frozen=True, kw_only=True)
class Sector:
    """Beams from a virtual apex at ``apex_x, apex_y`` (mm, in the frame), seen from ``near`` to ``far`` (mm).

    ``surface`` is the radius of the probe: the depth of an echo is its distance from the apex minus that.

    >>> sector = Sector(apex_x=50, apex_y=-40, surface=40, near=40, far=140, half_angle=0.5)
    >>> sector.x.shape, round(float(sector.y[-1, 0]), 1), round(sector.step_mm, 3)
    ((384, 192), 82.9, 0.261)
    """

    apex_x: float
    apex_y: float
    surface: float
    near: float
    far: float
    half_angle: float

    @cached_property
    def radius(self) -> Field:
        """Distance from the apex in mm, ``(depths, 1)``."""
        return np.linspace(self.near, self.far, DEPTHS)[:, None]

    @cached_property
    def angle(self) -> Field:
        """Direction of each beam in radians from straight down, ``(1, beams)``."""
        return np.linspace(-self.half_angle, self.half_angle, BEAMS)[None, :]

    @cached_property
    def x(self) -> Field:
        """Column of every grid point in mm."""
        return self.apex_x + self.radius * np.sin(self.angle)

    @cached_property
    def y(self) -> Field:
        """Row of every grid point in mm."""
        return self.apex_y + self.radius * np.cos(self.angle)

    @property
    def step_mm(self) -> float:
        """Distance of two samples along a beam."""
        return (self.far - self.near) / (DEPTHS - 1)

    @cached_property
    def pitch_mm(self) -> Field:
        """Distance of two beams at each depth, ``(depths, 1)``."""
        return self.radius * (2 * self.half_angle / (BEAMS - 1))

    def texture(self, rng: np.random.Generator, axial_mm: float, lateral_mm: float) -> Field:
        """A smooth random field, Gaussian with mean 0 and SD 1; its grains measure about the two widths."""
        rows = _spline(DEPTHS, axial_mm / self.step_mm)
        columns = _spline(BEAMS, lateral_mm / float(self.pitch_mm[DEPTHS // 2, 0]))
        coefficients = rng.standard_normal((rows.shape[1], columns.shape[1]))
        return rows @ coefficients @ columns.T


def _spline(n: int, width: float) -> Field:
    """Cubic B-splines ``width`` samples apart, ``(n, knots)``; the squares of a row add up to 1."""
    place = np.arange(n) / max(width, 1.0)
    first = place.astype(np.int64)
    t = place - first
    taps = np.stack([(1 - t) ** 3, 4 - 6 * t**2 + 3 * t**3, 1 + 3 * t + 3 * t**2 - 3 * t**3, t**3])
    taps /= np.sqrt((taps**2).sum(axis=0))
    weights = np.zeros((n, int(first[-1]) + 4))
    for k, tap in enumerate(taps):
        weights[np.arange(n), first + k] = tap
    return weights


def draw_sector(
    rng: np.random.Generator, *, weeks: float, frame_mm: tuple[float, float], outline: Field
) -> Sector:
    """Choose a probe and where it stands: zoomed into the sector early, the whole of it in view at term.

    ``frame_mm`` is height and width; ``outline`` are the head's points to be shown, ``(n, 2)`` as x, y in mm.
    """
    height, width = frame_mm
    late = np.clip((weeks - 16) / 12, 0, 1)
    surface = rng.uniform(38, 62) * (1 if rng.uniform() < 0.3 + 0.7 * late else rng.uniform(1, 3))
    top = rng.normal(-25 + 29 * late, 14 - 9 * late)  # of the probe's surface, below the frame's top
    top = min(top, float(outline[:, 1].min()) - rng.uniform(1, 4))
    apex_x = width * rng.normal(0.5, 0.025)
    apex_y = top - surface
    seen = np.abs(np.arctan2(outline[:, 0] - apex_x, outline[:, 1] - apex_y)).max()
    half_angle = np.clip(seen * rng.uniform(0.96, 1.75 - 0.25 * late), np.radians(14), np.radians(43))
    deepest = float(np.sqrt((outline[:, 0] - apex_x) ** 2 + (outline[:, 1] - apex_y) ** 2).max())
    reach = (height - apex_y) + height * rng.uniform(-0.06, 0.25)
    return Sector(
        apex_x=apex_x,
        apex_y=apex_y,
        surface=surface,
        near=max(surface, -apex_y),
        far=max(reach, deepest + 0.03 * height),
        half_angle=float(half_angle),
    )
