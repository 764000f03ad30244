"""The layout of the HC18 folder: which files it holds and what their names say."""

from __future__ import annotations

import re
from dataclasses import dataclass

FILENAME = "filename"
PIXEL_SIZE = "pixel size(mm)"
HEAD_CIRCUMFERENCE = "head circumference (mm)"

_IMAGE_NAME = re.compile(r"(\d+)_\d*HC\.png")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One half of HC18: a folder of PNGs and the CSV that lists them."""

    folder: str
    index: str
    labelled: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the CSV must have."""
        return (FILENAME, PIXEL_SIZE, HEAD_CIRCUMFERENCE) if self.labelled else (FILENAME, PIXEL_SIZE)


TRAINING = Part(folder="training_set", index="training_set_pixel_size_and_HC.csv", labelled=True)
TEST = Part(folder="test_set", index="test_set_pixel_size.csv", labelled=False)


def exam_number(filename: str) -> int | None:
    """The exam in an image's name (the n-th image of exam 10 is ``010_nHC.png``); ``None`` for other names.

    >>> exam_number("010_2HC.png"), exam_number("010_HC.png"), exam_number("010_HC_Annotation.png")
    (10, 10, None)
    """
    found = _IMAGE_NAME.fullmatch(filename)
    return int(found[1]) if found else None


def annotation_name(filename: str) -> str:
    """The name of the outline that belongs to an image.

    >>> annotation_name("010_2HC.png")
    '010_2HC_Annotation.png'
    """
    return filename.removesuffix(".png") + "_Annotation.png"
