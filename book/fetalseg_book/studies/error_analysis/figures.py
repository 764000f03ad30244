"""Figures of the error analysis: the worst images, gates by block, and maps on an image."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fetalseg_book.figures.figures import ellipse_of
from fetalseg_book.figures.style import PREDICTION, REFERENCE
from fetalseg_lib.data.hc18 import HC18

_WORST = 6


def worst_images(frame: pd.DataFrame, samples: HC18) -> tuple[Figure, str]:
    """The images with the lowest mean Dice over the seeds of one variant, with every seed's ellipse."""
    ranked = frame.groupby("name")["dice"].mean().sort_values()
    row_of = {name: row for row, name in enumerate(samples.table["name"])}
    figure, grid = plt.subplots(2, _WORST // 2, figsize=(8.1, 4.6))
    parts = []
    for axes, (name, mean) in zip(grid.flat, ranked.head(_WORST).items(), strict=True):
        sample, runs = samples[row_of[str(name)]], frame[frame["name"] == name]
        assert sample.mask is not None, "a test image has a mask"
        axes.imshow(sample.image, vmin=0, vmax=255)
        axes.contour(sample.mask, levels=[0.5], colors=[REFERENCE], linewidths=1.4)
        for _, run in runs.iterrows():
            if (ellipse := ellipse_of(run)) is not None:
                axes.plot(*ellipse.points().T, color=PREDICTION, lw=0.8, ls="--")
        _around(axes, sample.mask)
        errors = runs["hc_error_mm"]
        span = f"{errors.min():+.1f} to {errors.max():+.1f} mm"
        axes.set_title(f"{name}\nDice {100 * mean:.1f} %, HC {span}", fontsize=9)
        axes.axis("off")
        parts.append(f"{name}, mean Dice {100 * mean:.1f} %, circumference errors {span}")
    alt = (
        f"The {_WORST} test images with the lowest mean Dice over {frame['seed'].nunique()} seeds, each with "
        "the annotated outline in blue and the ellipse of every seed in dashed orange: "
        + "; ".join(parts)
        + "."
    )
    return figure, alt


def _around(axes: Axes, mask: NDArray[np.bool_]) -> None:
    """Show three fifths of the image, in its own proportions, with the head in the middle where it can be."""
    limits = []
    for size, places in zip(mask.shape, np.nonzero(mask), strict=True):
        width = 0.6 * size
        start = np.clip((places.min() + places.max() - width) / 2, 0, size - width)
        limits.append((start - 0.5, start + width - 0.5))
    (top, bottom), across = limits
    axes.set(xlim=across, ylim=(bottom, top))


def shared_failures(counts: pd.Series, expected: NDArray[np.float64]) -> Figure:
    """How many images are among the worst in so many runs, and how many there would be by chance.

    ``counts`` are the times of each image, ``expected`` the images at 0, 1, ... times by chance. The axis is
    logarithmic; what is below a tenth of an image is not drawn.
    """
    times = np.arange(len(expected))
    seen = counts.value_counts().reindex(times, fill_value=0)
    figure, axes = plt.subplots(figsize=(5.6, 2.8))
    axes.bar(times, seen, width=0.6, color="C0", label="found")
    axes.plot(times, expected, "X--", color="C1", ms=7, lw=1, label="by chance")
    axes.set(yscale="log", ylim=(0.1, 2 * counts.size), xlabel="among the worst tenth in so many runs")
    axes.set(ylabel="images", xticks=times)
    axes.legend(fontsize=8)
    return figure


def association_plot(table: pd.DataFrame) -> Figure:
    """Correlations with their intervals: a row for each ``measure``, a marker for each ``adjusted``.

    ``table`` has ``measure``, ``adjusted`` (bool), ``rho``, ``low`` and ``high``.
    """
    measures = list(dict.fromkeys(table["measure"]))
    figure, axes = plt.subplots(figsize=(5.6, 0.9 + 0.42 * len(measures)))
    styles = ((False, "o", "C0", "as it is"), (True, "s", "C1", "among heads of one size"))
    for adjusted, marker, colour, label in styles:
        part = table[table["adjusted"] == adjusted].set_index("measure").loc[measures]
        y = np.arange(len(measures)) + (0.14 if adjusted else -0.14)
        reach = [part["rho"] - part["low"], part["high"] - part["rho"]]
        axes.errorbar(part["rho"], y, xerr=reach, fmt=marker, color=colour, ms=5, lw=1.2, label=label)
    axes.axvline(0, color="0.4", lw=0.8)
    axes.set(yticks=range(len(measures)), yticklabels=measures, xlabel="rank correlation", xlim=(-1, 1))
    axes.invert_yaxis()
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return figure


def gates_by_block(gates: pd.DataFrame) -> Figure:
    """Each channel's mean gate as a point, its SD over the images as a line: one column for each block."""
    blocks = list(dict.fromkeys(gates["block"]))
    figure, axes = plt.subplots(figsize=(7.2, 3.2))
    for place, block in enumerate(blocks):
        part = gates[gates["block"] == block].sort_values("mean")
        x = place + np.linspace(-0.36, 0.36, len(part))
        colour = "C0" if block.endswith("skip") else "C1"
        axes.errorbar(
            x, part["mean"], yerr=part["sd"], fmt="o", ms=2, lw=0.7, color=colour, ecolor="0.6", mew=0
        )
    axes.set(ylim=(0, 1), ylabel="gate: mean and SD over images", xlim=(-0.6, len(blocks) - 0.4))
    axes.set_xticks(range(len(blocks)), [block.replace(" ", "\n") for block in blocks], fontsize=8)
    return figure


def correlation_cascade(maps: pd.DataFrame, *, steps: list[str], layers: list[str]) -> Figure:
    """How strongly a map still goes with the trained one as weights are drawn anew, a panel for each layer.

    The mean size of the rank correlation, whatever its sign: a random head turns a map into its negative as
    often as not. Dashed: the same for the map of *another image* of the trained network.
    """
    figure, panels = plt.subplots(1, len(layers), figsize=(2.5 * len(layers), 2.8), sharey=True)
    for axes, layer in zip(np.atleast_1d(panels), layers, strict=True):
        part = maps[maps["layer"] == layer]
        rho = part["rho"].abs().groupby(part["against"])
        mean = [1.0, *(rho.mean()[step] for step in steps)]
        sd = [0.0, *(rho.std()[step] for step in steps)]
        axes.errorbar(range(len(mean)), mean, yerr=sd, fmt="o-", ms=4, lw=1.4, color="C0", ecolor="0.6")
        axes.axhline(rho.mean()["another image"], color="C1", ls="--", lw=1.4, label="another image")
        axes.set_ylim(0, 1.05)
        axes.set_title(layer, fontsize=9)
        axes.set_xticks(range(len(mean)), ["none", *steps], rotation=90, fontsize=8)
    np.atleast_1d(panels)[0].set_ylabel("size of the rank correlation")
    np.atleast_1d(panels)[0].legend(fontsize=8, loc="lower left")
    figure.supxlabel("weights drawn anew, from the output back to", fontsize=9)
    return figure


def maps_on_image(image: NDArray[np.uint8], maps: Mapping[str, NDArray[np.floating]]) -> Figure:
    """An image, and on it each of the maps ``h w``: what is below 0 is left out, as Grad-CAM does."""
    columns = min(3, 1 + len(maps))
    rows = -(-(1 + len(maps)) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(2.3 * columns, 2.5 * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    height, width = image.shape
    for axes, title in zip(grid.flat, ["the image", *maps], strict=False):
        axes.imshow(image, vmin=0, vmax=255)
        if title in maps:
            positive = np.clip(maps[title], 0, None)
            axes.imshow(
                positive / max(float(positive.max()), 1e-12),
                cmap="magma",
                alpha=0.55,
                extent=(-0.5, width - 0.5, height - 0.5, -0.5),
                interpolation="bilinear",
            )
        axes.set_title(title, fontsize=9)
    return figure
