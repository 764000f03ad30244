"""Inside the head: what a transverse plane shows at each age.

Early, the plexus fills most of it, like a butterfly. At 20 weeks the brain is dark, with a broken midline,
the cavum in front, the ventricles' walls and a plexus behind, or the cerebellum in a lower plane. Towards
term the gyri stand out in the middle, and the bone veils the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fetalseg_lib.data.phantom.beams import Field, Sector
from fetalseg_lib.data.phantom.options import Request
from fetalseg_lib.data.phantom.scene import Scene, soft_step
from fetalseg_lib.data.phantom.shape import EllipseView


def add_brain(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    head: EllipseView,
    inside: Field,
    request: Request,
    half_mm: float,
) -> None:
    """Fill the head where ``inside`` is 1: the matter first, then what stands out of it."""
    weeks = request.weeks
    early = float(np.clip((17 - weeks) / 4, 0, 1))
    level = 10 ** (rng.uniform(-9, -1) / 20) * (1 + 0.5 * early)
    patches = np.exp(
        rng.uniform(0.2, 0.6) * sector.texture(rng, 0.2 * half_mm, 0.3 * half_mm)
        + rng.uniform(0.2, 0.7) * sector.texture(rng, 1.3, 2.4)
    )
    scene.replace(inside, scatter=level * patches, loss=rng.uniform(-0.05, 0.06))
    if "brain" in request.without:
        return
    warp = 0.05
    u = head.u * rng.choice([-1.0, 1.0]) + warp * sector.texture(rng, 0.4 * half_mm, 0.4 * half_mm)
    v = head.v + warp * sector.texture(rng, 0.4 * half_mm, 0.4 * half_mm)
    middle = 0.05 * rng.standard_normal() + u * 0.05 * rng.standard_normal()
    v = v - middle - 0.06 * rng.standard_normal() * (u * u - 0.3)
    brain = _Brain(rng, scene, sector, head, u, v, inside, level)
    brain.add_plexus(early)
    if early < 1:
        brain.add_cerebellum() if rng.uniform() < 0.18 and weeks > 16 else brain.add_cavum()
        brain.add_ventricle_walls()
    brain.add_midline()
    brain.add_gyri(half_mm, late=float(np.clip((weeks - 22) / 8, 0, 1)), early=early)
    rim = np.exp(-0.5 * ((np.sqrt(u * u + v * v) - 0.9) / 0.06) ** 2)
    scene.scatter *= 1 - rng.uniform(0, 0.9) * rim * inside


@dataclass(frozen=True)
class _Brain:
    """A scene and the head in it: ``u, v`` are warped places along its axes, ``level`` its matter's echo."""

    rng: np.random.Generator
    scene: Scene
    sector: Sector
    head: EllipseView
    u: Field
    v: Field
    inside: Field
    level: float

    def texture(self, axial_mm: float, lateral_mm: float) -> Field:
        return self.sector.texture(self.rng, axial_mm, lateral_mm)

    def blob(self, at: tuple[float, float], size: tuple[float, float], soft: float) -> Field:
        """1 inside an ellipse of the head's own coordinates, 0 outside, smooth over ``soft`` of its size."""
        s = np.sqrt(((self.u - at[0]) / size[0]) ** 2 + ((self.v - at[1]) / size[1]) ** 2)
        return soft_step(s - 1, soft) * self.inside

    def line(self, v: Field, at: Field | float) -> Field:
        """A thin interface along the head's long axis: a mirror, so it fades where the beam runs along it."""
        near = np.clip(1 - ((v - at) / (3 * 0.013)) ** 2, 0, 1)  # a Gaussian in all but its tails
        return near**4 * self.head.across * self.head.across * self.head.across

    def add_plexus(self, early: float) -> None:
        """Choroid plexus in its ventricle, on one side or both; early, both fill the head."""
        rng = self.rng
        for side in (-1.0, 1.0):
            shown = rng.uniform() < 0.45 + 0.5 * early
            fluid, bright = rng.uniform(0.1, 0.8), rng.uniform(1.3, 3.5)
            at = (-0.3 + 0.3 * early + 0.1 * rng.standard_normal(), side * rng.uniform(0.3, 0.5))
            length = (0.22 + 0.3 * early) * rng.uniform(0.7, 1.3)
            width = (0.11 + 0.2 * early) * rng.uniform(0.7, 1.2)
            if shown:
                ventricle = self.blob((at[0] + 0.1, at[1]), (1.9 * length, 1.35 * width), 0.08)
                self.scene.scatter *= 1 - (1 - fluid) * ventricle
                self.scene.scatter += self.blob(at, (length, width), 0.08) * self.level * bright

    def add_midline(self) -> None:
        """The falx: one line or two, broken, and not quite straight."""
        rng = self.rng
        broken = np.clip(self.texture(3, 2.5) + rng.uniform(-0.9, 1.0), 0, 2)
        reach = soft_step(np.abs(self.u) - rng.uniform(0.6, 0.95), 0.05) * self.inside
        bend = 0.02 * self.texture(10, 10)
        gap = rng.uniform(0, 0.05)
        line = self.line(self.v, bend - gap) + rng.uniform(0, 1) * self.line(self.v, bend + gap)
        self.scene.mirror += 10 ** rng.uniform(-0.5, 0.9) * line * broken * reach
        self.scene.scatter += rng.uniform(0, 1.0) * line * reach

    def add_cavum(self) -> None:
        """Cavum septi pellucidi: a small dark box in front, two bright lines beside it; behind, thalami."""
        rng = self.rng
        box, thalami = self.blob((0.48, 0), (0.16, 0.075), 0.1), self.blob((0.02, 0), (0.28, 0.27), 0.1)
        self.scene.scatter *= (1 - 0.9 * box) * (1 - rng.uniform(0, 0.6) * thalami)
        self.scene.mirror *= 1 - 0.9 * box
        sides = self.line(np.abs(self.v), 0.085) * soft_step(np.abs(self.u - 0.48) - 0.17, 0.02) * self.inside
        self.scene.mirror += 10 ** rng.uniform(-0.8, 0.8) * sides * np.clip(1 + self.texture(3, 3), 0, 2)

    def add_ventricle_walls(self) -> None:
        """Walls of the lateral ventricles and the insula: short lines that bend with the skull."""
        rng = self.rng
        for at, center, reach in ((0.3, -0.1, 0.45), (0.45, -0.25, 0.4), (0.68, 0.1, 0.3)):
            for side in (-1.0, 1.0):
                strength = 10 ** rng.uniform(-0.9, 0.8) * (rng.uniform() < 0.55)
                bend, shift = rng.uniform(0.85, 1.15), 0.1 * rng.standard_normal()
                length = rng.uniform(0.2, 0.9)
                if strength > 0:
                    line = self.line(side * self.v, at * bend * (1 - 0.35 * self.u * self.u))
                    part = soft_step(np.abs(self.u - center - shift) - reach * length, 0.05)
                    uneven = np.clip(0.6 + self.texture(3, 3), 0, 2)
                    self.scene.mirror += strength * line * part * uneven * self.inside

    def add_cerebellum(self) -> None:
        """Two round hemispheres behind, with a bright rim and the dark cistern around them."""
        rng, scene, level = self.rng, self.scene, self.level
        scene.scatter *= 1 - 0.8 * self.blob((-0.68, 0), (0.24, 0.5), 0.1)
        for side in (-1.0, 1.0):
            s = np.sqrt(((self.u + 0.52) / 0.2) ** 2 + ((self.v - side * 0.24) / 0.25) ** 2)
            scene.scatter += level * rng.uniform(0.8, 1.6) * soft_step(s - 1, 0.08) * self.inside
            scene.scatter += level * rng.uniform(1, 4) * np.exp(-0.5 * ((s - 1) / 0.09) ** 2) * self.inside
        scene.scatter += level * rng.uniform(1, 4) * self.blob((-0.52, 0), (0.16, 0.08), 0.15)

    def add_gyri(self, half_mm: float, *, early: float, late: float) -> None:
        """Bright short specks and, towards term, the winding lines of the gyri, densest in the middle."""
        rng, scene, inside = self.rng, self.scene, self.inside
        away = -0.5 * ((self.u - 0.2 * rng.standard_normal()) / 0.45) ** 2
        center = np.exp(away - 0.5 * (self.v / 0.6) ** 2) * inside
        strands = np.exp(-0.5 * (self.texture(1.4, 3) / 0.25) ** 2) * np.clip(self.texture(5, 6), 0, 2)
        scene.scatter += 10 ** rng.uniform(-1.2, 0.2) * strands * (0.2 * inside + 0.8 * center)
        streaks = np.clip(self.texture(0.45, 3.5) - rng.uniform(0.6, 1.6), 0, None)
        scene.mirror += 10 ** rng.uniform(-1.3, 0.4) * streaks * (0.4 * inside + 0.6 * center)
        specks = np.clip(self.texture(0.6, 1.6) - rng.uniform(1.6, 2.4), 0, None)
        scene.mirror += 10 ** rng.uniform(-0.7, 0.7) * specks * center
        folds = self.texture(0.1 * half_mm + 1, 0.12 * half_mm + 1.5)
        ridges = np.exp(-0.5 * (folds / 0.2) ** 2) * np.clip(0.7 + self.texture(9, 9), 0, 2)
        scene.scatter += rng.uniform(0, 1.3) * (late + 0.3 * early) * ridges * center
