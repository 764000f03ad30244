"""Phantoms: simulated ultrasound images of heads whose mask, pixel size and circumference are known exactly.

They need no download. One module is one stage of the image's making: ``anatomy`` (age, head, place),
``beams`` (the sector), ``uterus``, ``brain``, ``clutter`` and ``skull`` (what the sound meets), ``acoustics``
(attenuation and speckle), ``display`` (log compression, scan conversion), put together by ``render``.
"""

from fetalseg_lib.data.phantom.folder import write_folder
from fetalseg_lib.data.phantom.generate import MAX_PHANTOMS, Phantom, Phantoms, generate
from fetalseg_lib.data.phantom.options import INGREDIENTS, KNOBS, Severity

__all__ = [
    "INGREDIENTS",
    "KNOBS",
    "MAX_PHANTOMS",
    "Phantom",
    "Phantoms",
    "Severity",
    "generate",
    "write_folder",
]
