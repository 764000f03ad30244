"""Figures of the phantom chapter that need real images or their numbers, written to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from fetalseg_book.figures.display import write_file
from fetalseg_book.figures.figures import contact_sheet
from fetalseg_book.figures.style import use_style
from fetalseg_book.studies.realism.classifier import REGIONS, SIDE, Logistic, fit_logistic, logit_map
from fetalseg_book.studies.realism.measures import HeadImage
from fetalseg_book.studies.realism.summary import KINDS, Pictures, encode_patches
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.models.encoder import MobileNetV2Encoder

LINES = {"real": ("C0", "-"), "phantom": ("C1", "--")}
_THUMBNAIL = (216, 320)
_SIZES = 8
_LIMIT = 6.0
_BLUE_TO_ORANGE = LinearSegmentedColormap.from_list("kinds", ["#0072B2", "white", "#D55E00"])


def write_figures(
    pictures: Pictures, facts: Mapping[str, Any], encoder: MobileNetV2Encoder, directory: Path
) -> None:
    """Write each figure as ``NAME.png`` and its words as ``NAME.txt``."""
    use_style()
    directory.mkdir(parents=True, exist_ok=True)
    drawn = {
        "side_by_side": side_by_side(pictures),
        "grey_levels": grey_levels(facts),
        "skull_by_angle": skull_by_angle(facts),
        "give_away": give_away_maps(pictures, encoder),
    }
    for name, (figure, alt) in drawn.items():
        write_file(figure, directory / f"{name}.png", alt=alt)


def by_size(pictures: Sequence[HeadImage], count: int) -> list[HeadImage]:
    """``count`` images from the smallest to the largest head, evenly spread over the ranks between."""
    ranked = sorted(pictures, key=lambda picture: picture.hc_mm)
    middle = (np.arange(count) + 0.5) / count * len(ranked)
    return [ranked[int(place)] for place in middle]


def side_by_side(pictures: Pictures) -> tuple[Figure, str]:
    """A row of real images above a row of phantoms, from small to large heads, twice."""
    chosen = {kind: by_size(pictures[kind], _SIZES) for kind in KINDS}
    half = _SIZES // 2
    order = [
        (kind, picture)
        for rows in (slice(half), slice(half, None))
        for kind in KINDS
        for picture in chosen[kind][rows]
    ]
    figure = contact_sheet(
        [resize_image(picture.image, _THUMBNAIL) for _, picture in order],
        titles=[f"{kind}, HC {picture.hc_mm:.0f} mm" for kind, picture in order],
        columns=half,
    )
    sizes = {kind: ", ".join(f"{picture.hc_mm:.0f}" for picture in chosen[kind]) for kind in KINDS}
    alt = (
        f"{_SIZES} real ultrasound images of fetal heads and {_SIZES} phantoms in alternating rows, both "
        f"from small to large. Head circumferences of the real ones {sizes['real']} mm, of the phantoms "
        f"{sizes['phantom']} mm."
    )
    return figure, alt


def grey_levels(facts: Mapping[str, Any]) -> tuple[Figure, str]:
    """Histograms of the grey levels above 0, inside and outside the head, of both kinds."""
    figure, panels = plt.subplots(1, 2, figsize=(6.8, 2.8), sharex=True)
    edges = np.arange(0, 257, facts["grey_step"])
    parts = []
    for axes, (region, shares) in zip(panels, sorted(facts["grey"].items()), strict=True):
        middle = {}
        for kind, (colour, style) in LINES.items():
            axes.stairs(100 * np.asarray(shares[kind]), edges, color=colour, ls=style, lw=1.6, label=kind)
            middle[kind] = edges[np.searchsorted(np.cumsum(shares[kind]), 0.5)]
        axes.set(title=f"{region} the head", xlabel="grey level", ylim=(0, None))
        parts.append(
            f"{region} the head half of the pixels lie below about {middle['real']} in real images and "
            f"{middle['phantom']} in phantoms"
        )
    panels[0].set_ylabel(f"pixels in {facts['grey_step']} levels (%)")
    panels[1].legend()
    median = facts["quantiles"].index(0.5)
    used = {kind: facts["measures"]["grey_levels"][kind][median] for kind in LINES}
    alt = (
        "Share of the pixels over the grey level, black pixels left out, mean over the images: "
        + "; ".join(parts)
        + f". The median real image uses {used['real']:.0f} of the 256 levels, the median phantom "
        f"{used['phantom']:.0f}."
    )
    return figure, alt


def skull_by_angle(facts: Mapping[str, Any]) -> tuple[Figure, str]:
    """Peak grey of the skull over the angle of its outward normal: mean, and the middle half of images."""
    step = facts["angle_step"]
    angles = np.arange(step / 2, 180, step)
    figure, axes = plt.subplots(figsize=(6.0, 3.2))
    parts = []
    for kind, (colour, style) in LINES.items():
        peaks = {name: np.asarray(values) for name, values in facts["skull"][kind].items()}
        axes.fill_between(angles, peaks["lower"], peaks["upper"], color=colour, alpha=0.15, lw=0)
        axes.plot(angles, peaks["mean"], color=colour, ls=style, marker="o", ms=3, label=kind)
        darkest = int(peaks["mean"].argmin())
        parts.append(
            f"{kind}: {peaks['mean'][0]:.0f} at the far wall, darkest with {peaks['mean'][darkest]:.0f} "
            f"around {angles[darkest]:.0f} degrees, {peaks['mean'][-1]:.0f} at the near wall"
        )
    axes.set(xlabel="outward normal: 0° far wall, 90° side, 180° near wall", ylabel="peak grey of the skull")
    axes.set(xlim=(0, 180), ylim=(0, 255), xticks=range(0, 181, 30))
    axes.legend(loc="lower left")
    alt = (
        "Mean peak grey of the skull over the angle of its outward normal, with a band for the middle half "
        "of the images. " + "; ".join(parts) + "."
    )
    return figure, alt


def give_away_maps(pictures: Pictures, encoder: MobileNetV2Encoder) -> tuple[Figure, str]:
    """Two images of each kind, and what a classifier of patches that never saw their exams makes of them."""
    shown = [(kind, picture) for kind in KINDS for picture in by_size(pictures[kind], 4)[1:3]]
    classifier = _patch_classifier(pictures, encoder, without={picture.exam for _, picture in shown})
    figure, grid = plt.subplots(2, len(shown), figsize=(8.8, 3.2))
    parts = []
    for (upper, lower), (kind, picture) in zip(grid.T, shown, strict=True):
        logits = logit_map(encoder, classifier, picture.image)
        share = float((logits[np.isfinite(logits)] > 0).mean())
        upper.imshow(picture.image, vmin=0, vmax=255)
        upper.set_title(f"{kind}, HC {picture.hc_mm:.0f} mm", fontsize=8)
        drawn = _draw_logits(lower, picture, logits)
        lower.set_title(f"{share:.0%} look simulated", fontsize=8)
        parts.append(f"{kind}, HC {picture.hc_mm:.0f} mm: {share:.0%} of the patches look simulated")
        for axes in (upper, lower):
            axes.axis("off")
    bar = figure.colorbar(drawn, ax=grid, shrink=0.5, pad=0.01)
    bar.set_label("looks real  ←  logit  →  simulated", fontsize=8)
    alt = (
        "Two real images and two phantoms; below each, the logit of a classifier of patches, orange where a "
        "patch looks simulated, blue where it looks real. " + "; ".join(parts) + "."
    )
    return figure, alt


def _draw_logits(axes: Any, picture: HeadImage, logits: Any) -> Any:
    """The logits in colour where each patch has its centre, with the head's outline."""
    half = SIDE / 4
    height, width = (SIDE / 2 * side for side in logits.shape)
    extent = (half, half + width, half + height, half)
    drawn = axes.imshow(
        logits, cmap=_BLUE_TO_ORANGE, vmin=-_LIMIT, vmax=_LIMIT, extent=extent, interpolation="nearest"
    )
    outline = picture.ellipse.points()
    axes.plot(*np.vstack([outline, outline[:1]]).T, color="black", lw=1)
    axes.set_xlim(-0.5, picture.image.shape[1] - 0.5)
    axes.set_ylim(picture.image.shape[0] - 0.5, -0.5)
    return drawn


def _patch_classifier(pictures: Pictures, encoder: MobileNetV2Encoder, *, without: set[str]) -> Logistic:
    """One classifier for patches of all regions, fitted without the exams ``without``."""
    used = [picture for kind in KINDS for picture in pictures[kind] if picture.exam not in without]
    is_phantom = np.array([picture.exam.startswith("phantom") for picture in used])
    encoded = [encode_patches(encoder, used, region) for region in REGIONS]
    features = np.concatenate([features for features, _ in encoded])
    labels = np.concatenate([is_phantom[owner] for _, owner in encoded])
    return fit_logistic(features, labels)
