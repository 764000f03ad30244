"""Figures that the chapters share, each drawn from samples or from result files and returned, never shown."""

from __future__ import annotations

import re
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fetalseg_book.figures.style import PREDICTION, REFERENCE
from fetalseg_lib.geometry import Ellipse

LABELS = {
    "dice": "Dice",
    "dice_mean": "mean Dice",
    "hc_abs_error_mm": "absolute HC error (mm)",
    "hc_abs_error_mm_mean": "mean absolute HC error (mm)",
    "hd95_mm": "HD95 (mm)",
}


def contact_sheet(
    images: Sequence[NDArray[np.uint8]],
    masks: Sequence[NDArray[np.bool_]] | None = None,
    titles: Sequence[str] | None = None,
    *,
    columns: int = 4,
) -> Figure:
    """Images side by side, each with the outline of its mask."""
    rows = -(-len(images) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(2.2 * columns, 1.75 * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for k, (axes, image) in enumerate(zip(grid.flat, images, strict=False)):
        axes.imshow(image, vmin=0, vmax=255)
        if masks is not None:
            axes.contour(masks[k], levels=[0.5], colors=[REFERENCE], linewidths=1.2)
        if titles is not None:
            axes.set_title(titles[k], fontsize=max(8, 2.4 * columns))  # a wide sheet is shrunk to the page
    return figure


def overlay(
    axes: Axes,
    image: NDArray[np.uint8],
    *,
    reference: NDArray[np.bool_],
    prediction: Ellipse | None,
    title: str,
) -> None:
    """An image with the reference outline (blue) and the measured ellipse (orange, dashed)."""
    axes.imshow(image, vmin=0, vmax=255)
    axes.contour(reference, levels=[0.5], colors=[REFERENCE], linewidths=1.4)
    if prediction is not None:
        outline = prediction.points()
        axes.plot(*np.vstack([outline, outline[:1]]).T, color=PREDICTION, lw=1.4, ls="--")
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)
    axes.set_title(re.sub(r"(?<!\w)-(?=\d)", "−", title), fontsize=8)  # a number's sign is a minus
    axes.axis("off")


def ellipse_of(row: pd.Series) -> Ellipse | None:
    """The measured ellipse (native px) that a row of ``per_image.csv`` describes, or ``None``."""
    names = ("center_x", "center_y", "semi_major", "semi_minor", "angle")
    values = {name: float(row[f"ellipse_{name}"]) for name in names}
    return None if any(np.isnan(list(values.values()))) else Ellipse(**values)
