"""From the scene to the echo's envelope: attenuation, the point spread and its speckle, repeated echoes.

Scatterers are complex Gaussian, so the envelope of even tissue is Rayleigh as in fully developed speckle
(Wagner et al. 1983, doi:10.1109/T-SU.1983.31404). The point spread is one convolution along the beams and
one across them, whose width depends on depth: a small share of the cost of solving the wave equation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import convolve1d, gaussian_filter1d

from fetalseg_lib.data.phantom.beams import BEAMS, DEPTHS, Field, Sector

_MOST_LOSS_DB = 60.0
_REACH = 2.6
"""Where the sampled Gaussians end, in SD."""


@dataclass(frozen=True, kw_only=True)
class PointSpread:
    """SDs in mm of a Gaussian point spread: along the beam, and across it at the focus and by depth.

    Across, it is ``lateral_mm`` at ``focus_mm`` of depth and widens before and behind it, by the square root
    of two at a distance of ``focus_length_mm``, as a focused Gaussian beam does.
    """

    axial_mm: float
    lateral_mm: float
    focus_mm: float
    focus_length_mm: float

    def width_mm(self, sector: Sector) -> Field:
        """SD across the beams at each depth of the sector, in mm, ``(depths,)``.

        >>> sector = Sector(apex_x=0, apex_y=-40, surface=40, near=40, far=140, half_angle=0.5)
        >>> psf = PointSpread(axial_mm=0.3, lateral_mm=1, focus_mm=0, focus_length_mm=50)
        >>> [float(width.round(2)) for width in psf.width_mm(sector)[[0, -1]]]
        [1.0, 2.24]
        """
        depth = sector.radius[:, 0] - sector.surface
        return self.lateral_mm * np.sqrt(1 + ((depth - self.focus_mm) / self.focus_length_mm) ** 2)


def spread(field: Field, psf: PointSpread, sector: Sector) -> Field:
    """Convolve with the point spread, scaled so that white noise keeps its power at every depth."""
    kernels = _kernels(psf, sector)
    return _convolve(_pad(field, kernels, mode="edge"), kernels)


def look(
    rng: np.random.Generator, scatter: Field, mirror: Field, psf: PointSpread, sector: Sector
) -> tuple[Field, Field]:
    """Real and imaginary part of the echo from random scatterers of RMS ``scatter`` and smooth mirrors.

    Even scatterers alone give an envelope whose mean is 1.91 times its SD: Rayleigh's distribution.
    """
    # Beyond the border, tissue goes on as it is, but with scatterers of its own.
    noise = rng.standard_normal((2, DEPTHS, BEAMS)) * np.sqrt(0.5)
    kernels = _kernels(psf, sector)
    real, imaginary = (_pad(part, kernels, mode="wrap") for part in noise)
    scatter, mirror = (_pad(part, kernels, mode="edge") for part in (scatter, mirror))
    return _convolve(scatter * real + mirror, kernels), _convolve(scatter * imaginary, kernels)


def coherent_gain(psf: PointSpread, sector: Sector) -> Field:
    """How much :func:`spread` multiplies an even, coherent field, ``(depths, 1)``."""
    axial, lateral = _kernels(psf, sector)
    gain: Field = lateral.sum(axis=1, keepdims=True) * axial.sum()
    return gain


def _kernels(psf: PointSpread, sector: Sector) -> tuple[Field, Field]:
    """Along the beam ``(taps,)``, and across the beams at each depth ``(depths, taps)``."""
    axial = max(psf.axial_mm / sector.step_mm, 0.4)  # SD in samples
    lateral = np.clip(psf.width_mm(sector) / sector.pitch_mm[:, 0], 0.4, 12)  # in beams
    return _taps(axial, math.ceil(_REACH * axial)), _taps(lateral[:, None], math.ceil(_REACH * lateral.max()))


def _pad(field: Field, kernels: tuple[Field, Field], *, mode: Literal["edge", "wrap"]) -> Field:
    rows, columns = (kernel.shape[-1] // 2 for kernel in kernels)
    return np.pad(field, ((rows, rows), (columns, columns)), mode=mode)


def _convolve(padded: Field, kernels: tuple[Field, Field]) -> Field:
    """First along the beams, then across them, each depth with its own width; the border falls away."""
    axial, across = kernels
    rows, columns = (kernel.shape[-1] // 2 for kernel in kernels)
    along = convolve1d(padded, axial, axis=0, mode="constant")[rows : rows + DEPTHS]
    total: Field = across[:, columns, None] * along[:, columns : columns + BEAMS]
    for tap in range(1, columns + 1):
        right, left = columns + tap, columns - tap
        pair = along[:, right : right + BEAMS] + along[:, left : left + BEAMS]
        pair *= across[:, right, None]
        total += pair
    return total


def _taps(width: Field | float, reach: int) -> Field:
    """A sampled Gaussian of SD ``width``, from ``-reach`` to ``reach``; its squares add up to 1."""
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    taps: Field = kernel / np.sqrt((kernel**2).sum(axis=-1, keepdims=True))
    return taps


def transmitted(loss: Field, sector: Sector) -> Field:
    """The share of the amplitude that comes back from each point: losses in dB/mm summed along the beams.

    >>> sector = Sector(apex_x=0, apex_y=-40, surface=40, near=40, far=140, half_angle=0.5)
    >>> share = transmitted(np.full((DEPTHS, BEAMS), 0.2), sector)
    >>> float((20 * np.log10(share[-1, 0])).round(1))  # 0.2 dB/mm over 100 mm
    -20.0
    """
    total = (np.cumsum(loss, axis=0) - loss[:1] / 2 - loss / 2) * sector.step_mm
    share: Field = 10 ** (-np.clip(total, -12, _MOST_LOSS_DB) / 20)
    blurred: Field = gaussian_filter1d(share, 1.2, axis=1, mode="nearest", truncate=2.5)
    return blurred


def veil(mirror: Field, sector: Sector, *, length_mm: float) -> Field:
    """The fog behind a strong mirror, from sound that rattles on within it; it fades over ``length_mm``."""
    from scipy.signal import lfilter  # it brings all of scipy.stats: reading a profile need not wait

    decay = np.exp(-sector.step_mm / length_mm)
    fog: Field = lfilter([sector.step_mm / length_mm], [1, -decay], mirror, axis=0)
    return fog


def repeats(mirror: Field, sector: Sector, *, delay_mm: float, share: float, count: int = 4) -> Field:
    """Echoes that went to and fro once more and arrive ``delay_mm`` too deep, each weaker by ``share``."""
    total = np.zeros_like(mirror)
    shift = max(round(delay_mm / sector.step_mm), 1)
    for number in range(1, count + 1):
        if number * shift < DEPTHS:
            total[number * shift :] += share**number * mirror[: DEPTHS - number * shift]
    return total
