"""Figures of the audit's chapter, each returned and never shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from fetalseg_book.audit.stated import Verdict
from fetalseg_book.dilation import live_taps, taps_on_data

_LOOK = {
    Verdict.CONFIRMED: ("#009E73", ""),
    Verdict.CONTRADICTED: ("#D55E00", "///"),
    Verdict.CONTRADICTS_ITSELF: ("#E69F00", "..."),
    Verdict.DEPENDS_ON_HARDWARE: ("#56B4E9", ""),
    Verdict.NOT_TESTABLE: ("0.8", "xxx"),
    Verdict.NOT_AS_WRITTEN: ("#CC79A7", "\\\\\\"),
    Verdict.PENDING: ("white", ""),
}
"""Colour and hatching of each verdict: they differ in grey too."""


def part_of_note(section: str) -> str:
    """The chapter of the note that a section belongs to.

    >>> part_of_note("8.4"), part_of_note("Brief: layout"), part_of_note("Overview")
    ('8', 'Brief', '1')
    """
    return "1" if section == "Overview" else section.split(".")[0].split(":")[0]


def verdicts_by_part(frame: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts of an audit, one row per chapter of the note and one column per verdict."""
    parts = frame["section"].map(part_of_note)
    counts = pd.crosstab(parts, frame["verdict"])
    return counts.reindex(index=parts.unique(), columns=[verdict.value for verdict in Verdict], fill_value=0)


def verdicts(counts: pd.DataFrame, *, names: Mapping[str, str]) -> Figure:
    """Verdicts of each chapter of the note, side by side; ``names`` gives each chapter's title.

    A verdict that no claim has is not in the legend.
    """
    figure, axes = plt.subplots(figsize=(6.8, 0.9 + 0.36 * len(counts)))
    left = np.zeros(len(counts))
    labels = [f"{part}  {names[part]}" if part in names else part for part in counts.index]
    for verdict, (colour, hatch) in _LOOK.items():
        widths = counts[verdict.value].to_numpy()
        if not widths.any():
            continue
        axes.barh(
            labels,
            widths,
            left=left,
            label=verdict.value,
            color=colour,
            hatch=hatch,
            edgecolor="black",
            lw=0.5,
        )
        left += widths
    axes.invert_yaxis()
    axes.set(xlabel="claims")
    axes.legend(ncols=3, fontsize=8, loc="lower center", bbox_to_anchor=(0.4, 1.0))
    return figure


def taps(side: int, rates: Sequence[int], *, position: tuple[int, int] = (1, 1)) -> Figure:
    """Which taps of a 3×3 kernel see a ``side`` × ``side`` map, for each rate.

    Above, the kernel centred on ``position`` (row, column): filled taps lie on the map, hollow ones on the
    padding. Below, the number of taps on the map for every position.
    """
    figure, grid = plt.subplots(2, len(rates), figsize=(1.75 * len(rates), 3.7), height_ratios=(1.35, 1))
    row, column = position
    reach = max(rates) + 1.5
    for rate, (above, below) in zip(rates, grid.T, strict=True):
        _kernel_on_map(above, side, rate, position)
        above.set(xlim=(column - reach, column + reach), ylim=(row + reach, row - reach), aspect="equal")
        above.set_title(f"rate {rate}", fontsize=9)
        seen = taps_on_data(side, rate).sum(dim=(0, 1)).numpy()
        below.imshow(seen, vmin=0, vmax=9, cmap="viridis")
        for (y, x), number in np.ndenumerate(seen):
            colour = "black" if number > 5 else "white"
            below.text(x, y, f"{number:.0f}", ha="center", va="center", fontsize=8, color=colour)
        below.set_title(f"mean {live_taps(side, rate):.2f} of 9", fontsize=9)
    for axes in grid.flat:
        axes.axis("off")
    return figure


def parameters(parts: pd.DataFrame, *, limits: Mapping[str, float]) -> Figure:
    """Parameters of each part (columns ``live`` and ``dead``), against totals that the note states."""
    figure, axes = plt.subplots(figsize=(6.6, 0.9 + 0.3 * len(parts)))
    live, dead = parts["live"] / 1e6, parts["dead"][parts["dead"] > 0] / 1e6
    axes.barh(parts.index, live, color="C0", label="can act")
    kept = live[dead.index]
    axes.barh(dead.index, dead, left=kept, color="white", edgecolor="C1", hatch="////", label="only padding")
    for style, (name, limit) in zip(("--", ":"), limits.items(), strict=False):
        axes.axvline(limit / 1e6, color="black", ls=style, lw=1.2, label=name)
    axes.invert_yaxis()
    axes.set(xlabel="parameters (million)")
    axes.legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.45, 1.0))
    return figure


def pos_weight(
    widths: ArrayLike, ratios: ArrayLike, *, lines: Mapping[str, float], weights: Sequence[float]
) -> Figure:
    """Left: background to foreground of outlines of some width in px. Right: what a weight does to a contour.

    ``ratios`` belong to ``widths``; ``lines`` are other ratios, by name. On the right an observer's
    probability falls off across the true contour as a logistic of scale one; the least weighted
    cross-entropy turns it into the curves shown, one per weight.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    left.plot(widths, ratios, marker="o", ms=4, label="drawn outlines")
    looks = [(style, colour) for colour in ("black", "C2") for style in ("--", ":", "-.")]
    for (style, colour), (name, ratio) in zip(looks, lines.items(), strict=False):
        left.axhline(ratio, color=colour, ls=style, lw=1.3, label=name)
    left.set(
        xlabel="width of the outline (px)", ylabel="background : foreground", yscale="log", ylim=(1, 600)
    )
    left.legend(fontsize=7.5, loc="lower left", bbox_to_anchor=(0.0, 0.14))

    distance = np.linspace(-4, 9, 300)
    for style, weight in zip(("-", "-.", "--"), weights, strict=False):
        right.plot(distance, weighted_probability(distance, weight), ls=style, label=f"weight {weight:g}")
        right.plot(np.log(weight), 0.5, "o", color="black", ms=4)
    right.axhline(0.5, color="0.4", lw=0.8)
    right.set(xlabel="distance outside the contour (scale)", ylabel="probability that is learned")
    right.legend(fontsize=8)
    return figure


def weighted_probability(distance: ArrayLike, weight: float) -> NDArray[np.float64]:
    """What minimises the weighted cross-entropy where the truth is head with probability 1/(1 + eᵈ).

    Setting the derivative of ``-w p log q - (1 - p) log(1 - q)`` to zero gives ``logit q = logit p + ln w``:
    the contour moves outwards by ``ln w``.

    >>> round(float(weighted_probability(np.log(200), 200.0)), 9)
    0.5
    """
    return np.asarray(1 / (1 + np.exp(np.asarray(distance, dtype=np.float64)) / weight))


def _kernel_on_map(axes: Axes, side: int, rate: int, position: tuple[int, int]) -> None:
    axes.add_patch(Rectangle((-0.5, -0.5), side, side, facecolor="0.85", edgecolor="black", lw=0.8))
    seen = taps_on_data(side, rate)[:, :, position[0], position[1]]
    for (row, column), on_map in np.ndenumerate(seen.numpy()):
        corner = (position[1] + (column - 1) * rate - 0.5, position[0] + (row - 1) * rate - 0.5)
        face, edge = ("#0072B2", "black") if on_map else ("none", "#D55E00")
        axes.add_patch(Rectangle(corner, 1, 1, lw=1.1, facecolor=face, edgecolor=edge))
