"""Figures of the data chapter: three of real HC18 images, written to files, and two drawn from numbers.

Beside each file stands another of the same name, ``.txt``, with the words that a screen reader says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from fetalseg_book.figures.display import write_file
from fetalseg_book.figures.figures import contact_sheet
from fetalseg_book.figures.style import PREDICTION, REFERENCE, use_style
from fetalseg_lib.data.hc18 import HC18
from fetalseg_lib.data.layout import annotation_name
from fetalseg_lib.data.read import read_gray
from fetalseg_lib.data.splits import FOLDS
from fetalseg_lib.geometry import Ellipse, fit_ellipse, rasterize

_EXAMPLES = 6


def write_figures(samples: HC18, images: pd.DataFrame, facts: Mapping[str, Any], directory: Path) -> None:
    """Write the figures of real images as ``NAME.png`` and their words as ``NAME.txt``."""
    use_style()
    directory.mkdir(parents=True, exist_ok=True)
    drawn = {"examples": examples(samples, images)}
    if facts["hole_filling_failures"]:
        drawn["outline_to_mask"] = outlines_to_masks(samples, images, facts)
    if facts["second_looks"]:
        drawn["second_look"] = second_look(samples, facts["second_looks"][0])
    for name, (figure, alt) in drawn.items():
        write_file(figure, directory / f"{name}.png", alt=alt)


def examples(samples: HC18, images: pd.DataFrame) -> tuple[Figure, str]:
    """Images from the smallest to the largest head, evenly spread over the ranks."""
    ranked = images["hc_mm"].argsort().to_numpy()
    chosen = [samples[int(row)] for row in ranked[np.linspace(0, len(ranked) - 1, _EXAMPLES).astype(int)]]
    titles = [f"HC {sample.hc_mm:.0f} mm, {sample.pixel_size_mm:.2f} mm/px" for sample in chosen]
    masks = [sample.mask for sample in chosen if sample.mask is not None]
    alt = (
        f"{len(chosen)} ultrasound images of fetal heads, each with the outline of the head in blue, "
        "from the smallest to the largest head circumference: "
        + "; ".join(f"{sample.name}, {title}" for sample, title in zip(chosen, titles, strict=True))
        + "."
    )
    return contact_sheet([sample.image for sample in chosen], masks, titles, columns=3), alt


def outlines_to_masks(samples: HC18, images: pd.DataFrame, facts: Mapping[str, Any]) -> tuple[Figure, str]:
    """A whole outline and one that the image border cuts, filled in two ways."""
    middle = str(images.iloc[images["hc_mm"].argsort().to_numpy()[len(images) // 2]]["name"])
    failure = facts["hole_filling_failures"][0]
    folder = samples.root / samples.part.folder
    rows = {
        name: (read_gray(folder / name), read_gray(folder / annotation_name(name)) > 127)
        for name in (middle, failure["name"])
    }
    alt = (
        f"Two images and their outlines, filled in two ways. {middle}: filling the holes of the outline and "
        f"drawing the fitted ellipse both give the whole head. {failure['name']}, whose outline the image "
        f"border cuts open: filling the holes leaves the thin outline alone, {failure['kept']:.0%} of the "
        "head; the fitted ellipse gives the whole head."
    )
    return fillings(rows), alt


def fillings(rows: Mapping[str, tuple[NDArray[np.uint8], NDArray[np.bool_]]]) -> Figure:
    """Image, outline, outline with its holes filled, and the fitted ellipse: one row per ``name``."""
    figure, grid = plt.subplots(len(rows), 4, figsize=(7.2, 1.4 * len(rows)), squeeze=False)
    for line, (name, (image, outline)) in zip(grid, rows.items(), strict=True):
        steps = {
            name: image,
            "outline": outline,
            "holes filled": binary_fill_holes(outline),
            "ellipse fitted": rasterize(fit_outline(outline), (image.shape[0], image.shape[1])),
        }
        for axes, (title, step) in zip(line, steps.items(), strict=True):
            axes.imshow(step, vmin=0, vmax=255 if step.dtype == np.uint8 else 1, interpolation="antialiased")
            axes.set_title(title, fontsize=8)
            axes.axis("off")
    return figure


def fit_outline(outline: NDArray[np.bool_]) -> Ellipse:
    """The ellipse through the pixels of an outline, bool ``H W``; ``ValueError`` where none fits."""
    rows, columns = np.nonzero(outline)
    return fit_ellipse(np.stack([columns, rows], axis=1))


def second_look(samples: HC18, pair: Mapping[str, Any]) -> tuple[Figure, str]:
    """One frame that stands in the data twice, with the two outlines that it was given."""
    row_of = {name: row for row, name in enumerate(samples.table["name"])}
    first, second = (samples[row_of[pair[key]]] for key in ("first", "second"))
    outlines = [(sample.mask, sample.hc_mm) for sample in (first, second)]
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 2.7))
    for axes, sample in zip(panels, (first, second), strict=True):
        axes.imshow(sample.image, vmin=0, vmax=255)
        for (mask, _), colour, style in zip(outlines, (REFERENCE, PREDICTION), ("-", "--"), strict=True):
            if mask is not None:
                axes.contour(mask, levels=[0.5], colors=[colour], linestyles=[style], linewidths=1.4)
        axes.set_title(f"{sample.name}: HC {sample.hc_mm:.2f} mm", fontsize=9)
        axes.axis("off")
    alt = (
        f"{first.name} and {second.name} show one frame; they differ in a black box that hides the machine's "
        f"writing. Both outlines are drawn on each, that of {first.name} solid and blue, that of "
        f"{second.name} dashed and orange. They run a few pixels apart: "
        f"HC {first.hc_mm:.2f} and {second.hc_mm:.2f} mm, Dice {pair['dice']:.3f}."
    )
    return figure, alt


def fold_histogram(facts: Mapping[str, Any]) -> Figure:
    """The share of each fold's images over the head circumference, from ``dataset.json``."""
    edges = np.asarray(facts["histogram_edges_mm"])
    figure, axes = plt.subplots(figsize=(6.4, 3.0))
    for fold, style in zip(FOLDS, ("-", "--", "-."), strict=True):
        values = facts["folds"][fold]
        share = np.asarray(values["histogram"]) / values["images"]
        axes.stairs(100 * share, edges, label=f"{fold} ({values['images']})", ls=style, lw=1.8)
    axes.set(xlabel="head circumference (mm)", ylabel="images of the fold (%)")
    axes.legend()
    return figure


def squeeze(image: NDArray[np.uint8], squeezed: NDArray[np.uint8], ellipse: Ellipse) -> Figure:
    """An image, its copy at the network's size, and the head's outline (``ellipse``, native px) on both."""
    small = ellipse.scaled(x=squeezed.shape[1] / image.shape[1], y=squeezed.shape[0] / image.shape[0])
    shown = (
        (image, ellipse, f"as the machine made it: {image.shape[1]}×{image.shape[0]}"),
        (squeezed, small, f"as the network sees it: {squeezed.shape[1]}×{squeezed.shape[0]}"),
    )
    aspects = [picture.shape[1] / picture.shape[0] for picture, _, _ in shown]
    figure, panels = plt.subplots(1, 2, figsize=(6.8, 2.9), width_ratios=aspects)
    for axes, (picture, outline, title) in zip(panels, shown, strict=True):
        axes.imshow(picture, vmin=0, vmax=255)
        axes.plot(*outline.points().T, color=REFERENCE, lw=1.4)
        axes.set_title(title, fontsize=9)
        axes.axis("off")
    return figure


def fold_histogram_in_words(facts: Mapping[str, Any]) -> str:
    """What :func:`fold_histogram` shows: the step that holds most images of each fold."""
    edges, parts = facts["histogram_edges_mm"], []
    for fold in FOLDS:
        values = facts["folds"][fold]
        step, mean = int(np.argmax(values["histogram"])), values["hc_mm"]["mean"]
        parts.append(f"{fold} most often {edges[step]} to {edges[step + 1]} mm, mean {mean:.1f} mm")
    return (
        "Share of the images over the head circumference, one line for each fold; the lines run close "
        f"together. {'; '.join(parts)}."
    )
