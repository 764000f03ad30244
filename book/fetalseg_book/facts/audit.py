"""The numbers of the audit's chapter: counts of verdicts, measured answers, and what the parts weigh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from fetalseg_book.audit import Evidence, all_claims, audit, count_verdicts
from fetalseg_book.audit.dilation import live_taps, parameters_by_part
from fetalseg_book.facts import audit_trained
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import build_model
from fetalseg_lib.models.encoder import MobileNetV2Encoder
from fetalseg_lib.models.weights import resolve_encoder_weights

MEASURED = {
    "batch_training": ("9.2", "training memory at batch 16"),
    "batch_inference": ("9.2", "inference memory at batch 16"),
    "flops": ("9.2", "operations"),
    "multiply_adds": ("9.2", "multiply-adds"),
    "size": ("9.1", "float32 size"),
    "against_unet": ("9.3", "parameters against the U-Net's"),
    "frames": ("9.2", "frames per second"),
    "speed": ("9.3", "gain in speed"),
    "epochs_gain": ("8.4", "gain in convergence"),
    "half": ("9.1", "float16 is half of float32"),
    "dice_share": ("8.1", "emphasis of the loss"),
    "field": ("2", "receptive field before the ASPP"),
    "separable": ("1.4", "saving of a separable pair"),
    "identity": ("3.1", "blocks with an identity shortcut"),
    "floor": ("8.2", "lowest learning rate"),
    "ratio": ("8.1", "background to foreground"),
    "over_unet": ("9.3", "gain over the U-Net"),
    "from_aspp": ("10", "gain from the ASPP"),
    "from_se": ("3.2.3", "gain from SE"),
    "from_shortcut": ("3.1", "need of the shortcut"),
    "from_freezing": ("8.4", "generalisation on limited data"),
    "from_imagenet": ("1.1", "transfer to ultrasound"),
    "convergence": ("8.4", "measured gain in convergence"),
    "stops": ("8.3", "epochs until early stopping"),
    "best_in": ("1.1", "epochs to converge"),
    "saved": ("1.1", "epochs saved by pre-learned features"),
    "trained_best_in": ("8.4", "epochs of the trained encoder"),
    "dice_unet": ("9.3", "validation Dice of unet"),
    "dice_proposed": ("9.3", "validation Dice of proposed"),
    "from_learned_up": ("5.1", "gain from learned upsampling"),
}
"""Section and quantity of each claim whose measured answer the text names."""


def facts(results: Path) -> dict[str, Any]:
    """Everything that the chapter says of the note's claims, with the audit made anew."""
    return of_audit(audit(results), Evidence(results), results)


def of_audit(table: pd.DataFrame, evidence: Evidence, results: Path) -> dict[str, Any]:
    """The same from an audit that the chapter has made: its table of claims, and the evidence behind it."""
    trained = audit_trained.facts(evidence, results)
    return _counts(table) | _measured(table) | _parts() | trained


def _counts(table: pd.DataFrame) -> dict[str, Any]:
    counted = count_verdicts(table)
    undecided = int(((table["verdict"] == "not testable") & (table["measured"] != "")).sum())
    counts = {verdict.replace(" ", "_"): count for verdict, count in counted.items()}
    counts |= {
        "claims": len(table),
        "wrong": counted["contradicted"] + counted["contradicts itself"],
        "self_denied": int((table["denied_by"] != "").sum()),
        "undecided": undecided,
        "not_to_be_asked": counted["not testable"] - undecided,
    }
    return {name: str(count) for name, count in counts.items()}


def _measured(table: pd.DataFrame) -> dict[str, Any]:
    of_claim: Any = table.set_index(["section", "quantity"])
    said: dict[str, Any] = {claim.key: claim.value for claim in all_claims() if claim.value}
    found: dict[str, Any] = {"verdicts": of_claim["verdict"]}
    for name, key in MEASURED.items():
        found[name] = of_claim.loc[key, "measured"].split(" at ")[0]
    for variant in ("unet", "proposed"):
        found[f"said_{variant}"] = f"{said[f'9.3 | validation Dice of {variant}'].text} %"
    return found


def _parts() -> dict[str, Any]:
    """What the network's parts weigh, and how often the note gives either of its totals."""
    network = build_model("proposed", encoder_weights="random")
    parts, (total, trainable) = parameters_by_part(network), count_parameters(network)
    stated = [claim.value for claim in all_claims() if claim.quantity == "parameters" and claim.value]
    dead, dilated, decoder = (
        int(of.to_numpy().sum())
        for of in (parts["dead"], parts.filter(like="ASPP: rate", axis=0), parts.filter(regex="^dec", axis=0))
    )
    return {
        "parts": parts,
        "dead": f"{dead:,}",
        "dead_share": f"{100 * dead / trainable:.0f} %",
        "dilated": f"{dilated / 1e6:.2f}",
        "decoder": f"{decoder / 1e6:.1f}",
        "live_6": f"{live_taps(8, 6):.2f}",
        "total": f"{total:,}",
        "trainable": f"{trainable:,}",
        "times_48": str(sum(value.agrees(4_800_000) for value in stated)),
        "times_34": str(sum(value.agrees(3_403_809) for value in stated)),
    }


def stem_responses(images: Tensor) -> pd.DataFrame:
    """Contrast and active share of each channel behind the first BatchNorm, with either stem.

    ``images`` are ``B 1 H W`` in [0, 1]; columns ``contrast_sum, active_sum, contrast_mean, active_mean``.
    """
    with torch.random.fork_rng(devices=[]):  # whatever was drawn before
        torch.manual_seed(0)
        weights = resolve_encoder_weights("random")
    channels: dict[str, Any] = {}
    for stem in ("sum", "mean"):
        convolution, batch_norm, *_ = MobileNetV2Encoder(weights, stem=stem).enc1[0].children()
        with torch.inference_mode():
            normalised = batch_norm(convolution(images))
        channels[f"contrast_{stem}"] = normalised.std(dim=(0, 2, 3)).numpy()
        channels[f"active_{stem}"] = (normalised > 0).float().mean(dim=(0, 2, 3)).numpy()
    return pd.DataFrame(channels)
