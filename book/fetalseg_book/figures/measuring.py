"""Figures of the chapter on measuring: masks that disagree, a contour close up, and a growth chart read."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fetalseg_book.figures.style import PREDICTION, REFERENCE

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]

FOUR_PREDICTIONS = (
    "Four predictions of one elliptical head: shifted to the right; too large all around; "
    "with a round bulge at the right; with a round bite taken out at the right. "
    "Agreement is grey, what is too much orange, what is missing blue."
)
"""What :func:`disagreements` shows of the chapter's four predictions."""

CLOSE_UP = (
    "A corner of a mask, close up, with the true ellipse through its edge pixels. The contour through "
    "the pixel centres runs about half a pixel inside the ellipse; the contour at the level of one half "
    "zigzags around the ellipse."
)
"""What :func:`contours_close_up` shows of the chapter's mask."""


def disagreements(pairs: Mapping[str, tuple[Mask, Mask]]) -> Figure:
    """A panel for each named pair ``(prediction, reference)``: agreed grey, extra orange, missed blue."""
    figure, panels = plt.subplots(1, len(pairs), figsize=(2.5 * len(pairs), 2.3), squeeze=False)
    colours = ListedColormap(["white", REFERENCE, PREDICTION, "0.8"])
    for axes, (name, (prediction, reference)) in zip(panels[0], pairs.items(), strict=True):
        axes.imshow(reference + 2 * prediction, cmap=colours, vmin=0, vmax=3, interpolation="nearest")
        axes.contour(reference, levels=[0.5], colors=["black"], linewidths=0.8)
        axes.set_title(name, fontsize=max(9, 3 * len(pairs)))  # a wide figure is shrunk to the page
        axes.axis("off")
    return figure


def contours_close_up(mask: Mask, contours: Mapping[str, Points], *, around: Points, reach: float) -> Figure:
    """Pixels of ``mask`` within ``reach`` px of ``around`` (``x, y``), and contours ``(n, 2)`` on them."""
    figure, axes = plt.subplots(figsize=(4.2, 3.6))
    axes.imshow(~mask, vmin=-1.2, vmax=1, interpolation="nearest")
    for k, (name, points) in enumerate(contours.items()):
        closed = np.vstack([points, points[:1]])
        axes.plot(*closed.T, color=f"C{k}", lw=2, ls=("-", "--", ":")[k % 3], label=name)
    axes.set_xlim(around[0] - reach, around[0] + reach)
    axes.set_ylim(around[1] + reach, around[1] - reach)
    axes.grid(visible=False)
    axes.set(xlabel="x (px)", ylabel="y (px)")
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))
    return figure
