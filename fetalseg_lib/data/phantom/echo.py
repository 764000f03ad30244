"""The echo of a scene: what each beam loses, how it spreads, what the machine adds, as an envelope."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import gaussian_filter1d

from fetalseg_lib.data.phantom.acoustics import (
    PointSpread,
    coherent_gain,
    look,
    repeats,
    spread,
    transmitted,
    veil,
)
from fetalseg_lib.data.phantom.anatomy import NATIVE_HEIGHT
from fetalseg_lib.data.phantom.beams import Field, Sector
from fetalseg_lib.data.phantom.options import Request, Severity
from fetalseg_lib.data.phantom.scene import Scene

GAIN_DB, DEPTH_DB, SHADOW_DB = 18.0, 40.0, 30.0
"""Losses at severity 1: everywhere; at the deepest point; in the core of a shadow."""
_MEAN_RAYLEIGH_DB = -10 * float(np.euler_gamma) / float(np.log(10))
"""Mean level of speckle of power 1, so that the pattern makes nothing darker on average."""

Draws = Mapping[str, np.random.Generator]

_EVEN = float(np.sqrt(np.pi / 4))
"""The mean of a Rayleigh envelope of power 1: how bright tissue is without its speckle."""


def envelope(draws: Draws, request: Request, sector: Sector, scene: Scene, skull: Field) -> Field:
    """The envelope on the beams' grid, where soft tissue has about 1; ``skull`` is the skull's mirror alone.

    ``draws`` are the random numbers by stage: ``echo``, ``speckle`` and ``knobs`` are used.
    """
    rng, without = draws["echo"], request.without
    psf = _point_spread(rng, request, sector)
    share = np.ones_like(scene.loss) if "shadow" in without else transmitted(scene.loss, sector)
    repeated, haze, lobes = _artefacts(rng, sector, skull)
    if "reverberation" in without:
        repeated, haze, lobes = 0 * repeated, 0 * haze, 0.0
    haze = haze * (1 + 6 * request.severity.clutter)
    noise = 10 ** rng.uniform(-2.3, -1.2) * (sector.radius / sector.far)
    # Speckle patterns add up to a speckle pattern, so only their powers have to be added.
    strength = np.sqrt(share**2 * (scene.scatter**2 + haze**2) + noise**2)
    mirror = share * (scene.mirror + repeated) / coherent_gain(psf, sector)
    side = lobes * gaussian_filter1d(share * skull, 10, axis=1, mode="constant")
    real, imaginary = look(draws["speckle"], strength, mirror, psf, sector)
    if "speckle" in without:
        even = _EVEN * strength / coherent_gain(psf, sector) + mirror
        real, imaginary = spread(even, psf, sector), 0 * real
    gain: Field = 10 ** (_gain_db(draws, request, sector, psf) / 20)
    echo: Field = np.sqrt((real + side) ** 2 + imaginary**2) * gain
    return echo


def _artefacts(rng: np.random.Generator, sector: Sector, skull: Field) -> tuple[Field, Field, float]:
    """Repeated echoes of the skull, the probe's own haze, and the level of the side lobes."""
    delay, strength = rng.uniform(2.5, 11), 10 ** rng.uniform(-2.6, -1.1)
    depth = np.clip(sector.radius - sector.surface, 0, None)
    haze = 10 ** rng.uniform(-2.2, -0.5) * np.exp(-depth / rng.uniform(10, 60))
    haze = haze + 10 ** rng.uniform(-1.1, 0.05) * veil(skull, sector, length_mm=rng.uniform(6, 25))
    return repeats(skull, sector, delay_mm=delay, share=strength), haze, 10 ** rng.uniform(-2.2, -1.2)


def _point_spread(rng: np.random.Generator, request: Request, sector: Sector) -> PointSpread:
    """Early heads are seen at a higher frequency and a larger zoom, with a finer point spread."""
    native = request.pixel_size_mm * request.size[0] / NATIVE_HEIGHT
    vary = np.exp(rng.normal(0, 0.2, 2)) ** ("appearance" not in request.without)
    wider = 1 + 2 * request.severity.blur
    middle = (sector.near + sector.far) / 2 - sector.surface
    focus, length = middle * rng.uniform(0.6, 1.3), middle * rng.uniform(0.5, 1.2)
    return PointSpread(
        axial_mm=(0.09 + 0.85 * native) * vary[0] * wider,
        lateral_mm=(0.22 + 2.1 * native) * vary[1] * wider,
        focus_mm=focus,
        focus_length_mm=1e6 if "psf" in request.without else length,
    )


def _gain_db(draws: Draws, request: Request, sector: Sector, psf: PointSpread) -> Field:
    """The gain curve over depth, uneven contact of the probe, and the knobs that act on the whole echo."""
    rng, knobs, severity = draws["echo"], draws["knobs"], request.severity
    gain = rng.uniform(0, 3.5) * sector.texture(rng, 45, 400)
    gain += rng.uniform(0, 3) * sector.texture(rng, 400, 18)
    gain -= rng.uniform(0, 12) * np.abs(sector.angle / sector.half_angle) ** rng.uniform(2, 6)
    if "appearance" in request.without:
        gain = 0 * gain
    if severity != Severity():
        depth = (sector.radius - sector.near) / (sector.far - sector.near)
        lateral = (sector.angle / sector.half_angle + 1) / 2
        gain = gain - loss_db(knobs, severity, depth, lateral)
    if severity.speckle:
        grains = look(knobs, np.ones_like(gain), np.zeros_like(gain), psf, sector)
        gain = gain + grain_db(severity.speckle, *grains)
    return gain


def loss_db(rng: np.random.Generator, severity: Severity, depth: Field, lateral: Field) -> Field:
    """What gain, depth and shadow take, in dB, at points whose ``depth`` and ``lateral`` run from 0 to 1.

    The shadows stand where ``rng`` puts them; ``severity`` makes them deeper, not others.
    """
    loss = severity.gain * GAIN_DB + severity.depth * DEPTH_DB * np.clip(depth, 0, 1) ** 1.5 + 0 * lateral
    for _ in range(4):
        center, half, start = rng.uniform(0.05, 0.95), rng.uniform(0.02, 0.07), rng.uniform(0, 0.3)
        stripe = np.exp(-((np.abs(lateral - center) / half) ** 4))
        loss = loss + severity.shadow * SHADOW_DB * stripe * np.clip((depth - start) / 0.05, 0, 1)
    return loss


def grain_db(severity: float, real: Field, imaginary: Field) -> Field:
    """A second speckle pattern, of mean power 1, over the first, in dB: nothing at 0, Rayleigh at 1."""
    power = real * real + imaginary * imaginary
    grain: Field = severity * (10 * np.log10(power + 1e-4) - _MEAN_RAYLEIGH_DB)
    return grain
