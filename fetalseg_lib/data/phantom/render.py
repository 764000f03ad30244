"""An ultrasound image of one head: echoes along beams, then scan conversion to the frame.

Scatterers are complex Gaussian, so speckle is Rayleigh as in fully developed speckle (Wagner et al. 1983,
doi:10.1109/T-SU.1983.31404). The skull reflects like a mirror, brightest where the beam meets it squarely,
and takes away what passes it at a slant: shadows and the gaps at the head's sides come from that alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.geometry import Ellipse

Field = NDArray[np.floating[Any]]

_DEPTHS, _BEAMS = 400, 224


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A curved probe: beams from a virtual apex above the frame (mm, rad), seen from ``near`` to ``far``."""

    apex_x: float
    apex_y: float
    near: float
    far: float
    half_angle: float


def render(
    rng: np.random.Generator, ellipse: Ellipse, pixel_size_mm: float, *, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Draw the image, uint8 ``H W`` of ``size``, of a head whose outer skull border is ``ellipse`` (px)."""
    height, width = size[0] * pixel_size_mm, size[1] * pixel_size_mm
    probe = _aim(rng, height, width)
    depth = np.linspace(probe.near, probe.far, _DEPTHS, dtype=np.float32)[:, None]
    beam = np.linspace(-probe.half_angle, probe.half_angle, _BEAMS, dtype=np.float32)[None, :]
    x = (probe.apex_x + depth * np.sin(beam)).astype(np.float32)
    y = (probe.apex_y + depth * np.cos(beam)).astype(np.float32)
    head = ellipse.scaled(x=pixel_size_mm, y=pixel_size_mm)
    polar = _echoes(rng, head, x, y, beam, step=(probe.far - probe.near) / _DEPTHS)
    image = _scan_convert(polar, probe, pixel_size_mm, size)
    return _decorate(rng, image)


def _aim(rng: np.random.Generator, height: float, width: float) -> Probe:
    """Choose a probe whose sector covers most of the frame and is cropped by it, as on a zoomed screen."""
    apex = rng.uniform(0.25, 1.1) * height
    reach = rng.uniform(0.46, 0.72) * width
    return Probe(
        apex_x=width * rng.normal(0.5, 0.03),
        apex_y=-apex,
        near=apex + rng.uniform(-0.06, 0.05) * height,
        far=apex + rng.uniform(0.96, 1.2) * height,
        half_angle=float(np.arctan2(reach, apex + height / 2)),
    )


def _echoes(
    rng: np.random.Generator, head: Ellipse, x: Field, y: Field, beam: Field, *, step: float
) -> Field:
    """The grey levels, float32 in [0, 255], on the grid of depths by beams."""
    u, v, distance, cosine = _head_coordinates(head, x, y, beam)
    thickness = 0.2 + 0.008 * head.semi_major * rng.uniform(0.8, 1.3)
    wall = np.exp(-0.5 * (distance / thickness + 1) ** 2)  # the outer border of the skull is the outline
    tissue = _tissue(rng, distance / head.semi_minor)
    amplitude = np.where(distance < 0, _brain(rng, u / head.semi_major, v / head.semi_minor), tissue)

    mirror = (cosine ** rng.uniform(1.5, 4) + 0.08) * np.exp(0.4 * _smooth(rng, 400, 7))
    skull = _blur(rng.uniform(6, 14) * wall * mirror, 0.2 / step, 1.3)
    lost = rng.uniform(0.1, 0.22) * wall / np.maximum(cosine, 0.25) / thickness
    shadows = 0.02 * np.clip(_smooth(rng, 400, 16) - 1, 0, None)
    passed = np.exp(-step * np.cumsum(lost + shadows, axis=0))

    looks = [_speckle(rng, amplitude, step) for _ in range(2)]  # compounding: the mean of two looks
    envelope = (np.mean([np.hypot(re + skull, im) for re, im in looks], axis=0)) * _blur(passed, 0, 1.5)
    level = 20 * np.log10(envelope / np.quantile(envelope, 0.995) + 1e-6)
    grey: Field = 255 * np.clip(1 + level / rng.uniform(42, 54), 0, 1) ** rng.uniform(1.4, 2.2)
    return grey.astype(np.float32)


def _tissue(rng: np.random.Generator, distance: Field) -> Field:
    """Echo strength outside the head: layered tissue, and often a dark pocket of fluid beside the head."""
    layers = np.exp(0.4 * _smooth(rng, 12, 50) + 0.3 * _smooth(rng, 5, 20) + 0.5 * _smooth(rng, 40, 25))
    fluid = (distance + 0.35 * _smooth(rng, 60, 35) < rng.uniform(-0.6, 0.4)) & (distance > 0)
    return np.where(fluid, 0.06, layers)


def _brain(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Echo strength inside: dark brain, a broken midline, and a ventricle with its plexus beyond it."""
    strength: Field = rng.uniform(0.2, 0.5) * np.exp(0.5 * _smooth(rng, 14, 10))
    side = 1.0 if rng.uniform() < 0.5 else -1.0
    middle = (u - 0.35 * side) / 0.35
    strength *= 1 - 0.8 * (np.hypot(middle, (v - 0.3) / 0.2) < 1)
    plexus = rng.uniform(0.3, 0.9) * (np.hypot((u - 0.45 * side) / 0.16, (v - 0.33) / 0.1) < 1)
    line = np.exp(-0.5 * ((v - 0.02 * _smooth(rng, 50, 30)) / 0.025) ** 2)
    line *= (np.abs(u) < 0.85) * np.clip(_smooth(rng, 400, 9) + 0.6, 0, 2) * rng.uniform(0.5, 1.5)
    return np.asarray(strength + plexus + line, dtype=np.float32)


def _speckle(rng: np.random.Generator, amplitude: Field, step: float) -> tuple[Field, Field]:
    """Scatterers of this amplitude seen through the point spread, of unit power and wider with depth."""
    axial, blend = 0.22 / step, np.linspace(0, 1, _DEPTHS, dtype=np.float32)[:, None]
    parts = []
    for _ in range(2):
        scatter = rng.standard_normal(amplitude.shape, dtype=np.float32) * amplitude
        narrow, wide = (_blur(scatter, axial, width) * np.sqrt(width) for width in (1.0, 1.8))
        parts.append(2.5 * np.sqrt(max(axial, 0.5)) * ((1 - blend) * narrow + blend * wide))
    return parts[0], parts[1]


def _head_coordinates(head: Ellipse, x: Field, y: Field, beam: Field) -> tuple[Field, Field, Field, Field]:
    """Place along and across the head and signed distance to its border (mm), cosine of the incidence."""
    cos, sin = np.float32(np.cos(head.angle)), np.float32(np.sin(head.angle))
    dx, dy = x - np.float32(head.center_x), y - np.float32(head.center_y)
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    s = np.hypot(u / head.semi_major, v / head.semi_minor) + 1e-6
    grad_u, grad_v = u / head.semi_major**2 / s, v / head.semi_minor**2 / s
    steepness = np.hypot(grad_u, grad_v) + 1e-9
    along_beam = grad_u * (np.sin(beam) * cos + np.cos(beam) * sin) + grad_v * (
        np.cos(beam) * cos - np.sin(beam) * sin
    )
    return u, v, (s - 1) / steepness, np.abs(along_beam) / steepness


def _smooth(rng: np.random.Generator, axial: float, lateral: float) -> Field:
    """A smooth random field of mean 0 and SD 1 on the polar grid; the two widths are in samples."""
    coarse = rng.standard_normal((int(_DEPTHS / axial) + 3, int(_BEAMS / lateral) + 3), dtype=np.float32)
    field: Any = cv2.resize(coarse, (_BEAMS, _DEPTHS), interpolation=cv2.INTER_CUBIC)
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


def _blur(field: Field, axial: float, lateral: float) -> Field:
    """The point spread: a Gaussian whose two widths are in samples."""
    blurred: Any = cv2.GaussianBlur(field.astype(np.float32), (0, 0), sigmaX=lateral, sigmaY=max(axial, 0.5))
    return np.asarray(blurred, dtype=np.float32)


def _scan_convert(
    polar: Field, probe: Probe, pixel_size_mm: float, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Bring depths by beams to rows by columns; outside the sector the frame is black."""
    x = (np.arange(size[1], dtype=np.float32) * pixel_size_mm - probe.apex_x)[None, :]
    y = (np.arange(size[0], dtype=np.float32) * pixel_size_mm - probe.apex_y)[:, None]
    radius, angle = np.hypot(x, y), np.arctan2(x, y)
    row = (radius - probe.near) / (probe.far - probe.near) * (_DEPTHS - 1)
    column = (angle / probe.half_angle + 1) / 2 * (_BEAMS - 1)
    image: Any = cv2.remap(
        polar,
        column.astype(np.float32),
        row.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )
    return np.asarray(np.rint(np.clip(image, 0, 255)), dtype=np.uint8)


def _decorate(rng: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add what the machine paints over its images: a grey scale at the left, a blank box in a corner."""
    height, width = image.shape
    if rng.uniform() < 0.5:
        rows = slice(int(0.05 * height), int(0.33 * height))
        bar = np.linspace(255, 0, rows.stop - rows.start)[:, None]
        image[rows, 4 * width // 800 : 12 * width // 800] = bar.astype(np.uint8)
    if rng.uniform() < 0.4:
        image[int(rng.uniform(0.85, 0.95) * height) :, int(rng.uniform(0.7, 0.85) * width) :] = 0
    return image
