"""Inside the head: what a transverse plane shows at each age.

Early, the plexus fills most of a fluid-filled brain, like a butterfly. At 20 weeks the brain is dark, with a
broken midline, the cavum in front, the walls of the ventricles and a plexus behind, or the cerebellum in a
lower plane. Towards term the gyri stand out in the middle, and the bone veils the rest.
"""

from __future__ import annotations

import numpy as np

from fetalseg_lib.data.phantom.beams import Field, Sector
from fetalseg_lib.data.phantom.scene import Scene, soft_step
from fetalseg_lib.data.phantom.shape import EllipseView


def add_brain(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    head: EllipseView,
    inside: Field,
    *,
    weeks: float,
    half_mm: float,
    without: frozenset[str],
) -> None:
    """Fill the head where ``inside`` is 1: the matter first, then what stands out of it."""
    early = float(np.clip((17 - weeks) / 4, 0, 1))
    late = float(np.clip((weeks - 22) / 8, 0, 1))
    level = 10 ** (rng.uniform(-9, -1) / 20) * (1 + 0.5 * early)
    patches = np.exp(
        rng.uniform(0.2, 0.6) * sector.texture(rng, 0.2 * half_mm, 0.3 * half_mm)
        + rng.uniform(0.2, 0.7) * sector.texture(rng, 1.3, 2.4)
    )
    scene.replace(inside, scatter=level * patches, loss=rng.uniform(-0.05, 0.06))
    if "brain" in without:
        return
    warp = 0.05
    u = head.u * rng.choice([-1.0, 1.0]) + warp * sector.texture(rng, 0.4 * half_mm, 0.4 * half_mm)
    v = head.v + warp * sector.texture(rng, 0.4 * half_mm, 0.4 * half_mm)
    middle = 0.05 * rng.standard_normal() + u * 0.05 * rng.standard_normal()
    v = v - middle - 0.06 * rng.standard_normal() * (u * u - 0.3)
    _add_plexus(rng, scene, u, v, inside, level, early)
    if early < 1:
        if rng.uniform() < 0.18 and weeks > 16:
            _add_cerebellum(rng, scene, sector, head, u, v, inside, level)
        else:
            _add_cavum(rng, scene, sector, head, u, v, inside)
        _add_ventricle_walls(rng, scene, sector, head, u, v, inside)
    _add_midline(rng, scene, sector, head, u, v, inside)
    _add_gyri(rng, scene, sector, u, v, inside, half_mm, early, late)
    rim = np.exp(-0.5 * ((np.sqrt(u * u + v * v) - 0.9) / 0.06) ** 2)
    scene.scatter *= 1 - rng.uniform(0, 0.9) * rim * inside


def _blob(u: Field, v: Field, at: tuple[float, float], size: tuple[float, float], soft: float) -> Field:
    """1 inside an ellipse of the head's own coordinates, 0 outside, smooth over ``soft`` of its size."""
    s = np.sqrt(((u - at[0]) / size[0]) ** 2 + ((v - at[1]) / size[1]) ** 2)
    return soft_step(s - 1, soft)


def _add_plexus(
    rng: np.random.Generator, scene: Scene, u: Field, v: Field, inside: Field, level: float, early: float
) -> None:
    """Choroid plexus in its ventricle, on one side or both; early, both fill the head."""
    for side in (-1.0, 1.0):
        shown = rng.uniform() < 0.45 + 0.5 * early
        fluid, bright = rng.uniform(0.1, 0.8), rng.uniform(1.3, 3.5)
        at = (-0.3 + 0.3 * early + 0.1 * rng.standard_normal(), side * rng.uniform(0.3, 0.5))
        length, width = (
            (0.22 + 0.3 * early) * rng.uniform(0.7, 1.3),
            (0.11 + 0.2 * early) * rng.uniform(0.7, 1.2),
        )
        if not shown:
            continue
        ventricle = _blob(u, v, (at[0] + 0.1, at[1]), (1.9 * length, 1.35 * width), 0.08) * inside
        scene.scatter *= 1 - (1 - fluid) * ventricle
        plexus = _blob(u, v, at, (length, width), 0.08) * inside
        scene.scatter += plexus * level * bright


def _line(head: EllipseView, v: Field, at: Field | float, half: float) -> Field:
    """A thin interface along the head's long axis: a mirror, so it fades where the beam runs along it."""
    near = np.clip(1 - ((v - at) / (3 * half)) ** 2, 0, 1)  # a Gaussian in all but its tails
    return near**4 * head.across * head.across * head.across


def _add_midline(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    head: EllipseView,
    u: Field,
    v: Field,
    inside: Field,
) -> None:
    """The falx: one line or two, broken, and not quite straight."""
    broken = np.clip(sector.texture(rng, 3, 2.5) + rng.uniform(-0.9, 1.0), 0, 2)
    reach = soft_step(np.abs(u) - rng.uniform(0.6, 0.95), 0.05) * inside
    bend = 0.02 * sector.texture(rng, 10, 10)
    gap = rng.uniform(0, 0.05)
    line = _line(head, v, bend - gap, 0.013) + rng.uniform(0, 1) * _line(head, v, bend + gap, 0.013)
    scene.mirror += 10 ** rng.uniform(-0.5, 0.9) * line * broken * reach
    scene.scatter += rng.uniform(0, 1.0) * line * reach


def _add_cavum(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    head: EllipseView,
    u: Field,
    v: Field,
    inside: Field,
) -> None:
    """Cavum septi pellucidi: a small dark box in front, two bright lines beside it; behind, dark thalami."""
    box = _blob(u, v, (0.48, 0), (0.16, 0.075), 0.1) * inside
    thalami = _blob(u, v, (0.02, 0), (0.28, 0.27), 0.1) * inside
    scene.scatter *= (1 - 0.9 * box) * (1 - rng.uniform(0, 0.6) * thalami)
    scene.mirror *= 1 - 0.9 * box
    sides = _line(head, np.abs(v), 0.085, 0.013) * soft_step(np.abs(u - 0.48) - 0.17, 0.02) * inside
    scene.mirror += 10 ** rng.uniform(-0.8, 0.8) * sides * np.clip(1 + sector.texture(rng, 3, 3), 0, 2)


def _add_ventricle_walls(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    head: EllipseView,
    u: Field,
    v: Field,
    inside: Field,
) -> None:
    """Walls of the lateral ventricles and the insula: short lines beside the midline, bent with the skull."""
    for at, center, reach in ((0.3, -0.1, 0.45), (0.45, -0.25, 0.4), (0.68, 0.1, 0.3)):
        for side in (-1.0, 1.0):
            strength = 10 ** rng.uniform(-0.9, 0.8) * (rng.uniform() < 0.55)
            bend, shift, length = rng.uniform(0.85, 1.15), 0.1 * rng.standard_normal(), rng.uniform(0.2, 0.9)
            if strength > 0:
                line = _line(head, side * v, at * bend * (1 - 0.35 * u * u), 0.013)
                part = soft_step(np.abs(u - center - shift) - reach * length, 0.05)
                uneven = np.clip(0.6 + sector.texture(rng, 3, 3), 0, 2)
                scene.mirror += strength * line * part * uneven * inside


def _add_cerebellum(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    head: EllipseView,
    u: Field,
    v: Field,
    inside: Field,
    level: float,
) -> None:
    """Two round hemispheres behind, with a bright rim and the dark cistern around them."""
    cistern = _blob(u, v, (-0.68, 0), (0.24, 0.5), 0.1) * inside
    scene.scatter *= 1 - 0.8 * cistern
    for side in (-1.0, 1.0):
        s = np.sqrt(((u + 0.52) / 0.2) ** 2 + ((v - side * 0.24) / 0.25) ** 2)
        scene.scatter += level * rng.uniform(0.8, 1.6) * soft_step(s - 1, 0.08) * inside
        scene.scatter += level * rng.uniform(1, 4) * np.exp(-0.5 * ((s - 1) / 0.09) ** 2) * inside
    scene.scatter += level * rng.uniform(1, 4) * _blob(u, v, (-0.52, 0), (0.16, 0.08), 0.15) * inside


def _add_gyri(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    u: Field,
    v: Field,
    inside: Field,
    half_mm: float,
    early: float,
    late: float,
) -> None:
    """Bright short specks and, towards term, the winding lines of the gyri, densest in the middle."""
    center = np.exp(-0.5 * ((u - 0.2 * rng.standard_normal()) / 0.45) ** 2 - 0.5 * (v / 0.6) ** 2) * inside
    strands = np.exp(-0.5 * (sector.texture(rng, 1.4, 3) / 0.25) ** 2) * np.clip(
        sector.texture(rng, 5, 6), 0, 2
    )
    scene.scatter += 10 ** rng.uniform(-1.2, 0.2) * strands * (0.2 * inside + 0.8 * center)
    streaks = np.clip(sector.texture(rng, 0.45, 3.5) - rng.uniform(0.6, 1.6), 0, None)
    scene.mirror += 10 ** rng.uniform(-1.3, 0.4) * streaks * (0.4 * inside + 0.6 * center)
    specks = np.clip(sector.texture(rng, 0.6, 1.6) - rng.uniform(1.6, 2.4), 0, None)
    scene.mirror += 10 ** rng.uniform(-0.7, 0.7) * specks * center
    folds = sector.texture(rng, 0.1 * half_mm + 1, 0.12 * half_mm + 1.5)
    ridges = np.exp(-0.5 * (folds / 0.2) ** 2) * np.clip(0.7 + sector.texture(rng, 9, 9), 0, 2)
    scene.scatter += rng.uniform(0, 1.3) * (late + 0.3 * early) * ridges * center
