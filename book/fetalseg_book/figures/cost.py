"""The figures and tables of the chapter on costs, each figure shown with its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from pandas.io.formats.style import Styler

from fetalseg_book.figures.estimation import shown_name
from fetalseg_book.figures.style import show


def shapes_table(shapes: pd.DataFrame) -> Styler:
    """The shape of each stage as built and as stated, with bold letters where they differ."""

    def bold(column: pd.Series[Any]) -> list[str]:
        return ["" if same else "font-weight: bold" for same in column == shapes["built"]]

    stated: Any = list(shapes.columns.drop("built"))
    return shapes.style.apply(bold, subset=stated).set_table_attributes('class="table"')


def stage_shares(costs: pd.DataFrame) -> None:
    """The share of each stage in each kind of cost."""
    shares: Any = costs / costs.sum()
    figure, panels = plt.subplots(1, 3, figsize=(6.8, 3.8), sharey=True)
    for axes, (name, share) in zip(panels, shares.items(), strict=True):
        colours = ["C1" if s == share.max() else "C0" for s in share]
        bars = axes.barh(shares.index, 100 * share, color=colours)
        axes.bar_label(bars, [f"{100 * s:.0f}" if s >= 0.005 else "" for s in share], padding=2, fontsize=8)
        axes.set(title=name, xlabel="share (%)", xlim=(0, 118 * share.max()))
    panels[0].invert_yaxis()
    show(
        figure,
        alt="Share of each stage in the whole network. "
        + " ".join(
            f"{name.capitalize()}: "
            + ", ".join(f"{stage} {100 * s:.1f} percent" for stage, s in share.items())
            + "."
            for name, share in shares.items()
        ),
    )


def race(counted: Mapping[str, float], ratios: Sequence[float]) -> None:
    """Costs of the note's network as a multiple of the U-Net's, and the rounds of a race between the two."""
    timed = "time, here"
    measured = {**counted, timed: sorted(ratios)[len(ratios) // 2]}
    axes: Any  # words as places
    figure, axes = plt.subplots(figsize=(6.0, 2.8))
    axes.barh(list(measured), list(measured.values()), height=0.6)
    for name, value in measured.items():
        end = max(ratios) if name == timed else value
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # over the dashed line
        axes.text(end + 0.03, name, f"{value:.2f}", va="center", fontsize=9, bbox=box)
    axes.plot(ratios, [timed] * len(ratios), "|", ms=14, mew=1.5, color="black")
    axes.axvline(1, color="black", lw=1, ls="--")
    axes.invert_yaxis()
    axes.set(xlabel="the note's network, as a multiple of the U-Net", xlim=(0, 1.25 * max(measured.values())))
    show(
        figure,
        alt="Costs of the note's network as a multiple of the U-Net's: "
        + ", ".join(f"{name} {value:.2f}" for name, value in measured.items())
        + f". The rounds of the race lie between {min(ratios):.2f} and {max(ratios):.2f}.",
    )


def training_table(at_size: Mapping[str, Any]) -> pd.DataFrame:
    """How fast each network trains, and how much of the best it uses: the fastest first."""
    found = pd.DataFrame(
        {
            "images a second": {name: row["median"] for name, row in at_size["images_per_second"].items()},
            "GFLOP an image": at_size["gflop_per_image"],
            "of the best": {name: row["median"] for name, row in at_size["share_of_matrix_product"].items()},
            "in convolutions": at_size["convolution_share"],
        }
    )
    ordered = found.rename(index=_shown).sort_values("images a second", ascending=False)
    return ordered.map(lambda value: "" if pd.isna(value) else f"{value:.2f}")


def _shown(row: str) -> str:
    """The name of a network, and of a loop after a comma."""
    name, comma, loop = row.partition(",")
    return f"{shown_name(name)}{comma}{loop}"
