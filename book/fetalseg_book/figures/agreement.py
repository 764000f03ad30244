"""How well a measured head circumference (HC) agrees with the annotated one, image by image.

All start from the per-image records, columns ``hc_mm``, ``hc_reference_mm`` and ``failed``. A head that was
not found has no circumference to agree with: it is left out of the limits and the points, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import norm

from fetalseg_book.stats import ConformalInterval
from fetalseg_lib.growth import INTERGROWTH_21ST, GrowthChart

TRIMESTERS = ("first trimester", "second trimester", "third trimester")
_MARKERS = ("o", "s", "^")


def trimester_edges_mm(chart: GrowthChart) -> tuple[float, float]:
    """Head circumference in mm of the average head at 14 and at 28 weeks, where a new trimester begins.

    A head below the first edge belongs to the first trimester, although no chart here can tell its week.

    >>> [round(edge, 1) for edge in trimester_edges_mm(INTERGROWTH_21ST)]
    [97.9, 260.4]
    """
    return chart.mean_hc_mm(14.0), chart.mean_hc_mm(28.0)


def trimesters(hc_mm: pd.Series, *, chart: GrowthChart = INTERGROWTH_21ST) -> pd.Series:
    """The trimester of each head circumference in mm, as ordered names, read off the chart's average head.

    HC18 tells no gestational age, so it is the head that decides; an edge belongs to the later trimester.

    >>> trimesters(pd.Series([80.0, 180.0, 300.0])).tolist()
    ['first trimester', 'second trimester', 'third trimester']
    """
    edges = [-np.inf, *trimester_edges_mm(chart), np.inf]
    return pd.Series(pd.cut(hc_mm, edges, right=False, labels=TRIMESTERS), index=hc_mm.index)


def limits_of_agreement(
    frame: pd.DataFrame, *, chart: GrowthChart = INTERGROWTH_21ST, level: float = 0.95
) -> pd.DataFrame:
    """Bias (measured minus annotated) and limits of agreement in mm, over all heads and in each trimester.

    The limits are bias ± z SD: where the errors are normal, ``level`` of them lie between. One row a group:
    ``group``, ``bias``, ``sd``, ``low``, ``high``, ``images``, ``failures``; NaN where fewer than two
    heads were measured. Source: Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8.

    >>> heads = pd.DataFrame({"hc_mm": [101.0, 103.0], "hc_reference_mm": 100.0, "failed": False})
    >>> limits_of_agreement(heads).loc[0, ["bias", "low", "high"]].astype(float).round(2).tolist()
    [2.0, -0.77, 4.77]
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a share between 0 and 1, got {level}")
    if frame.empty:
        raise ValueError("frame: expected at least one image, got none")
    groups = [
        ("all", frame),
        *frame.groupby(trimesters(frame["hc_reference_mm"], chart=chart), observed=True),
    ]
    z = float(norm.ppf(0.5 + level / 2))
    rows = []
    for name, part in groups:
        failed = part["failed"].astype(bool)
        errors = (part["hc_mm"] - part["hc_reference_mm"])[~failed]
        bias, sd = errors.mean() if len(errors) > 1 else np.nan, errors.std()
        rows.append(
            {
                "group": str(name),
                "bias": bias,
                "sd": sd,
                "low": bias - z * sd,
                "high": bias + z * sd,
                "images": len(part),
                "failures": int(failed.sum()),
            }
        )
    return pd.DataFrame(rows)


def bland_altman(frame: pd.DataFrame, *, chart: GrowthChart = INTERGROWTH_21ST) -> Figure:
    """Bland-Altman plot of HC: error against the mean of both circumferences, with limits by trimester.

    Solid lines are each trimester's bias, dashed lines its 95 % limits of agreement.
    """
    limits = limits_of_agreement(frame, chart=chart).set_index("group")
    found = frame[~frame["failed"].astype(bool)]
    middle = (found["hc_mm"] + found["hc_reference_mm"]) / 2
    error = found["hc_mm"] - found["hc_reference_mm"]
    groups = trimesters(found["hc_reference_mm"], chart=chart)
    figure, axes = plt.subplots()
    axes.axhline(0, color="0.4", lw=1)
    for k, (trimester, x) in enumerate(middle.groupby(groups, observed=True)):
        colour = f"C{k}"
        axes.plot(
            x,
            error[x.index],
            _MARKERS[k],
            ms=3.5,
            alpha=0.45,
            mew=0,
            color=colour,
            label=trimester,
        )
        row = limits.loc[str(trimester)]
        axes.hlines(row["bias"], x.min(), x.max(), color=colour, lw=2)
        axes.hlines([row["low"], row["high"]], x.min(), x.max(), color=colour, lw=1.5, ls="--")
    axes.set(xlabel="mean of measured and annotated HC (mm)", ylabel="measured − annotated HC (mm)")
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(TRIMESTERS))
    return figure


def error_by_size(frame: pd.DataFrame, *, order: Sequence[str], groups: int = 8) -> Figure:
    """Signed HC error of every image against its annotated HC, a panel a variant, with the running median.

    The line joins the medians of ``groups`` equally large groups of heads, from small to large.
    """
    figure, panels = plt.subplots(
        1, len(order), figsize=(1.2 + 2.1 * len(order), 3.2), sharex=True, sharey=True, squeeze=False
    )
    for axes, variant in zip(panels[0], order, strict=True):
        part = frame[(frame["variant"] == variant) & ~frame["failed"].astype(bool)]
        error = part["hc_mm"] - part["hc_reference_mm"]
        axes.axhline(0, color="0.4", lw=1)
        axes.plot(part["hc_reference_mm"], error, "o", ms=2.5, alpha=0.35, mew=0, color="C0")
        rank = pd.qcut(part["hc_reference_mm"], min(groups, len(part)), labels=False, duplicates="drop")
        axes.plot(
            part["hc_reference_mm"].groupby(rank).median(),
            error.groupby(rank).median(),
            "o-",
            ms=3,
            color="C1",
        )
        axes.set_title(variant, fontsize=9)
    figure.supxlabel("annotated HC (mm)", fontsize=10)
    panels[0][0].set_ylabel("measured − annotated HC (mm)")
    return figure


def interval_check(frame: pd.DataFrame, interval: ConformalInterval) -> Figure:
    """The error of each measured head, and the band that a conformal interval allows at its size.

    Heads inside the band are blue dots, heads outside orange crosses.
    """
    found = frame[~frame["failed"].astype(bool)]
    error = found["hc_mm"] - found["hc_reference_mm"]
    outside = error.abs() > interval.half_width(found["hc_mm"])
    sizes = np.linspace(found["hc_mm"].min(), found["hc_mm"].max(), 400)
    half = interval.half_width(sizes)
    figure, axes = plt.subplots()
    axes.fill_between(sizes, -half, half, color="0.88", lw=0, label=f"{100 * interval.level:.0f} % interval")
    axes.plot(found.loc[~outside, "hc_mm"], error[~outside], "o", ms=3.5, mew=0, color="C0", label="inside")
    axes.plot(found.loc[outside, "hc_mm"], error[outside], "X", ms=6, mew=0, color="C1", label="outside")
    axes.set(xlabel="measured HC (mm)", ylabel="measured − annotated HC (mm)")
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)
    return figure
