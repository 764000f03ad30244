"""The grain of an image as displayed: how strong its speckle is, and how long.

Displayed images are log-compressed and smoothed by the machine. So the ratio of mean to SD is not the 1.91
of a Rayleigh envelope; it is only comparable between images that were displayed alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

PATCH = 64
"""Side of a patch in px."""
WINDOW = 32
"""Side of a window in px, of which the speckle's mean and SD are taken."""

_TREND = 16.0
"""SD in px of the blur that is taken off before a correlation: what is larger is anatomy, not grain."""
_UNEVEN = 0.15
_DARKEST = 8.0


@dataclass(frozen=True, kw_only=True)
class Texture:
    """Mean over SD of even windows; widths of the autocorrelation down and across, in px. Nan: no patch."""

    snr: float
    axial_px: float
    lateral_px: float


def measure_texture(image: NDArray[np.uint8], where: NDArray[np.bool_]) -> Texture:
    """Medians over the patches that lie wholly in ``where``, bool ``H W`` as the image.

    A window is even if the means of its quarters stay within 15 % of its own mean; windows that are nearly
    black show no speckle and do not count. The axial direction is taken as straight down, the lateral one
    as across, which holds in the middle of a sector and less at its sides.
    """
    patches = tiles(image, where, side=PATCH)
    even = [window for window in tiles(image, where, side=WINDOW) if _is_even(window)]
    return Texture(
        snr=_median([float(window.mean() / max(window.std(), 1e-6)) for window in even]),
        axial_px=_median([correlation_width(patch, axis=0) for patch in patches]),
        lateral_px=_median([correlation_width(patch, axis=1) for patch in patches]),
    )


def tiles(
    image: NDArray[np.uint8], where: NDArray[np.bool_], *, side: int, most: int = 24
) -> list[NDArray[np.float64]]:
    """Squares on a grid of half their side that lie wholly in ``where``, at most ``most``, evenly chosen.

    >>> [tile.shape for tile in tiles(np.zeros((9, 9), np.uint8), np.ones((9, 9), bool), side=8, most=5)]
    [(8, 8)]
    """
    height, width = image.shape
    corners = [
        (row, column)
        for row in range(0, height - side + 1, side // 2)
        for column in range(0, width - side + 1, side // 2)
        if where[row : row + side, column : column + side].all()
    ]
    chosen = np.unique(np.linspace(0, len(corners) - 1, min(most, len(corners))).astype(int))
    return [
        image[row : row + side, column : column + side].astype(np.float64)
        for row, column in (corners[k] for k in chosen)
    ]


def correlation_width(patch: NDArray[np.float64], *, axis: int) -> float:
    """Full width at half maximum, in px, of the autocorrelation along ``axis``; nan for an even patch.

    Smoothing white noise by a Gaussian of SD s gives a width of 3.33 s.
    """
    residue = patch - gaussian_filter(patch, _TREND)
    residue -= residue.mean()
    if residue.std() < 1e-6:
        return float("nan")
    lines = residue if axis == 1 else residue.T
    length = lines.shape[1]
    power = np.abs(np.fft.rfft(lines, 2 * length, axis=1)) ** 2
    correlation = np.fft.irfft(power.sum(axis=0))[:length] / np.arange(length, 0, -1)
    correlation /= correlation[0]
    first = int(np.argmax(correlation < 0.5))
    if first == 0:
        return float("nan")
    above, below = correlation[first - 1], correlation[first]
    return float(2 * (first - 1 + (above - 0.5) / (above - below)))


def _is_even(window: NDArray[np.float64]) -> bool:
    half = window.shape[0] // 2
    quarters = window.reshape(2, half, 2, half).mean(axis=(1, 3))
    mean = window.mean()
    return bool(mean >= _DARKEST and np.abs(quarters / mean - 1).max() <= _UNEVEN)


def _median(values: list[float]) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")
