"""The phantom's difficulties on any finished image.

A picture is the logarithm of the echo, so a loss in decibels is a shift of its grey levels. The same losses
can therefore be laid over a real image, whose beams run about downwards.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from fetalseg_lib.data.phantom import Severity
from fetalseg_lib.data.phantom.echo import grain_db, loss_db

IMAGE_KNOBS = ("gain", "speckle", "shadow", "blur", "depth")
"""The knobs that can be turned on a finished image, too."""

GREY_PER_DB = 255 / 55
"""Of a usual dynamic range of 55 dB."""


def degrade(image: NDArray[np.uint8], severity: Severity, *, seed: int = 0) -> NDArray[np.uint8]:
    """Lay the image-domain knobs of ``severity`` over an image, uint8 ``H W``; black stays black.

    The same seed puts shadows and grains at the same places whatever the severity. Raises ``ValueError``
    for another kind of image, or where a knob is turned that only phantoms have (drop-out, clutter).

    >>> grey = np.full((40, 60), 120, np.uint8)
    >>> bool((degrade(grey, Severity(gain=0.5)) < grey).all())
    True
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(f"image: expected uint8 of shape (H, W), got {image.dtype} of shape {image.shape}")
    for knob, value in dataclasses.asdict(severity).items():
        if value and knob not in IMAGE_KNOBS:
            raise ValueError(f"severity {knob}: expected 0 on a finished image, got {value}; see IMAGE_KNOBS")
    height, width = image.shape
    rng = np.random.default_rng([seed, 1])
    grey: Any = image.astype(np.float64)
    if severity.blur:
        grey = gaussian_filter(grey, (severity.blur * height / 150, severity.blur * width / 100))
    depth = np.linspace(0, 1, height)[:, None]
    grey = grey - GREY_PER_DB * loss_db(rng, severity, depth, np.linspace(0, 1, width)[None, :])
    if severity.speckle:
        grains = gaussian_filter(rng.standard_normal((2, height, width)), (0, height / 270, width / 200))
        grains /= np.sqrt(2 * (grains**2).mean())
        grey = grey + GREY_PER_DB * grain_db(severity.speckle, *grains)
    degraded = np.rint(np.clip(grey, 0, 255)).astype(np.uint8)
    return np.where(image > 0, degraded, 0).astype(np.uint8)
