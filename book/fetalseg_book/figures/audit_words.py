"""What the figures of the audit's chapter show, said to a reader who does not see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fetalseg_book.dilation import live_taps

TITLES = {
    "Brief": "the figure",
    "1": "encoder",
    "2": "ASPP",
    "3": "SE-residual blocks",
    "4": "SE on skips",
    "5": "decoder",
    "6": "output",
    "7": "forward pass",
    "8": "training",
    "9": "complexity",
    "10": "advantages",
    "11": "references",
}
"""What each part of the note is about."""


def verdicts(counts: pd.DataFrame) -> str:
    """Tell how many statements of each part of the note (rows) are wrong."""
    wrong = counts["contradicted"] + counts["contradicts itself"]
    told = (f"{TITLES[str(part)]} {wrong[part]} of {counts.loc[part].sum()}" for part in counts.index)
    return f"Verdicts for each section of the note. Wrong statements among all: {', '.join(told)}."


def taps(side: int, rates: Sequence[int]) -> str:
    """Tell the mean number of taps on a map of ``side`` × ``side`` at each rate."""
    told_rates = ", ".join(map(str, rates))
    told = ", ".join(f"rate {rate} {live_taps(side, rate):.2f} of 9" for rate in rates)
    return (
        f"Above, a 3 by 3 kernel on a map of {side} by {side}, for rates {told_rates}: taps on the map "
        "filled, taps on padding hollow. Below, the number of taps on the map at each position. "
        f"Mean number: {told}."
    )


def parameters(parts: pd.DataFrame) -> str:
    """Tell the ``live`` and ``dead`` parameters of each part (rows)."""
    told = (
        f"{name} {row.live + row.dead:,}" + (f", of which {row.dead:,} dead" if row.dead else "")
        for name, row in parts.iterrows()
    )
    return (
        "Parameters of each part of the network, with the note's total and trainable totals as lines: "
        f"{'; '.join(told)}."
    )


def pos_weight(
    widths: NDArray[np.float64],
    ratios: NDArray[np.float64],
    *,
    lines: Mapping[str, float],
    weights: Sequence[float],
) -> str:
    """Tell the ratio at each width of an outline in px, and how far each weight moves a contour."""
    at_width = ", ".join(f"{ratio:.0f} at {width:g} px" for width, ratio in zip(widths, ratios, strict=True))
    named = ", ".join(f"{name} {ratio:.3g}" for name, ratio in lines.items())
    moved = ", ".join(f"{np.log(weight):.1f} at weight {weight:g}" for weight in weights)
    return (
        f"Left: ratio of background to foreground of drawn outlines, {at_width}. As lines: {named}. "
        "Right: the learned probability across the contour; the point where it is one half moves outwards "
        f"by {moved}."
    )
