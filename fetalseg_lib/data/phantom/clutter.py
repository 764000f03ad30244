"""What is beside the head and may be taken for it: limbs and trunks in cross-section, bones, bright arcs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fetalseg_lib.data.phantom.beams import Field, Sector
from fetalseg_lib.data.phantom.scene import Scene, soft_step
from fetalseg_lib.data.phantom.shape import EllipseView, view
from fetalseg_lib.geometry import Ellipse

MOST_BY_CHANCE = 4
MOST_BY_SEVERITY = 6


def add_clutter(
    rng: np.random.Generator, scene: Scene, sector: Sector, head: EllipseView, severity: float, half_mm: float
) -> None:
    """Add up to four structures, and six more at full ``severity``, all of them outside the head."""
    outside = 1 - soft_step(head.distance - 0.8)
    usual = int(rng.integers(0, MOST_BY_CHANCE + 1))
    more = round(severity * MOST_BY_SEVERITY)
    for number, child in enumerate(rng.spawn(MOST_BY_CHANCE + MOST_BY_SEVERITY)):
        if number < usual or 0 <= number - MOST_BY_CHANCE < more:
            spot = _Spot(child, scene, sector, *_place_outside(child, head, sector), outside, half_mm)
            kind = np.searchsorted([0.45, 0.7], child.uniform())
            (spot.add_limb, spot.add_bone, spot.add_arc)[int(kind)]()


def _place_outside(rng: np.random.Generator, head: EllipseView, sector: Sector) -> tuple[float, float]:
    """A point (mm) outside the head, or anywhere where forty tries find none."""
    rows = rng.integers(0, sector.x.shape[0], 40)
    columns = rng.integers(0, sector.x.shape[1], 40)
    first = int(np.argmax(head.distance[rows, columns] > 1.5))
    at = rows[first], columns[first]
    return float(sector.x[at]), float(sector.y[at])


@dataclass(frozen=True)
class _Spot:
    """A place in a scene (mm) where something may stand, as far as it is ``outside`` the head."""

    rng: np.random.Generator
    scene: Scene
    sector: Sector
    x: float
    y: float
    outside: Field
    half_mm: float

    def view(self, a: float, b: float, angle: float) -> EllipseView:
        """An ellipse about this place, seen along the beams."""
        sides = {"semi_major": max(a, b), "semi_minor": min(a, b)}
        return view(Ellipse(center_x=self.x, center_y=self.y, **sides, angle=angle), self.sector)

    def texture(self, axial_mm: float, lateral_mm: float) -> Field:
        return self.sector.texture(self.rng, axial_mm, lateral_mm)

    def add_limb(self) -> None:
        """A limb or a trunk in cross-section: soft tissue with a skin, sometimes with a bone in it."""
        rng, scene = self.rng, self.scene
        size = rng.uniform(0.15, 0.9) * self.half_mm
        shape = self.view(size, size * rng.uniform(0.55, 1), rng.uniform(0, np.pi))
        share = soft_step(shape.distance) * self.outside
        even = np.exp(0.4 * self.texture(2, 3))
        scene.replace(share, scatter=10 ** rng.uniform(-1.2, 0.3) * even, loss=0.02)
        skin = np.exp(-0.5 * (shape.distance / 0.4) ** 2) * shape.incidence ** rng.uniform(1, 4)
        scene.mirror += 10 ** rng.uniform(-0.3, 1.1) * skin * self.outside
        if rng.uniform() < 0.4:
            core = soft_step(shape.distance + 0.75 * size) * self.outside
            scene.mirror += rng.uniform(4, 20) * core * (np.abs(self.texture(1.2, 3)))
            scene.loss += core * rng.uniform(0.5, 3)

    def add_bone(self) -> None:
        """A long bone: a bright flat ellipse, nearly across the beams, with a shadow behind."""
        rng, scene = self.rng, self.scene
        shape = self.view(rng.uniform(0.15, 0.7) * self.half_mm, rng.uniform(0.4, 1.1), rng.normal(0, 0.5))
        share = soft_step(shape.distance, 0.5) * self.outside
        scene.mirror += 10 ** rng.uniform(0.4, 1.6) * share * np.exp(0.4 * self.texture(3, 4))
        scene.loss += share * rng.uniform(1, 8)

    def add_arc(self) -> None:
        """A part of a bright closed wall, as a pelvis, a spine, or another skull would show."""
        rng, scene = self.rng, self.scene
        size = rng.uniform(0.3, 1.3) * self.half_mm
        shape = self.view(size, size * rng.uniform(0.4, 1), rng.uniform(0, np.pi))
        thickness = rng.uniform(0.25, 0.8)
        wall = np.exp(-0.5 * (shape.distance / thickness) ** 2) * self.outside
        part = np.clip(self.texture(0.8 * size, 0.8 * size) + rng.uniform(-0.6, 1), 0, 1.5)
        strength = 10 ** rng.uniform(0.3, 1.6)
        scene.mirror += strength * wall * part * (shape.incidence ** rng.uniform(1, 5) + 0.05)
        scene.loss += wall * part * rng.uniform(0, 3)
