"""The figures of the chapter on the small network, each shown with its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from pandas.io.formats.style import Styler

from fetalseg_book.facts.budget import NETWORKS, RUNTIMES
from fetalseg_book.facts.core import ends, signed
from fetalseg_book.figures import estimation
from fetalseg_book.figures.style import show
from fetalseg_book.figures.tables import variant_table
from fetalseg_book.stats import compare
from fetalseg_lib.study import tables

SHOWN_RUNTIMES = {
    "eager": "PyTorch",
    "channels": "PyTorch, channels last",
    "onnx": "ONNX Runtime",
}


def costs(counted: pd.DataFrame) -> Styler:
    """What the note promises, and what both networks cost."""
    shown = counted.rename(columns=estimation.shown_name)
    return shown.style.format("{:.2f}").set_table_attributes('class="table"')


def speed(timed: Any) -> Styler:
    """The time of both networks for one image, in each runtime, next to the plain U-Net's in PyTorch."""
    eager = RUNTIMES["eager"]
    rows = [("unet", eager), *((name, runtime) for runtime in RUNTIMES.values() for name in NETWORKS)]
    columns = {"median_ms": "ms", "to_unet": "of the U-Net's time", "to_proposed": "of the note's"}
    runtimes = {RUNTIMES[key]: shown for key, shown in SHOWN_RUNTIMES.items()}
    shown: pd.DataFrame = timed.loc[rows, list(columns)].rename(columns=columns)
    shown.index = pd.MultiIndex.from_tuples(
        [(estimation.shown_name(name), runtimes[runtime]) for name, runtime in rows],
        names=["network", "runtime"],
    )
    return shown.style.format("{:.2f}").set_table_attributes('class="table"')


def stages(parts: Mapping[str, Any]) -> None:
    """Weights and operations of each part, of both networks."""
    own, small = parts["proposed"], parts["budget"]
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 4.2), sharey=True)
    for axes, what in zip(panels, own.columns, strict=True):
        named = {estimation.shown_name(name): part[what] for name, part in parts.items()}
        both = pd.DataFrame(named).loc[own.index]
        both.plot.barh(ax=axes, width=0.8, legend=axes is panels[1])
        axes.set(xlabel=what, ylabel="")
    panels[0].invert_yaxis()
    show(
        figure,
        alt="Weights and operations of each part, the note's network next to the small one. "
        + " ".join(
            f"{what}: "
            + ", ".join(f"{stage} {own[what][stage]:.2f} and {small[what][stage]:.2f}" for stage in own.index)
            + "."
            for what in own.columns
        ),
    )


def both_networks(matched: pd.DataFrame) -> Styler:
    """The means of both networks."""
    means = tables.summarize_variants(tables.summarize_runs(matched)).set_index("variant")
    return variant_table(means.loc[["proposed", "budget"]])


def seeds(matched: pd.DataFrame, epochs: str) -> None:
    """The difference of mean Dice, seed by seed."""
    found = compare(matched, "dice", baseline="proposed")
    dice: Any = found.iloc[0]
    show(
        estimation.forest_plot(matched, found, "dice"),
        alt=f"Difference of mean Dice between the small network, after {epochs} epochs, and the note's: "
        f"on average {signed(100 * dice['difference'])} points ({ends(dice, 100)}).",
    )
