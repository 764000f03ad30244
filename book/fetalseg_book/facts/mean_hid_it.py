"""The mean hid it: a few images decide a mean, a median does not, and what a study can detect."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kurtosis

from fetalseg_book import stats
from fetalseg_book.facts.core import FREED, PARTS, PROPOSED, signed
from fetalseg_book.facts.typical import pair
from fetalseg_book.figures.paired import matched
from fetalseg_book.stats import detectable_difference
from fetalseg_book.studies.planner import Measure, PairedSpread, paired_spread, smallest_detectable
from fetalseg_lib.models.variants import get_variant
from fetalseg_lib.study import records

RIVALS = (*PARTS, "unet", FREED)
MEASURES: dict[str, tuple[str, Measure, float]] = {
    "mean Dice (points)": ("dice", np.mean, 100.0),
    "median Dice (points)": ("dice", np.median, 100.0),
    "HC error (mm)": ("hc_abs_error_mm", np.mean, 1.0),
}
"""What a study may compare: a column, what is taken over the images, and the factor to its unit."""
EXAMPLES = ("no_residual", FREED)
"""Two comparisons to plan for: a part taken out, and an encoder that is trained."""
PLANS = ((6, 161), (60, 161), (6, 806))
"""Seeds and exams: this study, ten times the seeds, and all of HC18's exams."""


def facts(results: Path) -> dict[str, Any]:
    """All numbers of the chapter, and the tables that its figures draw."""
    seeds = seeds_of(results)
    return {
        **dict(_tails(results)),
        **_one_image(results),
        **dict(_one_part(results)),
        **dict(_noise(results)),
        **dict(_equal_runs(results)),
        "seeds": seeds,
        "spreads": spreads(results),
        **_planned(results),
    }


def differences(
    results: Path, one: str, column: str = "dice"
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """``one`` minus ``proposed``, seeds by images, and each image's exam."""
    frame = matched(results, (one, "published"), (PROPOSED, "published"))
    table = frame.pivot_table(index=["variant", "seed"], columns="name", values=column)
    exams = frame.groupby("name")["exam"].first()
    change: Any = table.loc["one"] - table.loc["other"]
    return change.to_numpy(np.float64), exams.loc[table.columns].to_numpy(np.int64)


def seeds_of(results: Path) -> pd.DataFrame:
    """Each seed's mean and median over the images of the paired Dice difference, in points."""
    found = {get_variant(name).shown_as: pair(results, name).seeds for name in RIVALS}
    return pd.concat({name: seeds[["mean", "median"]] for name, seeds in found.items()}, names=["network"])


@cache
def spreads(results: Path) -> dict[tuple[str, str], PairedSpread]:
    """Of two comparisons and each measure the three variances that a plan starts from."""
    found = {}
    for rival in EXAMPLES:
        for name, (column, measure, unit) in MEASURES.items():
            table, exams = differences(results, rival, column)
            found[rival, name] = paired_spread(unit * table, exams, measure=measure)
    return found


def tails(results: Path) -> list[float]:
    """The kurtosis of the per-image Dice differences, of each comparison with all its seeds."""
    return [float(kurtosis(differences(results, rival)[0].ravel(), fisher=False)) for rival in RIVALS]


def _tails(results: Path) -> Iterator[tuple[str, str]]:
    found = tails(results)
    table, _ = differences(results, PARTS[2])
    yield "hid_images", str(table.shape[1])
    yield "hid_seeds", str(table.shape[0])
    yield "hid_networks", str(len(RIVALS))
    yield "hid_kurtosis_low", f"{min(found):.0f}"
    yield "hid_kurtosis_high", f"{max(found):.0f}"


def _one_image(results: Path) -> dict[str, Any]:
    """What each image gains by fine-tuning in points, largest first, and the gain without the first."""
    frame = matched(results, (FREED, "published"), (PROPOSED, "published"))
    change = stats.paired_differences(frame, "dice", variant="one", baseline="other")
    gain = 100 * change.groupby("name")["dice"].mean().sort_values(ascending=False)
    rest = stats.compare(frame[frame["name"] != gain.index[0]], "dice", baseline="other").iloc[0]
    return {
        "gain": gain,
        "rest": rest,
        "hid_gain": signed(gain.mean()),
        "hid_gain_median": signed(gain.median()),
        "hid_gain_top": str(gain.index[0]),
        "hid_gain_share": f"{100 * gain.iloc[0] / gain.sum():.0f} %",
        "hid_gain_rest": signed(100 * rest["difference"]),
        "hid_gain_rest_interval": f"{signed(100 * rest['low'])} to {signed(100 * rest['high'])}",
    }


def _one_part(results: Path) -> Iterator[tuple[str, str]]:
    found = pair(results, "no_residual")
    mean, median = found.mean, found.median
    yield "hid_mean", signed(mean.mean)
    yield "hid_mean_interval", f"{signed(mean.low)} to {signed(mean.high)}"
    yield "hid_median", signed(median.mean)
    yield "hid_median_interval", f"{signed(median.low)} to {signed(median.high)}"
    yield "hid_below", str(int((found.seeds["median"] < 0).sum()))


def noise(results: Path) -> pd.DataFrame:
    """The standard deviation over the seeds of mean and median, of each comparison."""
    return seeds_of(results).groupby("network")[["mean", "median"]].std()


def detectable(results: Path) -> dict[str, float]:
    """What six seeds detect on these images in a family of six, from the middle one of the six spreads."""
    sd: Any = noise(results).median()
    seeds = differences(results, RIVALS[0])[0].shape[0]
    return {
        name: detectable_difference(sd[name], seeds=seeds, comparisons=len(RIVALS))
        for name in ("mean", "median")
    }


def _noise(results: Path) -> Iterator[tuple[str, str]]:
    found, least = noise(results), detectable(results)
    for name in ("mean", "median"):
        yield f"hid_{name}_sd", f"{found[name].min():.2f} to {found[name].max():.2f}"
        yield f"hid_{name}_least", f"{least[name]:.2f}"


def _equal_runs(results: Path) -> Iterator[tuple[str, str]]:
    made = records.read_json(results / "crossval" / "equal_runs.json")
    rows: Any = pd.DataFrame(made["rejections"])
    used = rows[(rows["overlap"] == 0) & (rows["seeds"] == 3)].iloc[0]
    yield "hid_pools", str(len(made["pools"]))
    yield "hid_draws", str(made["draws"])
    for name in ("dice", "hc"):
        yield f"hid_equal_{name}", f"{100 * used[f'{name}_mean']:.0f} %"
        low, high = 100 * used[f"{name}_min"], 100 * used[f"{name}_max"]
        yield f"hid_equal_{name}_pools", f"{low:.0f} to {high:.0f} %"


def planned(results: Path) -> pd.DataFrame:
    """The smallest difference that each plan detects with 80 % power, of both comparisons by each measure."""
    found: dict[tuple[str, str], list[float]] = {}
    for (rival, measure), spread in spreads(results).items():
        column = (get_variant(rival).shown_as, measure)
        found[column] = [smallest_detectable(spread, seeds=s, exams=e) for s, e in PLANS]
    return pd.DataFrame(found, index=pd.Index([f"{s} seeds, {e} exams" for s, e in PLANS], name="plan"))


def _planned(results: Path) -> dict[str, Any]:
    table = planned(results)
    least = table[get_variant(FREED).shown_as, "HC error (mm)"]
    short = {
        f"hid_{FREED}_hc_error_{plan}": f"{mm:.2f}"
        for plan, mm in zip(("here", "seeds", "exams"), least, strict=True)
    }
    return {"planned": table, **short}
