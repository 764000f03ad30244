"""What the sound meets: scatterers, mirrors and losses at every point of the beams' grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fetalseg_lib.data.phantom.beams import DEPTHS, Field, Sector

FLUID = 0.02
"""Echo of clear fluid, where soft tissue has about 1."""


@dataclass(kw_only=True)
class Scene:
    """Three fields on the grid of depths by beams, added to by one organ after the other.

    ``scatter`` is the RMS amplitude of small, random scatterers, ``mirror`` that of smooth interfaces.
    ``loss`` is lost there and back, in dB/mm, beyond what the machine makes up for; fluid's is negative.
    """

    scatter: Field
    mirror: Field
    loss: Field

    def replace(self, share: Field, *, scatter: Field | float, loss: float) -> None:
        """Put another tissue where ``share`` is 1; in between, mix."""
        self.scatter += share * (scatter - self.scatter)
        self.mirror *= 1 - share
        self.loss += share * (loss - self.loss)


def soft_step(distance_mm: Field, width_mm: float = 0.25) -> Field:
    """1 deep inside (negative distance), 0 far outside, and smooth over about ``width_mm``."""
    ramp = np.clip(0.5 - distance_mm / (4 * width_mm), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def interface(share: Field, sector: Sector) -> Field:
    """The echo of a border: how much ``share`` changes along the beam, per mm, so by its angle too."""
    change = np.zeros((DEPTHS, share.shape[1]))
    change[1:-1] = np.abs(share[2:] - share[:-2]) / (2 * sector.step_mm)
    return change
