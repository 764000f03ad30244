"""One style for every figure, and figures that say in words what they show."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

REFERENCE, PREDICTION = "#56B4E9", "#E69F00"
"""Colours of the two outlines; they differ in lightness too, so that they read in grey."""


def use_style() -> None:
    """Take on the book's look: the style sheet, and sharp vector figures inside a notebook."""
    plt.style.use(Path(__file__).with_name("fetalseg.mplstyle"))
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # outside a notebook
        return
    set_matplotlib_formats("svg")


def show(figure: Figure, *, alt: str) -> None:
    """Display a figure in a notebook with ``alt``, the sentence that a screen reader says instead of it."""
    from IPython.display import display

    if not alt.strip():
        raise ValueError("alt: expected a sentence that says what the figure shows, got nothing")
    display(figure, metadata={kind: {"alt": alt} for kind in ("image/svg+xml", "image/png")})
    plt.close(figure)
