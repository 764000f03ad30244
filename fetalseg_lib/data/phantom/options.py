"""What a phantom is made of, and how hard it is made: ingredients to leave out, and seven knobs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field

from fetalseg_lib.geometry import Ellipse

INGREDIENTS: dict[str, str] = {
    "speckle": "echoes from many small scatterers; without, tissue is evenly grey",
    "psf": "a point spread that widens away from the focus; without, it is the same at every depth",
    "dropout": "a skull that fades where the beam meets it at a slant; without, it is bright all around",
    "shadow": "attenuation: shadow behind bone, enhancement behind fluid",
    "clutter": "limbs, bones and bright arcs beside the head",
    "uterus": "amniotic fluid, uterine wall and placenta; without, plain tissue all around the head",
    "brain": "midline, cavum, ventricles, plexus, cerebellum, gyri; without, the head is evenly filled",
    "irregular": "a skull that is not quite an ellipse, with sutures and uneven brightness",
    "reverberation": "repeated echoes of skull and probe, side lobes, and haze",
    "display": "a sector, the grey bar and blacked-out boxes; without, the image fills the frame",
    "appearance": "gain, dynamic range, contrast and resolution vary from image to image",
}
"""Everything that an ablation may leave out, and what stays without it."""


@dataclass(frozen=True, kw_only=True)
class Severity:
    """How far each difficulty is turned up, from 0 (as usual) to 1; raises ``ValueError`` beyond.

    >>> Severity(shadow=0.5).shadow
    0.5
    """

    gain: float = 0.0
    """Signal lost everywhere: a gain set too low."""
    speckle: float = 0.0
    """Grain: how strongly a second pattern of speckle multiplies the first."""
    shadow: float = 0.0
    """Dark stripes along the beams, as behind ribs, gas or a poor contact."""
    dropout: float = 0.0
    """Skull lost where the beam meets it at a slant (phantoms only)."""
    blur: float = 0.0
    """A wider point spread."""
    depth: float = 0.0
    """Signal lost with depth: the sound does not reach as far."""
    clutter: float = 0.0
    """More limbs, bones and arcs beside the head, and haze (phantoms only)."""

    def __post_init__(self) -> None:
        for knob in dataclasses.fields(self):
            value = getattr(self, knob.name)
            if not 0 <= value <= 1:
                raise ValueError(f"severity {knob.name}: expected 0 to 1, got {value}")


KNOBS = tuple(knob.name for knob in dataclasses.fields(Severity))


@dataclass(frozen=True, kw_only=True)
class Request:
    """One phantom to draw: its head (outer border of the skull, px) and age, its frame, its difficulties."""

    ellipse: Ellipse
    weeks: float
    pixel_size_mm: float
    size: tuple[int, int]
    without: frozenset[str] = frozenset()
    severity: Severity = field(default_factory=Severity)


def check_ingredients(without: Iterable[str]) -> frozenset[str]:
    """The names as a set; raises ``ValueError`` for one that is no ingredient.

    >>> sorted(check_ingredients(["shadow", "psf"]))
    ['psf', 'shadow']
    """
    names = frozenset([without] if isinstance(without, str) else without)
    unknown = sorted(names - INGREDIENTS.keys())
    if unknown:
        raise ValueError(f"without: expected some of {', '.join(INGREDIENTS)}; got {', '.join(unknown)}")
    return names
