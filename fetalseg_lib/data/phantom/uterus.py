"""Around the head: amniotic fluid, uterine wall, placenta, and the mother's layers under the probe."""

from __future__ import annotations

import numpy as np

from fetalseg_lib.data.phantom.beams import Field, Sector
from fetalseg_lib.data.phantom.scene import FLUID, Scene, interface, soft_step
from fetalseg_lib.data.phantom.shape import EllipseView

FLUID_GAIN_DB_PER_MM = 0.25
"""What the machine adds for tissue of about 0.5 dB/(cm MHz) at 3 MHz and more, there and back: behind fluid,
which needs none of it, everything is too bright (PMC10001275 has the attenuation of tissues)."""


def plain_tissue(rng: np.random.Generator, sector: Sector) -> Scene:
    """Soft tissue everywhere, uneven in large and small, with a few bright fibres across the beams."""
    uneven = rng.uniform(0.4, 1.0) * sector.texture(rng, 9, 16)
    uneven += rng.uniform(0, 0.7) * sector.texture(rng, 30, 30)
    grain = rng.uniform(0.2, 0.6) * sector.texture(rng, 1.6, 3.5)
    fibres = np.clip(sector.texture(rng, 0.5, 4.5) - rng.uniform(0.8, 2.2), 0, None)
    return Scene(
        scatter=np.exp(uneven + grain),
        mirror=fibres * 10 ** rng.uniform(-1, 0.8),
        loss=np.zeros_like(sector.x) + rng.normal(0, 0.04),
    )


def add_uterus(
    rng: np.random.Generator, scene: Scene, sector: Sector, head: EllipseView, weeks: float, half_mm: float
) -> None:
    """Layers, placenta and fluid around a head of ``half_mm`` (its semi-minor axis): early, it floats."""
    _add_layers(rng, scene, sector)
    _add_placenta(rng, scene, sector, half_mm)
    early = float(np.clip((20 - weeks) / 7, 0, 1))
    far = rng.normal(-0.25 + 0.65 * early, 0.12 + 0.33 * early)
    # The head rests on the wall below; fluid is left beside it, and early above it.
    reach = far + rng.uniform(0, 0.5) * head.sideways - rng.uniform(0, 0.9) * early * head.downwards
    waves = half_mm * (0.16 + 0.4 * early) * sector.texture(rng, 14 + 8 * early, 18 + 8 * early)
    waves += 0.5 * sector.texture(rng, 4, 5)
    fluid = soft_step(head.distance - np.maximum(half_mm * reach + waves, -2))
    clear = FLUID * 10 ** rng.uniform(0, 1) if rng.uniform() < 0.8 else rng.uniform(0.1, 0.4)
    wall = interface(fluid, sector) * 10 ** rng.uniform(-0.9, 0.7) * np.exp(0.5 * sector.texture(rng, 8, 6))
    lining = np.clip(4 * fluid * (1 - fluid), 0, 1) * rng.uniform(0, 0.8)
    scene.replace(fluid, scatter=clear, loss=-FLUID_GAIN_DB_PER_MM * rng.uniform(0.2, 1.2))
    scene.scatter += lining
    scene.mirror += wall


def _add_layers(rng: np.random.Generator, scene: Scene, sector: Sector) -> None:
    """Skin, fat and muscle: layers along the probe's surface, bright and thin."""
    depth = sector.radius - sector.surface
    end = rng.uniform(6, 32) + 3 * sector.texture(rng, 30, 25)
    within = soft_step(depth - end, 1.5)
    layers = np.exp(0.9 * sector.texture(rng, 1.0, 30) + 0.4 * sector.texture(rng, 3, 12))
    scene.scatter += within * (rng.uniform(0.5, 1.6) * layers - scene.scatter) * 0.8
    scene.mirror += within * np.clip(sector.texture(rng, 0.6, 18) - 1.2, 0, None) * rng.uniform(0, 10)


def _add_placenta(rng: np.random.Generator, scene: Scene, sector: Sector, half_mm: float) -> None:
    """A large even region brighter than the wall, or darker muscle, with a soft border."""
    grain = half_mm * 0.7 + 6
    region = sector.texture(rng, grain, 1.6 * grain) + rng.normal(0, 0.6)
    share = soft_step(rng.uniform(-0.2, 1.2) - region, 0.12)
    even: Field = np.exp(0.3 * sector.texture(rng, 2, 3) + 0.3 * sector.texture(rng, 8, 10))
    scene.replace(share, scatter=rng.uniform(0.5, 2.4) * even, loss=rng.normal(0, 0.03))
