"""What a prediction looks like: the image with mask and ellipse, and the mask itself, as PNG."""

from __future__ import annotations

import struct
import textwrap
import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fetalseg_lib import NOTICE
from fetalseg_lib.apply.prediction.measure import Prediction
from fetalseg_lib.files import atomic_write

COLOUR = (230, 159, 0)
"""Of mask and ellipse: the orange that the book's figures give to predictions."""

_TINT = 0.25
_NARROWEST, _LONGEST = 480, 1600
"""An overlay's width at least and its sides at most, in px: words can be read, files stay small."""

_FAST = (cv2.IMWRITE_PNG_COMPRESSION, 1)
"""OpenCV's own choice. Pillow's makes a file a fifth smaller, and takes longer than all the rest together."""

_HEADER = 33
"""Bytes of a PNG's signature and first chunk, behind which others may come."""


def draw_overlay(prediction: Prediction) -> NDArray[np.uint8]:
    """The image with its mask tinted and the ellipse drawn, and below it the numbers in words: ``H W 3``."""
    image = Image.fromarray(_tinted(prediction.image.pixels, prediction.mask))
    scale = min(max(_NARROWEST / image.width, 1), _LONGEST / max(image.size))
    image = image.resize((max(1, round(scale * image.width)), max(1, round(scale * image.height))))
    if prediction.head.ellipse_px is not None:
        points = (prediction.head.ellipse_px.points() + 0.5) * scale - 0.5
        line = [(float(x), float(y)) for x, y in (*points, points[0])]
        ImageDraw.Draw(image).line(line, fill=COLOUR, width=max(2, round(image.width / 300)))
    words = _words_below(describe(prediction), max(image.width, _NARROWEST))
    sheet = Image.new("RGB", (words.width, image.height + words.height))
    sheet.paste(image, (0, 0))
    sheet.paste(words, (0, image.height))
    return np.array(sheet, dtype=np.uint8)


def describe(prediction: Prediction) -> list[str]:
    """Circumference, age, flags and the notice, a line each."""
    head, age = prediction.head, prediction.age
    lines = []
    if head.ellipse_px is not None and prediction.image.pixel_spacing_mm is None:
        lines.append(f"HC {head.ellipse_px.circumference:.0f} px")
    elif head.measured:
        lines.append(f"HC {head.hc_mm:.1f} mm")
    if age is not None:
        interval = f"{age.low_weeks:.1f} to {age.high_weeks:.1f}, {100 * age.level:g} % of {age.chart}"
        lines.append(f"{age.weeks:.1f} weeks ({interval})")
    elif prediction.age_note:
        lines.append(f"no gestational age: {prediction.age_note}")
    return [*lines, *(f"! {flag}" for flag in prediction.flags), f"{NOTICE.capitalize()}."]


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a PNG whole or not at all, with the notice inside."""
    coded: bytes = cv2.imencode(".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels, _FAST)[1].tobytes()
    text = b"tEXt" + b"Comment\0" + NOTICE.encode("latin-1")
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    with atomic_write(path) as file:
        file.write(coded[:_HEADER] + chunk + coded[_HEADER:])


def _tinted(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)  # (256, 3)
    tinted = ((1 - _TINT) * greys + _TINT * np.array(COLOUR)).astype(np.uint8)
    colours: NDArray[np.uint8] = np.concatenate(
        [greys, tinted]
    )  # a grey level's own, then what the mask makes of it
    return np.take(colours, pixels + np.uint16(256) * mask, axis=0)


def _words_below(lines: list[str], width: int) -> Image.Image:
    """A black strip with the lines, broken where they are wider than it."""
    size = max(14, round(width / 45))
    font = ImageFont.load_default(size)
    fits = int((width - size) / font.getlength("n"))  # of the letters, few are wider
    broken = [piece for line in lines for piece in textwrap.wrap(line, fits)]
    strip = Image.new("RGB", (width, round(1.4 * size * len(broken) + size)))
    draw = ImageDraw.Draw(strip)
    for row, piece in enumerate(broken):
        draw.text((size / 2, size * (0.5 + 1.4 * row)), piece, fill="white", font=font)
    return strip
