"""Phantoms: simulated ultrasound images of heads whose mask, pixel size and circumference are known exactly.

They need no download, so every chapter runs on them. They are a teaching aid and a test object, not a
substitute for patients: a result on phantoms says that the code works, nothing of clinical images.
"""

from fetalseg_lib.data.phantom.folder import write_folder
from fetalseg_lib.data.phantom.generate import Phantoms, generate

__all__ = ["Phantoms", "generate", "write_folder"]
