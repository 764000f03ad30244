"""The numbers of the chapter on the data: what HC18 is, and what a leak into training is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.studies.leakage import exposed_images, leakage_table
from fetalseg_lib.data import splits
from fetalseg_lib.models import get_variant
from fetalseg_lib.study.records import PER_IMAGE, read_json


def facts(results: Path) -> dict[str, Any]:
    """Everything that the chapter says of the real images, and of the leaky split."""
    dataset = read_json(results / "hc18/dataset.json")
    found = _counts(dataset) | _sizes(dataset) | _masks(dataset) | _pairs(dataset)
    return found | _leakage(results)


def _counts(dataset: dict[str, Any]) -> dict[str, Any]:
    exams = {int(images): n for images, n in dataset["exams_by_images"].items()}
    counts = {
        "n_images": dataset["n_images"],
        "n_hidden": dataset["n_hidden_test_images"],
        "n_exams": dataset["n_exams"],
        "n_women": dataset["women"],
        "licence": dataset["licence"],
        "n_cut": dataset["n_cut"],
        "several_exams": sum(n for images, n in exams.items() if images > 1),
        "exam_rank_correlation": f"{dataset['hc_exam_rank_correlation']:.2f}",
        "last_fifth": f"{dataset['last_fifth_min_hc_mm']:.0f}",
    }
    return {name: str(count) for name, count in counts.items()}


def _sizes(dataset: dict[str, Any]) -> dict[str, Any]:
    """Heads in mm, pixels in mm, and how the two go together."""
    hc, pixel = dataset["hc_mm"], dataset["pixel_size_mm"]
    return {
        "hc_min": f"{hc['min']:.0f}",
        "hc_max": f"{hc['max']:.0f}",
        "hc_mean": f"{hc['mean']:.0f}",
        "pixel_min": f"{pixel['min']:.3f}",
        "pixel_max": f"{pixel['max']:.3f}",
        "pixel_ratio": f"{pixel['max'] / pixel['min']:.0f}",
        "hc_pixel_correlation": f"{dataset['hc_pixel_size_correlation']:.2f}",
    }


def _masks(dataset: dict[str, Any]) -> dict[str, Any]:
    failures, refit = dataset["hole_filling_failures"], dataset["refit_hc_error_mm"]
    return {
        "n_failures": str(len(failures)),
        "failure_names": ", ".join(failure["name"] for failure in failures),
        "failure_kept": f"{100 * max(failure['kept'] for failure in failures):.0f} %",
        "refit_mean": f"{refit['mean']:.3f} mm",
        "refit_max": f"{refit['max']:.2f} mm",
        "outline_ratio": f"{dataset['outline_background_to_foreground']:.0f}",
        "mask_ratio": f"{dataset['mask_background_to_foreground']:.1f}",
        "mask_share": f"{100 * dataset['mask_fraction']:.0f} %",
        "note_weight": f"{get_variant('pos_weight_200').recipe['pos_weight']:.0f}",
    }


def _pairs(dataset: dict[str, Any]) -> dict[str, Any]:
    """Files that show the very same frame, and one frame that was drawn twice."""
    pairs, look = pd.DataFrame(dataset["same_frames"]), dataset["second_looks"][0]
    return {
        "n_pairs": str(len(pairs)),
        "second looks": len(dataset["second_looks"]),
        "look_dice": f"{look['dice']:.3f}",
        "look_hc": f"{look['hc_difference_mm']:.1f} mm",
    }


def leaky_split(leaky: Path) -> pd.DataFrame:
    """The book's split with what ``leaky`` did not test moved into training."""
    split = splits.load("hc18")
    tested = pd.read_csv(leaky / "proposed/seed-0" / PER_IMAGE)["name"]
    moved = (split["fold"] == "test") & ~split["filename"].isin(tested)
    return split.assign(fold=split["fold"].mask(moved, "train"))


def _leakage(results: Path) -> dict[str, Any]:
    grouped, leaky = (results / "one_fold" / study / "hc18" for study in ("published", "leaky"))
    split = leaky_split(leaky)
    effects = leakage_table(grouped, leaky, split=split).set_index(["variant", "images_of"])
    exposed = effects.xs("exposed", level="images_of")
    images = exposed["images"].iloc[0]
    found = {
        "effects": effects,
        "exposed images": exposed_images(split),
        "leak_exposed": str(images),
    }
    for name in ("proposed", "unet"):
        found |= {f"leak_{name}_{what}": points for what, points in _effect(effects.loc[name]).items()}
    return found


def _effect(of: Any) -> dict[str, str]:
    """In points of Dice on the exposed images, with the interval."""
    exposed = of.loc["exposed"]
    values = {
        "gain": exposed["difference"],
        "low": exposed["low"],
        "high": exposed["high"],
    }
    return {what: f"{100 * value:+.2f}".replace("-", "−") for what, value in values.items()}
