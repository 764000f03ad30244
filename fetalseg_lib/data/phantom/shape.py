"""Ellipses as a beam meets them: how far away the border is, where inside, and at which angle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fetalseg_lib.data.phantom.beams import Field, Sector
from fetalseg_lib.geometry import Ellipse


@dataclass(frozen=True, kw_only=True)
class EllipseView:
    """An ellipse (mm) on the beams' grid.

    ``u, v`` are places along the axes as shares of the semi-axes; ``distance`` is that to the border in mm,
    negative inside. ``incidence`` is the cosine of the angle between the beam and the border's normal;
    ``along, across`` are those between the beam and the axes. ``sideways, downwards`` tell the direction from
    the centre: 0 to 1 to either side, -1 to 1 from above to below.
    """

    u: Field
    v: Field
    distance: Field
    incidence: Field
    along: Field
    across: Field
    sideways: Field
    downwards: Field


def view(ellipse: Ellipse, sector: Sector) -> EllipseView:
    """Look at ``ellipse`` (mm) along the beams of ``sector``."""
    cos, sin = np.cos(ellipse.angle), np.sin(ellipse.angle)
    dx, dy = sector.x - ellipse.center_x, sector.y - ellipse.center_y
    u = (dx * cos + dy * sin) / ellipse.semi_major
    v = (dy * cos - dx * sin) / ellipse.semi_minor
    beam_x, beam_y = np.sin(sector.angle), np.cos(sector.angle)
    along, across = beam_x * cos + beam_y * sin, beam_y * cos - beam_x * sin
    s = np.sqrt(u * u + v * v) + 1e-9
    normal_u, normal_v = u / ellipse.semi_major, v / ellipse.semi_minor
    steepness = np.sqrt(normal_u * normal_u + normal_v * normal_v) / s + 1e-9
    reach = np.sqrt(dx * dx + dy * dy) + 1e-9
    return EllipseView(
        u=u,
        v=v,
        distance=(s - 1) / steepness,
        incidence=np.abs(normal_u * along + normal_v * across) / (s * steepness),
        along=np.abs(along),
        across=np.abs(across),
        sideways=np.abs(dx) / reach,
        downwards=dy / reach,
    )


def ripple(rng: np.random.Generator, shape: EllipseView, size: float) -> Field:
    """A smooth periodic function of the direction from the centre, of SD ``size``: no head is an ellipse."""
    # The waves begin at three a turn, so that the best ellipse stays the one that was drawn.
    turn = (shape.u + 1j * shape.v) / (np.sqrt(shape.u**2 + shape.v**2) + 1e-9)
    wave = turn * turn * turn
    total = np.zeros_like(shape.u)
    weights = rng.standard_normal(5) / np.arange(1, 6)
    for weight, phase in zip(weights, rng.uniform(0, 2 * np.pi, 5), strict=True):
        total += weight * (np.cos(phase) * wave.real - np.sin(phase) * wave.imag)
        wave = wave * turn
    waves: Field = size * total / np.sqrt((weights**2).sum() / 2)
    return waves
