"""The numbers of the chapter on robustness: what each difficulty costs, and whether a warning comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.studies.robustness.figures import ENDS, KINDS
from fetalseg_book.studies.robustness.measure import USUAL
from fetalseg_book.studies.robustness.summary import costs, is_bad, kinds_of_warning, verdicts, warnings
from fetalseg_lib.study.records import read_json

TOLERANCE_MM = 10
"""A measurement that is off by more, or finds no head, is bad."""


def facts(results: Path) -> dict[str, Any]:
    """Everything that the chapter says of real images and phantoms with each knob turned."""
    frame = pd.read_csv(results / "robustness/per_image.csv", keep_default_na=False)
    frame["hc_abs_error_mm"] = frame["hc_error_mm"].abs()
    record = read_json(results / "robustness/robustness.json")
    found = {
        "robust_real_images": str(record["real"]["images"]),
        "robust_phantoms": str(record["phantom"]["images"]),
        "warn_tolerance": f"{TOLERANCE_MM} mm",
    }
    return found | _as_usual(frame) | _costs(frame) | _warned(frame) | _flagged(frame) | _by_flag(frame)


def _as_usual(frame: pd.DataFrame) -> dict[str, Any]:
    found = {}
    for kind, part in frame[frame["knob"] == USUAL].groupby("kind"):
        found[f"robust_usual_{kind}"] = f"{100 * part['dice'].mean():.2f} %"
        found[f"robust_usual_mm_{kind}"] = f"{part['hc_abs_error_mm'].mean():.1f} mm"
        usual = warnings(part, tolerance_mm=TOLERANCE_MM)
        found[f"warn_{kind}_usual"] = f"{usual['flagged']} of {usual['images']}"
    for kind, part in frame.groupby("kind"):
        found[f"robust_failures_{kind}"] = str(int(part["failed"].sum()))
        found[f"robust_rows_{kind}"] = str(len(part))
    return found


def _costs(frame: pd.DataFrame) -> dict[str, Any]:
    """The knobs that cost most and least at full severity, in points of Dice and in mm."""
    dice: Any = costs(frame.assign(dice=100 * frame["dice"]), "dice")
    mm: Any = costs(frame, "hc_abs_error_mm")
    full, full_mm = (of[of["severity"] == 1].set_index(["kind", "knob"]) for of in (dice, mm))
    found: dict[str, Any] = {}
    for kind in KINDS:
        by_change, by_mm = full.loc[kind].sort_values("change"), full_mm.loc[kind].sort_values("change")
        extremes = {"worst": by_change.iloc[0], "least": by_change.iloc[-1], "worst_mm": by_mm.iloc[-1]}
        for name, row in extremes.items():
            unit = " mm" if name == "worst_mm" else ""
            found[f"robust_{name}_{kind}"] = str(row.name)
            found[f"robust_{name}_{kind}_change"] = f"{row['change']:+.1f}{unit}"
            found[f"robust_{name}_{kind}_interval"] = f"{row['low']:+.1f} to {row['high']:+.1f}"
    both: Any = full.pivot_table(index="knob", columns="kind", values="change").dropna()
    found["robust_agreement"] = f"{both.corr(method='spearman').iloc[0, 1]:.1f}"
    return found | {"robust_shared": str(len(both))}


def caught(frame: pd.DataFrame, tolerances_mm: tuple[int, ...] = (5, 10, 20)) -> pd.DataFrame:
    """What warnings are worth with the knobs turned, a row for each kind of image and each tolerance."""
    rows = {}
    for kind, part in frame[frame["knob"] != USUAL].groupby("kind", sort=False):
        for limit in tolerances_mm:
            found = warnings(part, tolerance_mm=limit)
            rows[kind, f"more than {limit} mm"] = {
                "bad": found["bad"],
                "caught (%)": 100 * found["caught"],
                "from": 100 * found["caught_low"],
                "to": 100 * found["caught_high"],
                "silent": found["silent"],
                "false alarms (%)": 100 * found["false_alarms"],
            }
    return pd.DataFrame(rows).T


def _warned(frame: pd.DataFrame) -> dict[str, Any]:
    table: Any = caught(frame)
    found: dict[str, Any] = {"caught": table}
    for kind in KINDS:
        row = table.loc[(kind, f"more than {TOLERANCE_MM} mm")]
        found[f"warn_{kind}_bad"] = f"{row['bad']:.0f}"
        found[f"warn_{kind}_silent"] = f"{row['silent']:.0f}"
        found[f"warn_{kind}_caught"] = f"{row['caught (%)']:.0f} %"
        found[f"warn_{kind}_interval"] = f"{row['from']:.0f} to {row['to']:.0f}"
        found[f"warn_{kind}_false"] = f"{row['false alarms (%)']:.0f} %"
    return found


def _flagged(frame: pd.DataFrame) -> dict[str, Any]:
    table = verdicts(frame, tolerance_mm=TOLERANCE_MM)
    worst = table[(table["severity"] == 1) & (table["knob"] != USUAL)]
    return {
        f"flagged_{row['kind']}_{row['knob']}": (
            f"{row['caught'] + row['false alarm']:.0f} of {row[list(ENDS)].sum():.0f}"
        )
        for _, row in worst.iterrows()
    }


def _by_flag(frame: pd.DataFrame) -> dict[str, Any]:
    """Which kinds of warning come, by knob in percent, and those of the mask beside bad measurements."""
    turned = frame[frame["knob"] != USUAL]
    kinds, bad = kinds_of_warning(turned["flags"]), is_bad(turned, TOLERANCE_MM)
    flagged = turned["flags"] != ""
    groups = kinds.assign(kind=turned["kind"], knob=turned["knob"], any=flagged)
    shape = kinds[["no head", "components", "border"]].any(axis=1)
    in_range = kinds.loc[flagged & (turned["kind"] == "real"), "range"].mean()
    return {
        "kinds of warning": 100 * groups.groupby(["kind", "knob"], sort=False).mean(),
        "warn_range_share": f"{100 * in_range:.0f} %",
        "warn_shape_bad": f"{int((shape & bad).sum())} of {int(bad.sum())}",
        "warn_shape_good": f"{int((shape & ~bad).sum())} of {int((~bad).sum())}",
    }
