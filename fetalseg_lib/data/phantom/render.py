"""An ultrasound image of one head, stage by stage: scene, echo, picture.

Every stage has its own random numbers. So to leave one ingredient out, or to turn one knob, changes that
alone: the same head, the same probe, the same speckle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.data.phantom.beams import Field, Sector, draw_sector
from fetalseg_lib.data.phantom.brain import add_brain
from fetalseg_lib.data.phantom.clutter import add_clutter
from fetalseg_lib.data.phantom.display import Tone, compress, paint, scan_convert
from fetalseg_lib.data.phantom.echo import envelope
from fetalseg_lib.data.phantom.options import Request
from fetalseg_lib.data.phantom.scene import Scene, soft_step
from fetalseg_lib.data.phantom.shape import EllipseView, ripple, view
from fetalseg_lib.data.phantom.skull import add_skull, draw_bone
from fetalseg_lib.data.phantom.uterus import add_uterus, plain_tissue

STAGES = ("sector", "tissue", "uterus", "brain", "clutter", "skull", "speckle", "echo", "tone", "paint")


def render(entropy: tuple[int, ...], request: Request) -> NDArray[np.uint8]:
    """Draw the image, uint8 ``H W``; the random numbers of each stage follow from ``entropy``."""
    stages = (*STAGES, "knobs")
    rngs = {stage: np.random.default_rng([*entropy, k + 1]) for k, stage in enumerate(stages)}
    height, width = (side * request.pixel_size_mm for side in request.size)
    ellipse = request.ellipse.scaled(x=request.pixel_size_mm, y=request.pixel_size_mm)
    sector = draw_sector(
        rngs["sector"], weeks=request.weeks, frame_mm=(height, width), outline=ellipse.points(60)
    )
    if "display" in request.without:
        sector = _whole_frame(sector, height, width)
    head = view(ellipse, sector)
    scene, skull = _scene(rngs, request, sector, head, ellipse.semi_minor)
    echo = envelope(rngs, request, sector, scene, skull)
    grey = compress(echo, _tone(rngs["tone"], request))
    image = scan_convert(grey, sector, request.pixel_size_mm, request.size)
    if "display" not in request.without:
        paint(rngs["paint"], image)
    return np.rint(image).astype(np.uint8)


def _whole_frame(sector: Sector, height: float, width: float) -> Sector:
    """A sector from high above that fills the frame: no black corner, beams nearly parallel."""
    apex_y = -2.5 * height
    return Sector(
        apex_x=width / 2,
        apex_y=apex_y,
        surface=-apex_y - 10,
        near=-apex_y * 0.99,
        far=float(np.hypot(height - apex_y, width / 2)) * 1.01,
        half_angle=float(np.arctan2(width / 2, -apex_y)) * 1.02,
    )


def _scene(
    rngs: dict[str, np.random.Generator], request: Request, sector: Sector, head: EllipseView, half_mm: float
) -> tuple[Scene, Field]:
    """Put the organs together, from the outside in; also the skull's mirror alone."""
    without, severity = request.without, request.severity.clutter
    scene = plain_tissue(rngs["tissue"], sector)
    if "uterus" not in without:
        add_uterus(rngs["uterus"], scene, sector, head, request.weeks, half_mm)
    if "clutter" not in without:
        add_clutter(rngs["clutter"], scene, sector, head, severity, half_mm)
    # A sonographer's ellipse is not quite the skull: the wall waves about it, and lies deeper or less deep.
    wobble = ripple(rngs["skull"], head, half_mm * rngs["skull"].uniform(0.008, 0.036))
    wobble += rngs["skull"].normal(0, 0.1 + 0.007 * half_mm)
    distance = head.distance - (0 if "irregular" in without else wobble)
    bone = draw_bone(rngs["skull"], weeks=request.weeks)
    inside = soft_step(distance + 1.5 * bone.thickness_mm)
    add_brain(rngs["brain"], scene, sector, head, inside, request, half_mm)
    return scene, add_skull(rngs["skull"], scene, sector, head, distance, bone, request)


def _tone(rng: np.random.Generator, request: Request) -> Tone:
    """How bright and how contrasty this machine shows its echoes."""
    white, span, gamma = rng.normal(28, 2.5), rng.uniform(44, 62), rng.uniform(1.2, 2.4)
    smoothing = rng.uniform(0.3, 1)
    if "appearance" in request.without:
        white, span, gamma, smoothing = 28.0, 53.0, 1.8, 0.5
    return Tone(white_db=white, range_db=span, gamma=gamma, smoothing=smoothing)
