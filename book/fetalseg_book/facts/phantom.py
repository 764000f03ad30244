"""The numbers of the chapter on the phantom: how real it is, what it teaches, which ingredient buys it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.facts.configurations import configuration
from fetalseg_book.studies import ingredients
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.study.records import ENVIRONMENT, METRICS, read_json

MEASURES = {
    "hc_mm": "head circumference (mm)",
    "pixel_size_mm": "pixel size (mm)",
    "cephalic_index": "cephalic index",
    "head_share": "share of head pixels",
    "zero_share": "share of black pixels (exactly 0)",
    "grey_inside": "mean grey in the head",
    "grey_outside": "mean grey outside",
    "grey_levels": "different grey levels",
    "speckle_snr": "speckle: mean / SD as displayed",
    "axial_mm": "grain along the beam (mm)",
    "lateral_mm": "grain across the beam (mm)",
}
SEES = {
    "whole": "the whole image",
    "inside": "a patch inside the head",
    "skull": "a patch on the skull",
    "outside": "a patch outside the head",
    "grey": "histograms of grey, steps of 4",
    "grey_coarse": "histograms of grey, steps of 32",
    "measures": "the numbers of the table above",
    "control": "whole images, real against real",
}
"""What a classifier that tells real from simulated is shown."""


def facts(results: Path) -> dict[str, Any]:
    """Everything that the chapter says of phantoms beside real images, and of networks trained on them."""
    realism = read_json(results / "phantom/realism.json")
    runs = {
        "phantoms": results / "phantom/simulated/phantom/unet",
        "real": results / "one_fold/small/hc18/unet",
    }
    found = _realism(realism) | _trained(runs) | _ingredients(results)
    return found | {"measures": measures(realism), "told apart": told_apart(realism)}


def _realism(realism: dict[str, Any]) -> dict[str, Any]:
    measured, middle = realism["measures"], realism["quantiles"].index(0.5)
    snr, levels = measured["speckle_snr"], measured["grey_levels"]
    gaps = {name: found["largest_gap"] for name, found in measured.items() if name != "grey_levels"}
    worst, best = max(gaps, key=gaps.__getitem__), min(gaps, key=gaps.__getitem__)
    told = {name: f"{100 * found['accuracy']:.0f} %" for name, found in realism["told_apart"].items()}
    return {
        "phantom_n_real": str(realism["n"]["real"]),
        "phantom_n_phantom": str(realism["n"]["phantom"]),
        "phantom_snr_real": f"{snr['real'][middle]:.1f}",
        "phantom_snr_phantom": f"{snr['phantom'][middle]:.1f}",
        "phantom_worst": MEASURES[worst],
        "phantom_worst_gap": f"{100 * gaps[worst]:.0f} %",
        "phantom_best": MEASURES[best],
        "phantom_best_gap": f"{100 * gaps[best]:.0f} %",
        "phantom_levels_real": f"{levels['real'][middle]:.0f}",
        "phantom_levels_phantom": f"{levels['phantom'][middle]:.0f}",
        "phantom_control": told["control"],
        **{f"phantom_told_{name}": share for name, share in told.items()},
    }


def measures(realism: dict[str, Any]) -> pd.DataFrame:
    """Quantiles of each measure in real and simulated images, and the largest gap between the two."""
    places = {"5 %": 0, "half": realism["quantiles"].index(0.5), "95 %": -1}
    rows = {}
    for name, what in MEASURES.items():
        found = realism["measures"][name]
        row = {(kind, label): found[kind][k] for kind in ("real", "phantom") for label, k in places.items()}
        rows[what] = row | {("", "largest gap"): found["largest_gap"]}
    return pd.DataFrame(rows).T


def told_apart(realism: dict[str, Any]) -> pd.DataFrame:
    """How often a classifier tells real from simulated, in percent, by what it sees."""
    names = {"accuracy": "right (%)", "lowest_fold": "worst fold", "highest_fold": "best fold"}
    rows = {}
    for name, what in SEES.items():
        found = realism["told_apart"][name]
        row = {label: 100 * found[key] for key, label in names.items()}
        rows[what] = row | {"images or patches": found["n"]}
    return pd.DataFrame(rows).T.rename_axis(index="it sees")


def _row(tested: dict[str, Any]) -> dict[str, float]:
    return {
        "Dice (%)": 100 * tested["dice_mean"],
        "median Dice (%)": 100 * tested["dice_median"],
        "HC error (mm)": tested["hc_abs_error_mm_mean"],
        "HC bias (mm)": tested["hc_error_mm_mean"],
        "heads not found": tested["failures"],
    }


def _trained(runs: dict[str, Path]) -> dict[str, Any]:
    """Tests on real heads: of networks trained on phantoms alone, and of those trained on real images."""
    files = {"phantoms": "on_hc18.json", "real": METRICS}
    words = {"phantoms": "phantoms", "real": "real images"}
    tested = {
        kind: {
            f"trained on {words[kind]}, seed {file.parent.name[5:]}": read_json(file)["test"]
            for file in sorted(study.glob(f"seed-*/{files[kind]}"))
        }
        for kind, study in runs.items()
    }
    tables = {
        kind: pd.DataFrame({name: _row(test) for name, test in of.items()}).T for kind, of in tested.items()
    }
    found: dict[str, Any] = {"tests": pd.concat(tables.values())}
    for kind, table in tables.items():
        found[f"phantom_{kind}_dice"] = f"{table['Dice (%)'].mean():.2f} %"
        found[f"phantom_{kind}_hc"] = f"{table['HC error (mm)'].mean():.2f} mm"
    any_test = next(iter(tested["phantoms"].values()))
    return (
        _settings(runs)
        | found
        | {
            "phantom_tested_n": str(any_test["images"]),
            "phantom_real_seeds": str(len(tested["real"])),
            "phantom_trained_seeds": str(len(tested["phantoms"])),
        }
    )


def _settings(runs: dict[str, Path]) -> dict[str, Any]:
    first = min(runs["phantoms"].glob("seed-*"))
    trained, metrics = read_json(first / ENVIRONMENT), read_json(first / METRICS)
    beside = configuration(runs["real"].parent, "unet")
    return {
        "sizes": (trained["config"]["image_size"], beside["image_size"]),
        "phantom_own_dice": f"{100 * metrics['test']['dice_mean']:.2f} %",
        "phantom_trained_n": str(trained["split"]["train"]),
        "phantom_trained_epochs": str(metrics["epochs"]),
        "phantom_trained_size": "×".join(map(str, trained["config"]["image_size"])),
        "phantom_real_epochs": str(beside["training"]["epochs"]),
    }


def _ingredients(results: Path) -> dict[str, Any]:
    runs = pd.read_csv(results / "phantom/ingredients/tables/ingredients.csv")
    dice, error = (ingredients.effects(runs, metric) for metric in ("dice_mean", "hc_abs_error_mm_mean"))
    most = dice.table.iloc[0]
    return {
        "effects": dice,
        "without": _without(dice, error),
        "ingredients_size": "×".join(map(str, load_profile("ingredients").image_size)),
        "ingredients_seeds": str(1 + dice.noise.freedom),
        "ingredients_whole": f"{100 * dice.whole:.2f} %",
        "ingredients_whole_mm": f"{error.whole:.2f} mm",
        "ingredients_band": f"{100 * dice.band:.2f}",
        "ingredients_band_mm": f"{error.band:.2f} mm",
        "ingredients_beyond": _named(dice),
        "ingredients_beyond_mm": _named(error),
        "ingredients_most": most["without"],
        "ingredients_most_points": f"{100 * most['difference']:+.2f}",
        "ingredients_inside": str(len(dice.table) - len(dice.beyond)),
        "ingredients_n": str(len(dice.table)),
    }


def _named(found: ingredients.Effects) -> str:
    return ", ".join(f"*{name}*" for name in found.beyond["without"]) or "none"


def _without(dice: ingredients.Effects, error: ingredients.Effects) -> pd.DataFrame:
    both = dice.table.set_index("without").join(error.table.set_index("without").add_suffix("_mm"))
    columns = {
        "Dice (%)": 100 * both["mean"],
        "difference (points)": 100 * both["difference"],
        "HC error (mm)": both["mean_mm"],
        "difference (mm)": both["difference_mm"],
    }
    return pd.DataFrame(columns).rename_axis(index="without")
