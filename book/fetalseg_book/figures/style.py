"""One style for every figure, and figures that say in words what they show."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image as Picture

REFERENCE, PREDICTION = "#56B4E9", "#E69F00"
"""Colours of the two outlines; they differ in lightness too, so that they read in grey."""

DRAWING_BYTES = 300_000
"""No figure is heavier: a page must open on a phone in a lecture hall."""

PICTURE_BYTES = 150_000
"""A sheet of many images is no heavier, for a page may show three of them."""

DOTS_PER_INCH = (180, 150, 110, 90, 75)
_COLOURS = 80
_GREYS = 60
_EMBEDDED = re.compile(r"(?<=data:image/png;base64,)[^\"]+")


def use_style() -> None:
    """Take on the book's look: the style sheet, and sharp vector figures inside a notebook."""
    plt.style.use(Path(__file__).with_name("fetalseg.mplstyle"))
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # outside a notebook
        return
    set_matplotlib_formats("svg")


def show(figure: Figure, alt: str, *, caption: str = "") -> None:
    """Display a figure in a notebook with ``alt``, the sentence that a screen reader says instead of it.

    The page of the book sets ``caption`` below it, or else what ``alt`` says before it goes into detail.
    It is a drawing (SVG), sharp at any size, unless that weighs more than ``DRAWING_BYTES``, as a sheet of
    many images does: then it is a picture (PNG).
    """
    from IPython.display import SVG, Image, display

    if not alt.strip():
        raise ValueError("alt: expected a sentence that says what the figure shows, got nothing")
    drawing = light_svg(figure, bbox_inches="tight")
    words = {"alt": alt} | ({"caption": caption} if caption else {})
    metadata = dict.fromkeys(("image/svg+xml", "image/png"), words)
    if len(drawing.encode()) <= DRAWING_BYTES:
        display(SVG(drawing), metadata=metadata)
    else:
        picture, dpi = light_png(figure, bbox_inches="tight")
        width = round(Picture.open(io.BytesIO(picture)).width * 96 / dpi)  # as large as the drawing would be
        display(Image(picture, format="png", width=width), metadata=metadata)
    plt.close(figure)


def light_svg(figure: Figure, **options: Any) -> str:
    """A figure as SVG whose images, if grey, are stored with one channel instead of four.

    They look the same and weigh a third less. ``options`` go to ``savefig``.
    """
    drawing = io.StringIO()
    figure.savefig(drawing, format="svg", **options)
    return _EMBEDDED.sub(lambda image: _light_base64(image[0]), drawing.getvalue())


def _light_base64(data: str) -> str:
    image, light = Picture.open(io.BytesIO(base64.b64decode(data))), io.BytesIO()
    red, green, blue, alpha = image.convert("RGBA").split()
    is_grey = red.tobytes() == green.tobytes() == blue.tobytes() and alpha.getextrema() == (255, 255)
    (red if is_grey else image).save(light, format="png", optimize=True)
    return base64.b64encode(light.getvalue()).decode()


def _palette(picture: Picture.Image) -> Picture.Image:
    """The greys of ``picture`` and, apart from them, its colours: chosen together, bright greys turn blue."""
    pixels = np.asarray(picture).reshape(-1, 3)
    coloured = np.ptp(pixels, axis=1) > 32
    chosen: list[int] = []
    for kind, share in ((pixels[~coloured], _GREYS), (pixels[coloured], _COLOURS - _GREYS)):
        if len(kind):
            few = Picture.fromarray(kind[None]).quantize(share, dither=Picture.Dither.NONE)
            chosen += (few.getpalette() or [])[: 3 * share]
    palette = Picture.new("P", (1, 1))
    palette.putpalette(chosen)
    return palette


def light_png(figure: Figure, **options: Any) -> tuple[bytes, int]:
    """A figure as PNG of at most ``PICTURE_BYTES``, with the dots per inch that it has then.

    The PNG has a palette: grey images and a few line colours need no more. ``options`` go to ``savefig``.
    Raises ``ValueError`` where the figure is too heavy even at the coarsest of ``DOTS_PER_INCH``.
    """
    for dpi in DOTS_PER_INCH:
        full, light = io.BytesIO(), io.BytesIO()
        figure.savefig(full, format="png", dpi=dpi, **options)
        drawn = Picture.open(full).convert("RGB")
        colours = drawn.quantize(palette=_palette(drawn), dither=Picture.Dither.NONE)
        colours.save(light, format="png", optimize=True)
        if light.tell() <= PICTURE_BYTES:
            return light.getvalue(), dpi
    raise ValueError(
        f"figure: {light.tell()} bytes at {dpi} dots per inch; expected at most {PICTURE_BYTES}: "
        "show fewer images"
    )
