"""Procedural images: leaves of random outline, seen through speckle. None shows a head.

They teach an encoder what edges, grey levels and textures are before it meets an ultrasound image, without a
photograph and without a download. One module is one step: ``leaves`` (the scene), ``speckle`` (what the
sound makes of it), ``generate`` (the image and what there is to learn from it).
"""

from fetalseg_book.studies.pretraining.images.generate import ProceduralImage, generate, stack
from fetalseg_book.studies.pretraining.images.speckle import TEXTURES

__all__ = ["TEXTURES", "ProceduralImage", "generate", "stack"]
