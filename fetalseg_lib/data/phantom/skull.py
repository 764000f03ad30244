"""The skull: a mirror that is bright where the beam meets it square, and takes the sound away behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fetalseg_lib.data.phantom.beams import Field, Sector
from fetalseg_lib.data.phantom.options import Request
from fetalseg_lib.data.phantom.scene import Scene
from fetalseg_lib.data.phantom.shape import EllipseView


@dataclass(frozen=True, kw_only=True)
class Bone:
    """What the skull of one phantom is like.

    ``strength`` is the mirror's amplitude where the beam is square to it, ``floor`` what is left at a slant,
    ``directivity`` the power of the cosine in between. ``thickness_mm`` is one SD of the wall's profile.
    ``loss_db`` is lost there and back, and ``slant`` times as much again where the beam glides along.
    """

    strength: float
    thickness_mm: float
    directivity: float
    floor: float
    loss_db: float
    slant: float


def draw_bone(rng: np.random.Generator, *, weeks: float) -> Bone:
    """Draw a skull of this age: it hardens from 11 weeks on, and before that it may not shine at all."""
    ripe = float(np.clip((weeks - 11) / 9, 0, 1))
    late = float(np.clip((weeks - 20) / 14, 0, 1))
    strength = 10 ** ((rng.uniform(18, 27) + 8 * ripe) / 20)
    if rng.uniform() < 0.2 * (1 - ripe):
        strength *= rng.uniform(0.03, 0.3)
    return Bone(
        strength=strength,
        thickness_mm=(0.29 + 0.12 * ripe + 0.15 * late) * np.exp(rng.normal(0, 0.28)),
        directivity=rng.uniform(0.5, 2) + 1.3 * ripe + 1.2 * late,
        floor=10 ** -rng.uniform(1.1, 2.4),
        loss_db=rng.uniform(0.3, 1) * (1.5 + 2.5 * ripe + 5 * late),
        slant=rng.uniform(0, 1.5) * ripe + rng.uniform(0, 2) * late,
    )


def add_skull(
    rng: np.random.Generator,
    scene: Scene,
    sector: Sector,
    head: EllipseView,
    distance: Field,
    bone: Bone,
    request: Request,
) -> Field:
    """Add the wall whose outer border has ``distance`` 0; return its mirror alone (for its repeated echoes).

    The knob of drop-out lets the slanted parts fade earlier and opens gaps.
    """
    without, severity = request.without, request.severity.dropout
    depth = (distance + 2.1 * bone.thickness_mm) / bone.thickness_mm
    wall = np.exp(-0.5 * depth * depth)
    brightness = bone.strength * np.exp(
        rng.uniform(0.2, 0.7) * sector.texture(rng, 6, 6)
        + rng.uniform(0.1, 0.4) * sector.texture(rng, 1.2, 2)
    )
    gaps = np.clip(2.2 * (sector.texture(rng, 9, 9) + rng.uniform(1.0, 2.6)), 0.05, 1)
    if "irregular" in without:
        brightness, gaps = np.full_like(wall, bone.strength), np.ones_like(wall)
    if severity > 0:
        gaps = gaps * np.clip(1 - severity * np.clip(1.5 * np.sin(7 * head.u + 5 * head.v), 0, 0.9), 0, 1)
    echo = head.incidence ** (bone.directivity * (1 + 4 * severity)) + bone.floor * (1 - severity)
    if "dropout" in without:
        echo = np.full_like(wall, 0.8)
    skull = brightness * gaps * wall * echo
    scene.scatter += rng.uniform(0.1, 0.9) * skull + 10 ** rng.uniform(-1, 0.2) * wall * gaps * head.incidence
    scene.mirror += skull
    slanted = 1 + bone.slant * (1 - head.incidence * head.incidence)
    scene.loss += wall * gaps * slanted * (bone.loss_db / (bone.thickness_mm * np.sqrt(2 * np.pi)))
    return skull
