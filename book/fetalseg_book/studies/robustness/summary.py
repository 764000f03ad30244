"""From rows to answers: how much each knob costs, and what a warning is worth."""

from __future__ import annotations

import math

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from fetalseg_book.stats import mean_intervals
from fetalseg_book.studies.robustness.measure import USUAL

FLAGS = {
    "no head": "no head",
    "border": "cut by the border",
    "components": "several components",
    "range": "outside the training range",
}
"""The kinds of a warning, and how each begins."""


def costs(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean of ``metric`` at each knob and severity, and its change from the same images as they are.

    One row for each ``kind``, ``knob`` and ``severity``: ``mean``; ``change`` with the 95 % interval ``low``
    to ``high``, which counts exams (:func:`~fetalseg_book.stats.mean_intervals`); ``images``,
    ``failures``, ``flagged``. The usual image stands as severity 0 of every knob, with a change of 0.
    Raises ``ValueError`` where an image was not also measured as it is.
    """
    rows = []
    for kind, part in frame.groupby("kind", sort=False):
        usual = part[part["knob"] == USUAL].set_index("name")
        turned = part[part["knob"] != USUAL]
        for knob, of_knob in turned.groupby("knob", sort=False):
            for severity, group in [(0.0, usual.reset_index()), *of_knob.groupby("severity")]:
                rows.append(
                    {"kind": kind, "knob": knob, "severity": severity, **_cost(group, usual[metric], metric)}
                )
    return pd.DataFrame(rows)


def _cost(group: pd.DataFrame, usual: pd.Series, metric: str) -> dict[str, float | int]:
    before = group["name"].map(usual)
    if before.isna().any():
        missing = group.loc[before.isna(), "name"].iloc[0]
        raise ValueError(f"frame: expected every image as it is, too; {missing} is missing there")
    change = group[metric] - before
    low = high = 0.0
    if change.abs().max() > 0:
        records = group[["name", "exam"]].assign(variant="change", seed=0, change=change)
        interval = mean_intervals(records, "change").iloc[0]
        low, high = float(interval["low"]), float(interval["high"])
    return {
        "mean": float(group[metric].mean()),
        "change": float(change.mean()),
        "low": low,
        "high": high,
        "images": len(group),
        "failures": int(group["failed"].sum()),
        "flagged": int((group["flags"] != "").sum()),
    }


def is_bad(frame: pd.DataFrame, tolerance_mm: float) -> pd.Series:
    """Whether a measurement is of no use: no head was found, or the error is larger than the tolerance."""
    return frame["failed"].astype(bool) | (frame["hc_error_mm"].abs() > tolerance_mm)


def warnings(frame: pd.DataFrame, *, tolerance_mm: float) -> dict[str, float | int]:
    """Does a warning come when it should? Counts, and shares with Wilson's 95 % intervals.

    ``caught`` is the share of the bad measurements that carry a warning (sensitivity), ``false_alarms``
    the share of the good ones that do; NaN where there is none of a kind. ``silent`` counts the bad ones
    without any warning. The intervals take images as independent, which images of one exam are not quite.

    >>> rows = pd.DataFrame({"failed": [True, False, False], "hc_error_mm": [-99.0, 30.0, 1.0],
    ...     "flags": ["no head (empty)", "", ""]})
    >>> found = warnings(rows, tolerance_mm=10)
    >>> found["bad"], found["silent"], found["caught"], found["false_alarms"]
    (2, 1, 0.5, 0.0)
    """
    bad, flagged = is_bad(frame, tolerance_mm), frame["flags"] != ""
    found: dict[str, float | int] = {
        "images": len(frame),
        "bad": int(bad.sum()),
        "flagged": int(flagged.sum()),
        "silent": int((bad & ~flagged).sum()),
    }
    for name, among in (("caught", bad), ("false_alarms", ~bad)):
        share, low, high = _share(int((flagged & among).sum()), int(among.sum()))
        found |= {name: share, f"{name}_low": low, f"{name}_high": high}
    return found


def verdicts(frame: pd.DataFrame, *, tolerance_mm: float) -> pd.DataFrame:
    """How many measurements end where: one row for each ``kind``, ``knob`` and ``severity``.

    ``fine`` (good, no warning), ``false alarm`` (good, warning), ``caught`` (bad, warning) and ``silent``
    (bad, no warning) add up to the images.
    """
    bad, flagged = is_bad(frame, tolerance_mm), frame["flags"] != ""
    ends = pd.DataFrame(
        {
            "fine": ~bad & ~flagged,
            "false alarm": ~bad & flagged,
            "caught": bad & flagged,
            "silent": bad & ~flagged,
        }
    )
    keys = [frame[name] for name in ("kind", "knob", "severity")]
    return ends.groupby(keys, sort=False).sum().reset_index()


def kinds_of_warning(flags: pd.Series) -> pd.DataFrame:
    """For each prediction, which kinds of :data:`FLAGS` it carries: a bool column for each.

    >>> flags = pd.Series(["several components (2); outside the training range: mean grey 3"])
    >>> kinds_of_warning(flags).iloc[0].tolist()
    [False, False, True, True]
    """
    return pd.DataFrame({name: flags.str.contains(text, regex=False) for name, text in FLAGS.items()})


def _share(hits: int, of: int) -> tuple[float, float, float]:
    if not of:
        return math.nan, math.nan, math.nan
    low, high = proportion_confint(hits, of, method="wilson")
    return hits / of, float(low), float(high)
