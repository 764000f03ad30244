"""One style for every figure, and figures that say in words what they show."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image as Picture

REFERENCE, PREDICTION = "#56B4E9", "#E69F00"
"""Colours of the two outlines; they differ in lightness too, so that they read in grey."""

PICTURE_BYTES = 300_000
"""No figure is heavier: a page must open on a phone in a lecture hall."""

DOTS_PER_INCH = (180, 150, 110, 90, 75)
_COLOURS = 128


def use_style() -> None:
    """Take on the book's look: the style sheet, and sharp vector figures inside a notebook."""
    plt.style.use(Path(__file__).with_name("fetalseg.mplstyle"))
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # outside a notebook
        return
    set_matplotlib_formats("svg")


def show(figure: Figure, *, alt: str) -> None:
    """Display a figure in a notebook with ``alt``, the sentence that a screen reader says instead of it.

    It is a drawing (SVG), sharp at any size, unless that weighs more than ``PICTURE_BYTES``, as a sheet of
    many images does: then it is a picture (PNG).
    """
    from IPython.display import Image, display

    if not alt.strip():
        raise ValueError("alt: expected a sentence that says what the figure shows, got nothing")
    drawing = io.BytesIO()
    figure.savefig(drawing, format="svg", bbox_inches="tight")
    metadata = {kind: {"alt": alt} for kind in ("image/svg+xml", "image/png")}
    if drawing.tell() <= PICTURE_BYTES:
        display(figure, metadata=metadata)
    else:
        picture, dpi = light_png(figure, bbox_inches="tight")
        width = round(Picture.open(io.BytesIO(picture)).width * 96 / dpi)  # as large as the drawing would be
        display(Image(picture, format="png", width=width), metadata=metadata)
    plt.close(figure)


def light_png(figure: Figure, **options: Any) -> tuple[bytes, int]:
    """A figure as PNG of at most ``PICTURE_BYTES``, with the dots per inch that it has then.

    The PNG has a palette: grey images and a few line colours need no more. ``options`` go to ``savefig``.
    Raises ``ValueError`` where the figure is too heavy even at the coarsest of ``DOTS_PER_INCH``.
    """
    for dpi in DOTS_PER_INCH:
        full, light = io.BytesIO(), io.BytesIO()
        figure.savefig(full, format="png", dpi=dpi, **options)
        colours = Picture.open(full).convert("RGB").quantize(_COLOURS, dither=Picture.Dither.NONE)
        colours.save(light, format="png", optimize=True)
        if light.tell() <= PICTURE_BYTES:
            return light.getvalue(), dpi
    raise ValueError(
        f"figure: {light.tell()} bytes at {dpi} dots per inch; expected at most {PICTURE_BYTES}: "
        "show fewer images"
    )
