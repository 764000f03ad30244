"""What is beside the head and may be taken for it: limbs and trunks in cross-section, bones, bright arcs."""

from __future__ import annotations

import numpy as np

from fetalseg_lib.data.phantom.beams import Field, Sector
from fetalseg_lib.data.phantom.scene import Scene, soft_step
from fetalseg_lib.data.phantom.shape import EllipseView, view
from fetalseg_lib.geometry import Ellipse

MOST_BY_CHANCE = 4
MOST_BY_SEVERITY = 6


def add_clutter(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    head: EllipseView,
    *,
    half_mm: float,
    severity: float,
) -> None:
    """Add up to four structures, and six more at full ``severity``, all of them outside the head."""
    outside = 1 - soft_step(head.distance - 0.8)
    usual = int(rng.integers(0, MOST_BY_CHANCE + 1))
    more = round(severity * MOST_BY_SEVERITY)
    for number, child in enumerate(rng.spawn(MOST_BY_CHANCE + MOST_BY_SEVERITY)):
        if number < usual or 0 <= number - MOST_BY_CHANCE < more:
            place = _place_outside(child, head, sector)
            kind = np.searchsorted([0.45, 0.7], child.uniform())
            (_add_limb, _add_bone, _add_arc)[int(kind)](child, scene, sector, place, outside, half_mm)


def _place_outside(rng: np.random.Generator, head: EllipseView, sector: Sector) -> tuple[float, float]:
    """A point (mm) outside the head, or anywhere where forty tries find none."""
    rows = rng.integers(0, sector.x.shape[0], 40)
    columns = rng.integers(0, sector.x.shape[1], 40)
    first = int(np.argmax(head.distance[rows, columns] > 1.5))
    at = rows[first], columns[first]
    return float(sector.x[at]), float(sector.y[at])


def _ellipse(x: float, y: float, a: float, b: float, angle: float) -> Ellipse:
    return Ellipse(center_x=x, center_y=y, semi_major=max(a, b), semi_minor=min(a, b), angle=angle)


def _add_limb(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    place: tuple[float, float],
    outside: Field,
    half_mm: float,
) -> None:
    """A limb or a trunk in cross-section: soft tissue with a skin, sometimes with a bone in the middle."""
    x, y = place
    size = rng.uniform(0.15, 0.9) * half_mm
    shape = view(_ellipse(x, y, size, size * rng.uniform(0.55, 1), rng.uniform(0, np.pi)), sector)
    share = soft_step(shape.distance) * outside
    even = np.exp(0.4 * sector.texture(rng, 2, 3))
    scene.replace(share, scatter=10 ** rng.uniform(-1.2, 0.3) * even, loss=0.02)
    skin = np.exp(-0.5 * (shape.distance / 0.4) ** 2) * shape.incidence ** rng.uniform(1, 4)
    scene.mirror += 10 ** rng.uniform(-0.3, 1.1) * skin * outside
    if rng.uniform() < 0.4:
        core = soft_step(shape.distance + 0.75 * size) * outside
        scene.mirror += rng.uniform(4, 20) * core * (np.abs(sector.texture(rng, 1.2, 3)))
        scene.loss += core * rng.uniform(0.5, 3)


def _add_bone(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    place: tuple[float, float],
    outside: Field,
    half_mm: float,
) -> None:
    """A long bone: a bright flat ellipse, nearly across the beams, with a shadow behind."""
    x, y = place
    length = rng.uniform(0.15, 0.7) * half_mm
    shape = view(_ellipse(x, y, length, rng.uniform(0.4, 1.1), rng.normal(0, 0.5)), sector)
    share = soft_step(shape.distance, 0.5) * outside
    scene.mirror += 10 ** rng.uniform(0.4, 1.6) * share * np.exp(0.4 * sector.texture(rng, 3, 4))
    scene.loss += share * rng.uniform(1, 8)


def _add_arc(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    place: tuple[float, float],
    outside: Field,
    half_mm: float,
) -> None:
    """A part of a bright closed wall, as a pelvis, a spine, or another skull would show."""
    x, y = place
    size = rng.uniform(0.3, 1.3) * half_mm
    shape = view(_ellipse(x, y, size, size * rng.uniform(0.4, 1), rng.uniform(0, np.pi)), sector)
    thickness = rng.uniform(0.25, 0.8)
    wall = np.exp(-0.5 * (shape.distance / thickness) ** 2) * outside
    part = np.clip(sector.texture(rng, 0.8 * size, 0.8 * size) + rng.uniform(-0.6, 1), 0, 1.5)
    scene.mirror += 10 ** rng.uniform(0.3, 1.6) * wall * part * (shape.incidence ** rng.uniform(1, 5) + 0.05)
    scene.loss += wall * part * rng.uniform(0, 3)
