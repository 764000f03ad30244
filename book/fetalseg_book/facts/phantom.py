"""The numbers of the chapter on the phantom: how real it is, what it teaches, which ingredient buys it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.facts.configurations import configuration
from fetalseg_book.studies import ingredients
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.study.records import ENVIRONMENT, METRICS, read_json

TOLD = ("whole", "grey", "control")
"""What a classifier that tells real from simulated is shown, where a sentence says how well it does."""


def facts(results: Path) -> dict[str, Any]:
    """Everything that the chapter says of phantoms beside real images, and of networks trained on them."""
    realism = read_json(results / "phantom/realism.json")
    runs = {
        "phantoms": results / "phantom/simulated/phantom/unet",
        "real": results / "one_fold/small/hc18/unet",
    }
    return _realism(realism) | _trained(runs) | _ingredients(results)


def _realism(realism: dict[str, Any]) -> dict[str, Any]:
    levels, middle = realism["measures"]["grey_levels"], realism["quantiles"].index(0.5)
    told = {name: f"{100 * realism['told_apart'][name]['accuracy']:.0f} %" for name in TOLD}
    return {
        "phantom_n_real": str(realism["n"]["real"]),
        "phantom_n_phantom": str(realism["n"]["phantom"]),
        "phantom_levels_real": f"{levels['real'][middle]:.0f}",
        "phantom_levels_phantom": f"{levels['phantom'][middle]:.0f}",
        "phantom_control": told.pop("control"),
        **{f"phantom_told_{name}": share for name, share in told.items()},
    }


def _trained(runs: dict[str, Path]) -> dict[str, Any]:
    """Tests on real heads: of networks trained on phantoms alone, and of those trained on real images."""
    files = {"phantoms": "on_hc18.json", "real": METRICS}
    tested = {
        kind: [read_json(file)["test"] for file in sorted(study.glob(f"seed-*/{files[kind]}"))]
        for kind, study in runs.items()
    }
    found: dict[str, Any] = {}
    for kind, tests in tested.items():
        table = pd.DataFrame(tests)
        found[f"phantom_{kind}_dice"] = f"{100 * table['dice_mean'].mean():.2f} %"
        found[f"phantom_{kind}_hc"] = f"{table['hc_abs_error_mm_mean'].mean():.2f} mm"
    return (
        _settings(runs)
        | found
        | {
            "phantom_tested_n": str(tested["phantoms"][0]["images"]),
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
        "phantom_trained_size": "×".join(map(str, trained["config"]["image_size"])),
    }


def _ingredients(results: Path) -> dict[str, Any]:
    runs = pd.read_csv(results / "phantom/ingredients/tables/ingredients.csv")
    dice = ingredients.effects(runs, "dice_mean")
    most = dice.table.iloc[0]
    return {
        "effects": dice,
        "ingredients_size": "×".join(map(str, load_profile("ingredients").image_size)),
        "ingredients_seeds": str(1 + dice.noise.freedom),
        "ingredients_whole": f"{100 * dice.whole:.2f} %",
        "ingredients_band": f"{100 * dice.band:.2f}",
        "ingredients_beyond": _named(dice),
        "ingredients_most": most["without"],
        "ingredients_most_points": f"{100 * most['difference']:+.2f}",
        "ingredients_inside": str(len(dice.table) - len(dice.beyond)),
        "ingredients_n": str(len(dice.table)),
    }


def _named(found: ingredients.Effects) -> str:
    return ", ".join(found.beyond["without"]) or "none"
