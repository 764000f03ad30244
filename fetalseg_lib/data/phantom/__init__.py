"""Phantoms: simulated ultrasound images of heads whose mask, pixel size and circumference are known exactly.

They need no download, so every chapter runs on them. They are a teaching aid and a test object, not a
substitute for patients. One module is one stage of the image's making: ``anatomy`` (age, head, place),
``beams`` (the sector), ``uterus``, ``brain``, ``clutter`` and ``skull`` (what the sound meets), ``acoustics``
(attenuation and speckle), ``display`` (log compression, scan conversion), put together by ``render``.
"""

from fetalseg_lib.data.phantom.folder import write_folder
from fetalseg_lib.data.phantom.generate import Phantom, Phantoms, generate
from fetalseg_lib.data.phantom.options import IMAGE_KNOBS, INGREDIENTS, KNOBS, Severity
from fetalseg_lib.data.phantom.severity import degrade

__all__ = [
    "IMAGE_KNOBS",
    "INGREDIENTS",
    "KNOBS",
    "Phantom",
    "Phantoms",
    "Severity",
    "degrade",
    "generate",
    "write_folder",
]
