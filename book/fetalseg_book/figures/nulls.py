"""The figures of the chapter on what did not help, each shown with its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from fetalseg_book.facts.reading import readings
from fetalseg_book.figures.described import in_words
from fetalseg_book.figures.style import show


def table(frame: pd.DataFrame, matters_mm: float, *, digits: int = 2) -> Styler:
    """Changes with their intervals, each with its reading beside a change that matters."""
    shown = frame.assign(reading=readings(frame, matters_mm)).style.format(precision=digits)
    whole: Any = [name for name in frame if name == "seeds"]
    return shown.format("{:.0f}", subset=whole).set_table_attributes('class="table"')


def intervals(errors: pd.DataFrame, matters_mm: float) -> None:
    """Changes of the error with their intervals, before a band of what would not matter."""
    figure, axes = plt.subplots(figsize=(6.4, 2.8))
    axes.axvspan(-matters_mm, matters_mm, color="0.88", zorder=0)
    axes.axvline(0, color="0.4", lw=1)
    rows = errors[::-1]
    bars = [rows["difference"] - rows["low"], rows["high"] - rows["difference"]]
    axes.errorbar(rows["difference"], range(len(rows)), xerr=bars, fmt="D", capsize=3, color="black")
    axes.set(yticks=range(len(rows)), yticklabels=rows.index, ylim=(-0.6, len(rows) - 0.4))
    axes.set_xlabel("change of the mean absolute error (mm)")
    said: Any = readings(rows, matters_mm)
    show(
        figure,
        alt="Changes of the mean absolute error with their intervals, before a grey band of plus or minus "
        f"{matters_mm:g} mm that would not matter. "
        + " ".join(
            f"{name}: {row['difference']:+.2f} mm ({row['low']:+.2f} to {row['high']:+.2f}), {said[name]}."
            for name, row in rows.iterrows()
        ),
    )


def each_seed(changes: Mapping[str, pd.DataFrame], band_mm: float) -> None:
    """Each seed's change of the error by small changes of the network, before a band."""
    figure, axes = plt.subplots(figsize=(6.4, 3.0))
    axes.axvspan(-band_mm, band_mm, color="0.88", zorder=0)
    axes.axvline(0, color="0.4", lw=1)
    for level, change in enumerate(changes.values()):
        axes.plot(change["error"], np.full(len(change), level), "o", color="C0", alpha=0.8, mew=0)
    axes.set(yticks=range(len(changes)), yticklabels=changes, ylim=(len(changes) - 0.5, -0.5))
    axes.set_xlabel("change of the mean absolute error (mm), each seed")
    show(
        figure,
        alt="Small changes of the network, each seed's change of the mean absolute error before a grey "
        f"band of plus or minus {band_mm:.2f} mm. All points lie in the band. "
        + " ".join(f"{name}: {in_words(change['error'])} mm." for name, change in changes.items()),
    )
