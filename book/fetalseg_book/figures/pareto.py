"""What each variant gives and what it costs, and which of them nothing cheaper beats.

Everything starts from two tables: the comparison of :func:`fetalseg_lib.evaluation.stats.compare`, and costs,
one row per variant (:func:`fetalseg_book.studies.costs.table`, :func:`training_minutes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from fetalseg_book.figures.estimation import NOT_TESTED
from fetalseg_book.figures.figures import LABELS
from fetalseg_lib.models import get_variant
from fetalseg_lib.study import records
from fetalseg_lib.study.tables import finished_runs

COSTS = {
    "parameters": "parameters",
    "gflops": "GFLOP of one image",
    "latency_ms": "latency (ms)",
    "training_minutes": "training (minutes)",
    "step_ms": "training step (ms)",
    "peak_mib": "peak memory of training (MiB)",
}
"""Columns that count as costs, in words."""

BETTER, WORSE, ALIKE = "better", "worse", "not told apart"

_MARKERS = "osD^vPX<>*"


def pareto_plot(
    comparison: pd.DataFrame,
    costs: pd.DataFrame,
    metric: str,
    *,
    noise: float | None = None,
    marks: Sequence[str] = (),
) -> Figure:
    """Each variant's difference from the baseline against each of its costs, a panel for every cost.

    ``costs`` has the column ``variant`` and some of :data:`COSTS`. ``metric`` is one of which more is better.
    Filled points are on the front (:func:`front`), and the line joins them. The bars are the intervals, where
    there are any; many bars hide each other, and with ``noise`` a band of that half width takes their place.
    Variants that ``marks`` names have the mark of their place in it: the same in every figure.
    Raises ``ValueError`` for a variant without costs, and where no column is a cost.
    """
    points = _with_baseline(comparison)
    known = _costs_of(points["variant"], costs)
    panels = [name for name in COSTS if name in known]
    figure, row = plt.subplots(
        1, len(panels), figsize=(2.4 + 2.6 * len(panels), 3.6), sharey=True, squeeze=False
    )
    for axes, name in zip(row[0], panels, strict=True):
        _panel(axes, points, known[name].to_numpy(np.float64), noise, list(marks))
        axes.set_xlabel(COSTS[name])
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 8M, not 0.8 and somewhere a 1e7
    baseline = comparison["baseline"].iloc[0]
    row[0, 0].set_ylabel(f"{LABELS.get(metric, metric)}: difference from {baseline}")
    # Beside the panels: variants of like cost lie too close to be named where they are.
    figure.legend(*row[0, 0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return figure


def front(cost: NDArray[np.float64], effect: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points no other beats: none costs as little and gives as much, and one of the two strictly.

    >>> front(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.4, 0.9]))
    array([ True, False,  True])
    """
    no_dearer = cost[:, None] <= cost[None, :]
    no_worse = effect[:, None] >= effect[None, :]
    strictly = (cost[:, None] < cost[None, :]) | (effect[:, None] > effect[None, :])
    beats = no_dearer & no_worse & strictly  # row over column
    unbeaten: NDArray[np.bool_] = np.logical_not(np.any(beats, axis=0))
    return unbeaten


def by_outcome(comparison: pd.DataFrame, costs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The comparison in three tables of the same columns: better, worse, and not told apart.

    Every variant stands in exactly one. The third is what did not help, or what was not needed: no
    significant difference, which is not a proof of none. Columns: ``variant``, ``changes`` (in words),
    ``difference``, ``low``, ``high``, ``seeds``, ``verdict``, and for each cost ``COST_change``, the share by
    which it differs from the baseline's. Raises as :func:`pareto_plot`.
    """
    points = _with_baseline(comparison)
    known = _costs_of(points["variant"], costs)
    own = comparison["baseline"].iloc[0]
    told = comparison.sort_values("difference", ascending=False, ignore_index=True)
    told.insert(1, "changes", [get_variant(name).changes for name in told["variant"]])
    columns = ["variant", "changes", "difference", "low", "high", "seeds", "verdict"]
    for name in known.columns:
        cost = known[name]
        told[f"{name}_change"] = cost[told["variant"]].to_numpy() / cost[own] - 1
        columns.append(f"{name}_change")
    significant = told["verdict"] == "significant"
    groups = {
        BETTER: significant & (told["difference"] > 0),
        WORSE: significant & (told["difference"] < 0),
        ALIKE: ~significant,
    }
    return {name: told.loc[rows, columns].reset_index(drop=True) for name, rows in groups.items()}


def training_minutes(root: Path) -> pd.DataFrame:
    """Mean minutes of training of the finished runs below ``root``: ``variant, training_minutes``.

    They compare only where the runs had the same machine to themselves.
    """
    rows = []
    for folder in finished_runs(root):
        seconds = records.read_json(folder / records.ENVIRONMENT)["seconds"]["training"]
        variant = records.read_json(folder / records.METRICS)["variant"]
        rows.append({"variant": variant, "training_minutes": seconds / 60})
    table = pd.DataFrame(rows, columns=["variant", "training_minutes"])
    return table.groupby("variant")[["training_minutes"]].mean().reset_index()


def _panel(
    axes: Axes, points: pd.DataFrame, cost: NDArray[np.float64], noise: float | None, marks: list[str]
) -> None:
    marks = [*marks, *(name for name in points["variant"] if name not in marks)]
    effect = points["difference"].to_numpy(np.float64)
    if noise is not None:
        axes.axhspan(-noise, noise, color="0.88", lw=0, zorder=0, label="what seeds alone do")
    axes.axhline(0, color="0.4", lw=1)
    best = front(cost, effect)
    order = np.argsort(cost[best], kind="stable")
    axes.plot(cost[best][order], effect[best][order], color="0.4", lw=1, label="the front")
    for x, on_front, (_, row) in zip(cost, best, points.iterrows(), strict=True):
        if noise is None and row["verdict"] != NOT_TESTED:
            axes.plot([x, x], [row["low"], row["high"]], color="0.6", lw=1)
        k = marks.index(row["variant"])
        colour, marker = f"C{k % 7}", _MARKERS[k % len(_MARKERS)]
        face = colour if on_front else "none"  # what lies below stays visible
        axes.plot(
            x, row["difference"], marker, ms=6.5, mfc=face, mew=1.3, color=colour, label=row["variant"], ls=""
        )
    axes.margins(x=0.12)


def _with_baseline(comparison: pd.DataFrame) -> pd.DataFrame:
    """The comparison and, at a difference of nothing from itself, its baseline."""
    own = {"variant": comparison["baseline"].iloc[0], "difference": 0.0, "verdict": NOT_TESTED}
    columns = ["variant", "difference", "low", "high", "verdict"]
    return pd.concat([comparison[columns], pd.DataFrame([own])], ignore_index=True)


def _costs_of(variants: pd.Series, costs: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in COSTS if name in costs]
    if "variant" not in costs or not names:
        raise ValueError(f"costs: expected variant and some of {', '.join(COSTS)}; got {list(costs)}")
    known = costs.set_index("variant")[names]
    missing = [name for name in variants if name not in known.index or known.loc[name].isna().any()]
    if missing:
        raise ValueError(f"costs: expected every cost of every variant, got none of {', '.join(missing)}")
    return known.loc[list(variants)]
