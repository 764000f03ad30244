"""Figures that show how sure a result is: seeds as points, intervals beside them, noise as a band.

All start from the per-image records (``variant``, ``seed``, ``name``, ``exam`` and a column per metric) and
return a figure. Agreement of lengths, image by image, is in :mod:`fetalseg_book.figures.agreement`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fetalseg_book.figures.figures import LABELS
from fetalseg_lib.models import list_variants

SHARES = ("dice", "dice_mean")
"""Metrics between 0 and 1, which a page gives in per cent."""

NOT_TESTED = "descriptive"
"""The verdict of :func:`fetalseg_book.stats.compare` where there are too few seeds to test."""


def run_means(frame: pd.DataFrame, metric: str) -> pd.Series:
    """Mean of ``metric`` over the images of each run, indexed by ``variant`` and ``seed``."""
    return frame.groupby(["variant", "seed"], sort=True)[metric].mean()


def estimation_plot(
    frame: pd.DataFrame, intervals: pd.DataFrame, metric: str, *, order: Sequence[str]
) -> Figure:
    """The mean of each seed as a point, and beside the points each variant's mean with its interval.

    ``intervals`` comes from :func:`fetalseg_book.stats.mean_intervals`; ``order`` names the
    variants from top to bottom. Raises ``ValueError`` for a variant without an interval.
    """
    _check_known(order, intervals["variant"], argument="order")
    means, rows = run_means(frame, metric), intervals.set_index("variant")
    figure, axes = _ladder([shown_name(variant) for variant in order])
    for level, variant in enumerate(order):
        seeds = means[variant]
        axes.plot(seeds, np.full(len(seeds), level - 0.12), "o", ms=6, alpha=0.7, mew=0, color="C0")
        mean, low, high = rows.loc[variant, ["mean", "low", "high"]].to_numpy(np.float64)
        axes.errorbar(
            mean, level + 0.17, xerr=[[mean - low], [high - mean]], fmt="D", ms=4, capsize=3, color="black"
        )
    axes.set_xlabel(f"{_unit(axes, metric, '%')}: each seed, mean and interval")
    return figure


def forest_plot(
    frame: pd.DataFrame, comparison: pd.DataFrame, metric: str, *, noise: Mapping[str, float] | None = None
) -> Figure:
    """Each variant's difference from the baseline, the largest on top, before bands of ± ``noise``.

    ``comparison`` comes from :func:`fetalseg_book.stats.compare` on ``frame``. Every matched seed
    is a point; the diamond is their mean, with its interval where there is one. A comparison of fewer than
    three seeds has none, and is labelled "descriptive". ``noise`` is for each variant the
    difference that seeds alone could make, in the unit of the metric. Raises ``ValueError`` where it is
    negative or missing.
    """
    ranked = comparison.sort_values("difference", ascending=False, ignore_index=True)
    means = run_means(frame, metric)
    figure, axes = _ladder([_label(row) for _, row in ranked.iterrows()])
    if noise is not None:
        reach = _half_widths(noise, ranked["variant"])
        levels = range(len(ranked))
        axes.barh(
            levels, 2 * reach, left=-reach, height=0.9, color="0.88", zorder=0, label="noise of seeds alone"
        )
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, fontsize=8)
    axes.axvline(0, color="0.4", lw=1)
    for level, (_, row) in enumerate(ranked.iterrows()):
        seeds = means[row["variant"]] - means[row["baseline"]]
        axes.plot(seeds, np.full(len(seeds), level - 0.12), "o", ms=6, alpha=0.7, mew=0, color="C0")
        bar = None
        if row["verdict"] != NOT_TESTED:
            bar = [[row["difference"] - row["low"]], [row["high"] - row["difference"]]]
        axes.errorbar(
            row["difference"], level + 0.17, xerr=bar, fmt="D", ms=4, capsize=3, color="black", label="_"
        )
    baseline = ranked["baseline"].iloc[0]
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))  # small differences have long labels
    axes.set_xlabel(f"{_unit(axes, metric, 'points')}: difference from {shown_name(baseline)}")
    return figure


def shown_name(variant: str) -> str:
    """The name that a reader knows a variant by; a name of no variant stays as it is.

    >>> shown_name("no_aspp"), shown_name("my_own")
    ('− ASPP', 'my_own')
    """
    known = {one.name: one.shown_as for one in list_variants()}
    return known.get(variant, variant)


def _unit(axes: Axes, metric: str, unit: str) -> str:
    """Name and unit of the metric; shares of one are ticked in per cent."""
    if metric not in SHARES:
        return LABELS.get(metric, metric)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}".replace("-", "−"))
    return f"{LABELS.get(metric, metric)} ({unit})"


def _ladder(labels: Sequence[str]) -> tuple[Figure, Axes]:
    """Axes with one rung for each label, the first on top."""
    figure, axes = plt.subplots(figsize=(6.4, 1.2 + 0.5 * len(labels)))
    axes.set(yticks=range(len(labels)), yticklabels=list(labels), ylim=(len(labels) - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
    return figure, axes


def _half_widths(noise: Mapping[str, float], variants: pd.Series) -> NDArray[np.float64]:
    found = np.array([noise.get(name, np.nan) for name in variants], dtype=np.float64)
    if not (found >= 0).all():  # also where it is NaN
        raise ValueError(
            f"noise: expected a difference of 0 or more for {', '.join(variants)}; got {dict(noise)}"
        )
    return found


def _label(row: pd.Series) -> str:
    seeds = f"{row['seeds']} seed{'' if row['seeds'] == 1 else 's'}"
    return f"{shown_name(row['variant'])}\n{seeds}, {row['verdict']}"


def _check_known(names: Sequence[str], known: pd.Series, *, argument: str) -> None:
    missing = sorted(set(names) - set(known))
    if missing:
        raise ValueError(
            f"{argument}: expected variants out of {', '.join(sorted(set(known)))}; got {', '.join(missing)}"
        )
