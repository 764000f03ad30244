"""The numbers of *Where and why does it fail?*, from the runs and from what was measured on the images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book import stats
from fetalseg_book.facts.configurations import configuration
from fetalseg_book.figures.agreement import TRIMESTERS, trimesters
from fetalseg_book.studies.error_analysis.agreement import (
    associations,
    between_runs,
    by_group,
    times_among_worst,
    times_by_chance,
)
from fetalseg_book.studies.error_analysis.quality import MEASURES
from fetalseg_lib.models.variants import get_variant
from fetalseg_lib.study import tables
from fetalseg_lib.study.records import read_json

SIZES = {
    "dice": ("dice", "Dice (%)", 100),
    "mm": ("hc_abs_error_mm", "HC error (mm)", 1),
    "percent": ("hc_abs_error_percent", "HC error (% of HC)", 1),
}
"""Short name, column, heading and factor of what is asked of each trimester."""


def facts(results: Path) -> dict[str, Any]:
    """Everything that the chapter says of the images, of the runs, of gates and of maps."""
    frame = per_image(results / "one_fold/published/hc18")
    images = pd.read_csv(results / "analysis/images.csv").set_index("name")
    size = trimesters(images["hc_mm"])
    found: dict[str, Any] = {"frame": frame, "images": images}
    found |= _by_size(frame, size)
    found |= _luck(frame)
    found |= _half(frame, found["always"], results) | _hardest(frame, results)
    found |= _quality(frame, images)
    found |= _gates(frame, results / "analysis")
    return found | _maps(results / "analysis")


def per_image(study: Path) -> pd.DataFrame:
    """The records of a study, with the size of the error in mm and in percent of the circumference."""
    frame = tables.collect_per_image(study)
    frame["hc_abs_error_mm"] = frame["hc_error_mm"].abs()
    frame["hc_abs_error_percent"] = 100 * frame["hc_abs_error_mm"] / frame["hc_reference_mm"]
    return frame


def _by_size(frame: pd.DataFrame, size: pd.Series) -> dict[str, Any]:
    found: dict[str, Any] = {"by size": {}}
    for short, (metric, label, times) in SIZES.items():
        table = by_group(frame, size, metric).set_index(["variant", "group"])
        table[["mean", "low", "high"]] *= times
        found["by size"][label] = table
        unit = "mm" if short == "mm" else "%"
        means: Any = table["mean"]
        for (variant, group), mean in means.items():
            found[f"fail_{short}_{variant}_{group.split()[0]}"] = f"{mean:.1f} {unit}"
    return found


def size_table(by_size: dict[str, Any]) -> pd.DataFrame:
    """Means with their intervals as text: a row for each of two variants and each trimester."""
    order = [(variant, group) for variant in ("proposed", "trainable_encoder") for group in TRIMESTERS]
    shown = pd.DataFrame({"images": by_size["Dice (%)"].loc[order, "images"]})
    for label, table in by_size.items():
        spans = table.loc[order, ["mean", "low", "high"]].to_numpy()
        shown[label] = [f"{mean:.1f} ({low:.1f} to {high:.1f})" for mean, low, high in spans]
    names = {name: get_variant(name).shown_as for name, _ in order}
    return shown.rename(index=names, level="variant").rename_axis(index=["network", "trimester"])


def _luck(frame: pd.DataFrame) -> dict[str, Any]:
    proposed = frame[frame["variant"] == "proposed"]
    seeds = proposed["seed"].nunique()
    times = times_among_worst(proposed, "dice")
    chance = times_by_chance(len(times), runs=seeds)
    always = times[times == seeds].index
    pairs = between_runs(frame, "dice")
    within = pairs.loc[pairs["same"] & (pairs["first"] == "proposed"), "rho"]
    between = pairs.loc[(pairs["first"] == "proposed") & (pairs["second"] == "unet"), "rho"]
    return {
        "always": always,
        "chance": chance,
        "luck_seeds": str(seeds),
        "luck_always": str(len(always)),
        "luck_ever": str(int((times > 0).sum())),
        "luck_worst": str(int(0.1 * len(times))),
        "luck_chance_always": f"{chance[-1]:.4f}",
        "luck_chance_ever": f"{chance[1:].sum():.0f}",
        "luck_within": f"{within.min():.2f} to {within.max():.2f}",
        "luck_between": f"{between.min():.2f} to {between.max():.2f}",
    }


def _half(frame: pd.DataFrame, always: pd.Index, results: Path) -> dict[str, Any]:
    """The images that are always among the worst, at the full side of the input and at half of it."""
    half = tables.collect_per_image(results / "one_fold/small/hc18/proposed")
    times = times_among_worst(half, "dice")
    always_half = times[times == half["seed"].nunique()].index
    sides = [
        configuration(results / "one_fold" / study / "hc18")["image_size"][0]
        for study in ("published", "small")
    ]
    return {
        "half_full": f"{sides[0]} px",
        "half_side": f"{sides[1]} px",
        "half_shared": str(len(always.intersection(always_half))),
    }


def _hardest(frame: pd.DataFrame, results: Path) -> dict[str, Any]:
    """The worst image of all: its Dice by variant, and with a smaller input."""
    hardest = str(frame[frame["variant"] == "proposed"].groupby("name")["dice"].mean().idxmin())

    def on_it(records: pd.DataFrame) -> pd.DataFrame:
        return records[records["name"] == hardest]

    core = on_it(frame).groupby("variant")["dice"].agg(["min", "mean", "max"])
    small = on_it(tables.collect_per_image(results / "one_fold/small/hc18/proposed"))["dice"].mean()
    dice = {
        "large": core.loc["proposed", "mean"],
        "small": small,
        "trained": core.loc["trainable_encoder", "min"],
        "others": core["max"].drop("trainable_encoder").max(),
    }
    whole = ("large", "small")
    words = {f"half_hardest_{of}": f"{100 * d:.{0 if of in whole else 1}f} %" for of, d in dice.items()}
    trained_seeds = frame.loc[frame["variant"] == "trainable_encoder", "seed"].nunique()
    return words | {
        "hardest dice": dice,
        "half_hardest": hardest,
        "half_hardest_seeds": str(trained_seeds),
    }


def _quality(frame: pd.DataFrame, images: pd.DataFrame) -> dict[str, Any]:
    score = frame[frame["variant"] == "proposed"].groupby("name")["dice"].mean()
    table = associations(images, score)
    ranked: Any = table[table["adjusted"]].set_index("measure")
    plain: Any = table[~table["adjusted"]].set_index("measure")
    clear = ranked[(ranked["low"] > 0) | (ranked["high"] < 0)]
    strongest = str(ranked["rho"].abs().idxmax())
    found = {
        "associations": table,
        "image_strongest": strongest,
        "image_strongest_rho": f"{ranked.loc[strongest, 'rho']:+.2f}",
        "image_strongest_low": f"{ranked.loc[strongest, 'low']:+.2f}",
        "image_strongest_high": f"{ranked.loc[strongest, 'high']:+.2f}",
        "image_clear": ", ".join(clear.index) or "none",
        "image_clear_n": str(len(clear)),
        "image_measures": str(len(ranked)),
    }
    for name, words in MEASURES.items():
        rho, low, high = ranked.loc[words, ["rho", "low", "high"]]
        found[f"image_{name}"] = f"{rho:+.2f}"
        found[f"image_{name}_interval"] = f"{low:+.2f} to {high:+.2f}"
        found[f"image_{name}_plain"] = f"{plain.loc[words, 'rho']:+.2f}"
    return found


def gate_changes(swaps: pd.DataFrame) -> pd.DataFrame:
    """Change of Dice in points when the gates are replaced: a row for each replacement, with its interval."""
    dice = swaps.pivot_table(index="name", columns="gates", values="dice", sort=False)
    exam = swaps.drop_duplicates("name").set_index("name")["exam"]
    rows = []
    for what in dice.columns[1:]:
        change = 100 * (dice[what] - dice["its own"])
        of_image = pd.DataFrame({"exam": exam, "change": change}).rename_axis("name").reset_index()
        rows.append(stats.mean_intervals(of_image.assign(variant=what, seed=0), "change"))
    changes = pd.concat(rows).set_index("variant")[["mean", "low", "high"]]
    return changes.set_axis(["change of Dice (points)", "from", "to"], axis="columns")


def _gates(frame: pd.DataFrame, analysed: Path) -> dict[str, Any]:
    swaps = pd.read_csv(analysed / "gate_swaps.csv")
    changes = gate_changes(swaps)
    own = swaps.loc[swaps["gates"] == "its own", "dice"].mean()
    short = {
        "the mean": "mean",
        "another image's": "other",
        "all one": "one",
    }
    found: dict[str, Any] = {"gate changes": changes, "gate_own": f"{100 * own:.2f} %"}
    for what, name in short.items():
        middle, low, high = changes.loc[what]
        found[f"gate_{name}"] = f"{middle:+.3f}"
        found[f"gate_{name}_interval"] = f"{low:+.3f} to {high:+.3f}"
    found["gate_reading"] = _reading(*changes.loc["the mean", ["from", "to"]])
    return found | _without_gates(frame)


def _reading(low: float, high: float) -> str:
    if high < 0:
        return "the network's own gates are worth something that constant ones are not"
    if low > 0:
        return "constant gates even do better here"
    return "as far as these images can tell, constant gates do as well"


def _without_gates(frame: pd.DataFrame) -> dict[str, Any]:
    both = frame[frame["variant"].isin(["proposed", "no_se"])]
    anew = stats.compare(both, "dice", baseline="proposed").iloc[0]
    return {
        "gate_anew": f"{100 * anew['difference']:+.2f}",
        "gate_anew_interval": f"{100 * anew['low']:+.2f} to {100 * anew['high']:+.2f}",
    }


def _maps(analysed: Path) -> dict[str, Any]:
    """Size of the rank correlation of the maps with those against which they are held."""
    record, maps = read_json(analysed / "analysis.json"), pd.read_csv(analysed / "maps.csv")
    rho = maps.assign(rho=maps["rho"].abs()).pivot_table(index="layer", columns="against", values="rho")
    counts = {"gates": "gate_images", "training": "gate_training", "maps": "map_images"}
    found: dict[str, Any] = {glued: str(record["images"][name]) for name, glued in counts.items()}
    names = {"another image": "other", "brightness": "grey", "prediction": "mask"}
    names |= {"head": "head", "dec3": "upper", "dec5": "decoder"}
    for layer in record["layers"]:
        for against, name in names.items():
            found[f"map_{layer}_{name}"] = f"{rho.loc[layer, against]:.2f}"
    return found | {"layers": record["layers"], "maps": maps, "rho": rho}
