"""Speckle of several grains: the multiplicative texture that coherent sound gives to all that scatters it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

TEXTURES: tuple[tuple[float, float] | None, ...] = (None, (0.7, 0.7), (1.8, 1.8), (3.5, 0.8))
"""Smooth, fine, coarse and streaked: the grain's width and height in px (σ of the point spread)."""


def draw_speckle(rng: np.random.Generator, *, size: int) -> NDArray[np.float32]:
    """One field of speckle for each of ``TEXTURES``: float32 ``T H W``, of mean 1.

    The envelope of filtered complex noise, as of very many scatterers in every cell: Rayleigh's
    distribution, whose mean is 1.91 times its standard deviation. The smooth field is 1 throughout.

    Source: Burckhardt 1978, Speckle in ultrasound B-mode scans, doi:10.1109/T-SU.1978.30978.

    >>> fields = draw_speckle(np.random.default_rng(0), size=128)
    >>> fields.shape, [round(float(field.mean() / field.std()), 1) for field in fields[1:3]]
    ((4, 128, 128), [1.9, 1.9])
    """
    real, imaginary = rng.standard_normal((2, size, size), dtype=np.float32)
    fields = np.ones((len(TEXTURES), size, size), np.float32)
    for field, grain in zip(fields, TEXTURES, strict=True):
        if grain is not None:
            envelope = cv2.magnitude(_spread(real, grain), _spread(imaginary, grain))
            field[:] = envelope / envelope.mean()
    return fields


def _spread(noise: NDArray[np.float32], grain: tuple[float, float]) -> NDArray[np.float32]:
    return np.asarray(
        cv2.GaussianBlur(noise, (0, 0), sigmaX=grain[0], sigmaY=grain[1], borderType=cv2.BORDER_REFLECT),
        np.float32,
    )
