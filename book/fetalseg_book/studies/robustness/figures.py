"""Figures of the robustness chapter, from the tables of :mod:`fetalseg_book.studies.robustness.summary`."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fetalseg_book.figures.figures import overlay
from fetalseg_lib.apply.prediction.measure import Prediction
from fetalseg_lib.data.phantom import Phantom

KINDS = {"real": ("C0", "o", "-"), "phantom": ("C1", "s", "--")}
"""Colour, marker and line of each kind of image."""

ENDS = {
    "fine": ("0.85", ""),
    "false alarm": ("#56B4E9", "///"),
    "caught": ("#E69F00", ""),
    "silent": ("#000000", ""),
}
"""Colour and hatching of each end that a measurement can come to; they differ in lightness, too."""


def by_knob(costs: pd.DataFrame, *, label: str, columns: int = 4) -> Figure:
    """The change with severity and its 95 % interval, a panel for each knob, a line for each kind."""
    knobs = list(dict.fromkeys(costs["knob"]))
    rows = -(-len(knobs) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(1.9 * columns, 2.1 * rows), sharex=True, sharey=True, squeeze=False
    )
    for axes in grid.flat[len(knobs) :]:
        axes.axis("off")
    for axes, knob in zip(grid.flat, knobs, strict=False):
        axes.axhline(0, color="0.4", lw=0.8)
        for k, (kind, (colour, marker, line)) in enumerate(KINDS.items()):
            part = costs[(costs["knob"] == knob) & (costs["kind"] == kind)]
            if part.empty:
                continue
            reach = [part["change"] - part["low"], part["high"] - part["change"]]
            x = part["severity"] + 0.03 * (2 * k - 1)  # so that the bars do not cover each other
            axes.errorbar(
                x, part["change"], yerr=reach, color=colour, marker=marker, ls=line, ms=4, lw=1.4, label=kind
            )
        axes.set_title(knob, fontsize=9)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    handles, labels = grid.flat[0].get_legend_handles_labels()
    spare = grid.flat[len(knobs)] if len(knobs) < grid.size else grid.flat[0]
    spare.legend(handles, labels, fontsize=8, loc="center" if len(knobs) < grid.size else "best")
    figure.supxlabel("severity", fontsize=9)
    figure.supylabel(label, fontsize=9)
    return figure


def measured_phantoms(seen: Mapping[tuple[str, float], tuple[Phantom, Prediction]]) -> tuple[Figure, str]:
    """One phantom at several levels of two knobs, a row each: the true outline, the measured ellipse."""
    figure, grid = plt.subplots(2, len(seen) // 2, figsize=(7.2, 3.7))
    told = []
    for axes, ((knob, level), (sample, found)) in zip(grid.flat, seen.items(), strict=True):
        assert sample.hc_mm is not None  # a phantom knows both
        assert sample.mask is not None
        flag = "a warning" if found.flags else "no warning"
        title = f"{knob} {level:g}: {found.head.hc_mm - sample.hc_mm:+.1f} mm, {flag}"
        overlay(axes, sample.image, reference=sample.mask, prediction=found.head.ellipse_px, title=title)
        told.append(title)
    return figure, (
        "One phantom with more and more shadow, and with less and less gain; the true outline in blue, the "
        f"measured ellipse in dashed orange. Errors of the circumference and warnings: {'; '.join(told)}."
    )


def ends(table: pd.DataFrame) -> Figure:
    """Where measurements end, as bars: a panel for each kind of image, a bar for each knob at its worst."""
    kinds = [kind for kind in KINDS if (table["kind"] == kind).any()]
    figure, panels = plt.subplots(1, len(kinds), figsize=(3.7 * len(kinds), 2.9), sharex=True, squeeze=False)
    for axes, kind in zip(panels[0], kinds, strict=True):
        part = table[table["kind"] == kind]
        shares = part[list(ENDS)].div(part[list(ENDS)].sum(axis=1), axis=0)
        left = np.zeros(len(part))
        for name, (colour, hatch) in ENDS.items():
            width = 100 * shares[name].to_numpy()
            axes.barh(
                part["knob"],
                width,
                left=left,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                lw=0.5,
                label=name,
            )
            left += width
        axes.invert_yaxis()
        axes.set_title(kind, fontsize=9)
    panels[0][0].legend(fontsize=8, ncols=len(ENDS), loc="lower left", bbox_to_anchor=(0, 1.1))
    figure.supxlabel("measurements (%)", fontsize=9)
    return figure
