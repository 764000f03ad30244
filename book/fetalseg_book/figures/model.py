"""Figures of the chapter on the model, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor


def taps_on_the_map(seen: Mapping[int, Tensor]) -> tuple[Figure, str]:
    """How many of a kernel's nine taps fall on the map at each position, a panel for each rate."""
    figure, panels = plt.subplots(1, len(seen), figsize=(6.8, 2.1))
    for axes, (rate, taps) in zip(panels, seen.items(), strict=True):
        side = len(taps)
        axes.imshow(taps, vmin=0, vmax=9, cmap="viridis")
        for row, column in [(0, 0), (0, side // 2), (side // 2, side // 2)]:
            count = float(taps[row, column])
            colour = "black" if count > 5 else "white"
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", fontsize=8, color=colour)
        axes.set_title(f"rate {rate}: mean {taps.mean():.2f}", fontsize=9)
        axes.axis("off")
    told = ", ".join(f"rate {rate} {taps.mean():.2f} taps" for rate, taps in seen.items())
    return figure, (
        f"How many of the nine taps of a 3 by 3 kernel fall on a map of {side} by {side}, at each position. "
        f"Mean: {told}."
    )


def parameters_of_stages(stages: pd.DataFrame) -> tuple[Figure, str]:
    """The ``trainable`` and ``frozen`` parameters of each stage, the rows of ``stages``, as bars."""
    trainable, frozen = stages["trainable"] / 1e6, stages["frozen"] / 1e6
    figure, axes = plt.subplots(figsize=(6.4, 3.4))
    axes.barh(stages.index, trainable, label="trainable")
    axes.barh(stages.index, frozen, left=trainable, label="frozen", hatch="//")
    axes.invert_yaxis()
    axes.set(xlabel="parameters (million)")
    axes.legend()
    told = ", ".join(
        f"{name} {row['parameters']:,} ({'frozen' if row['frozen'] else 'trainable'})"
        for name, row in stages.iterrows()
    )
    return figure, f"Parameters of each stage of the proposed network: {told}."
