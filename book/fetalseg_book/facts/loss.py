"""The numbers of the chapter on the loss: what the weight of the foreground did to real heads."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.facts.configurations import configuration
from fetalseg_book.figures import described
from fetalseg_book.figures.loss import millimetres
from fetalseg_lib.models import get_variant
from fetalseg_lib.study.records import PER_IMAGE, read_json

HEAVY = "pos_weight_200"
VARIANTS = ("proposed", HEAVY)
HALVES = {"dice_only": "Dice alone", "proposed": "both", "bce_only": "cross-entropy alone"}
"""The variants whose loss has one half of the note's, or both, and what they are called."""


def facts(results: Path) -> dict[str, Any]:
    """Everything that the chapter says of real images: their pixels, the two weights, the two halves."""
    study = results / "one_fold/published/hc18"
    recipe: Any = get_variant(HEAVY).recipe
    weights = {
        "note": float(recipe["pos_weight"]),
        "study": float(configuration(study)["training"]["pos_weight"]),
    }
    found = _pixels(read_json(results / "hc18/dataset.json"), weights["note"])
    found |= _two_weights(study, weights) | _small(results / "one_fold/small/hc18", weights)
    found |= _halves(results)
    by_formula = 2 * math.pi * found["softness"] * math.log(weights["study"])
    return found | {"loss_halves_formula": f"{by_formula:.1f} mm"}


def signed_errors(study: Path, variant: str) -> pd.DataFrame:
    """Mean over the seeds of each test image's HC error (mm), with the head's true size and the pixel's."""
    frames = [pd.read_csv(file) for file in sorted(study.glob(f"{variant}/seed-*/{PER_IMAGE}"))]
    columns = ["hc_reference_mm", "pixel_size_mm", "hc_error_mm"]
    return pd.concat(frames).dropna(subset=["hc_error_mm"]).groupby("name")[columns].mean()


def softness(errors: dict[str, pd.DataFrame], weights: dict[str, float]) -> float:
    """How soft the edge is in mm by the formula, from the mean errors at the two weights."""
    further = errors[HEAVY]["hc_error_mm"].mean() - errors["proposed"]["hc_error_mm"].mean()
    return float(further / (2 * math.pi * math.log(weights["note"] / weights["study"])))


def _pixels(dataset: dict[str, Any], note_weight: float) -> dict[str, Any]:
    ratio = dataset["mask_background_to_foreground"]
    return {
        "loss_ratio": f"{ratio:.1f}",
        "loss_outline_ratio": f"{dataset['outline_background_to_foreground']:.0f}",
        "loss_note_weight": f"{note_weight:.0f}",
        "loss_times": f"{note_weight / ratio:.0f}",
    }


def _two_weights(study: Path, weights: dict[str, float]) -> dict[str, Any]:
    errors = {variant: signed_errors(study, variant) for variant in VARIANTS}
    soft = softness(errors, weights)
    means = {variant: frame["hc_error_mm"].mean() for variant, frame in errors.items()}
    seeds = {
        variant: [pd.read_csv(file)["hc_error_mm"].mean() for file in study.glob(f"{variant}/*/{PER_IMAGE}")]
        for variant in VARIANTS
    }
    always = (errors[HEAVY]["hc_error_mm"] > 0).mean()
    return _further(errors) | {
        "means": means,
        "means of seeds": seeds,
        "softness": soft,
        "loss_study_weight": f"{weights['study']:g}",
        "loss_mean_study": millimetres(means["proposed"]),
        "loss_mean_note": millimetres(means[HEAVY]),
        "loss_always": f"{100 * always:.0f} %",
        "loss_width": f"{soft:.2f} mm",
        "loss_seeds_note": str(len(seeds[HEAVY])),
        "loss_seeds_study": str(len(seeds["proposed"])),
    }


def _further(errors: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """By how much the note's weight moves each head further out, and what goes with it."""
    further = errors[HEAVY]["hc_error_mm"] - errors["proposed"]["hc_error_mm"]
    heads, pixel = (errors["proposed"][name] for name in ("hc_reference_mm", "pixel_size_mm"))
    going_with = {"by_size": further.corr(heads), "by_pixel": further.corr(pixel)}
    low, high = further.quantile([0.1, 0.9])
    return {
        "loss_by_pixel": f"{going_with['by_pixel']:.2f}",
        "further": (low, high),
        "going with": going_with,
        "loss_further": f"{further.mean():.1f} mm",
        "loss_further_low": millimetres(low),
        "loss_further_high": millimetres(high),
    }


def _small(study: Path, weights: dict[str, float]) -> dict[str, Any]:
    errors = {variant: signed_errors(study, variant) for variant in VARIANTS}
    soft = softness(errors, weights)
    return {
        "softness in small": soft,
        "loss_small_size": "×".join(map(str, configuration(study)["image_size"])),
        "loss_small_width": f"{soft:.2f} mm",
    }


def _halves(results: Path) -> dict[str, Any]:
    """The runs with one half of the loss and with both, on the seeds that all three have."""
    runs = described.collect(results)
    runs = runs[runs["variant"].isin(HALVES)].pivot_table(index="seed", columns="variant")
    runs = runs.dropna()[["signed", "error", "dice"]]
    signed = runs["signed"][list(HALVES)].T.rename(index=HALVES)
    apart = signed.loc["cross-entropy alone"] - signed.loc["Dice alone"]
    return {
        "signed": signed,
        "loss_halves_seeds": described.seeds_in_words(len(runs)),
        "loss_halves_apart": described.in_words(apart, digits=1, signed=False, unit="mm"),
    }
