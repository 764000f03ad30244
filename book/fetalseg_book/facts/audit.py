"""The numbers of the audit's chapter: counts of verdicts, measured answers, and what the parts weigh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from fetalseg_book.audit import Verdict, all_claims, audit, count_verdicts
from fetalseg_book.dilation import dead_weights, live_taps
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import build_model

HEADLINES = {
    "dice": ("9.3", "gain over the U-Net"),
    "parameters": ("9.1", "parameters"),
    "trained": ("9.1", "trainable parameters"),
    "operations": ("9.2", "operations"),
    "aspp": ("2.3", "taps of rate 18 on the bottleneck's map"),
    "se": ("3.2.3", "what the gates suppress"),
    "residual": ("3.1", "need of the shortcut"),
    "frozen": ("8.4", "generalisation on limited data"),
    "weight": ("8.1", "w_pos of the masks"),
    "epochs": ("10", "measured gain in convergence"),
}
"""Section and quantity of each of the ten claims that matter, in the order of the page on the note."""

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
    "separable": ("1.4", "saving of a separable pair"),
    "identity": ("3.1", "blocks with an identity shortcut"),
    "floor": ("8.2", "lowest learning rate"),
    "ratio": ("8.1", "background to foreground"),
    "from_se": ("3.2.3", "gain from SE"),
    "from_shortcut": ("3.1", "need of the shortcut"),
    "from_freezing": ("8.4", "generalisation on limited data"),
    "convergence": ("8.4", "measured gain in convergence"),
}
"""Section and quantity of each claim whose measured answer the text names."""

_IN_POINTS = ("from_se", "from_shortcut", "from_freezing")


def facts(results: Path) -> dict[str, Any]:
    """Everything that the chapter says of the note's claims, with the audit made anew."""
    return of_audit(audit(results))


def of_audit(table: pd.DataFrame) -> dict[str, Any]:
    """The same from an audit that the chapter has made."""
    return _counts(table) | _measured(table) | _parts()


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
    found: dict[str, Any] = {"verdicts": of_claim["verdict"]}
    for name, key in MEASURED.items():
        found[name] = of_claim.loc[key, "measured"].split(" at ")[0]
    for name in _IN_POINTS:
        found[name] = in_points(found[name])
    found["as_written"] = gain_as_written(*of_claim.loc[HEADLINES["dice"], ["verdict", "measured"]])
    for name, key in HEADLINES.items():
        found[f"verdict_{name}"] = of_claim.loc[key, "verdict"]
    return found


def in_points(measured: str) -> str:
    """The points of Dice in a measured difference, with their interval, as a page writes them.

    >>> in_points("-0.60 [-0.76, +0.00] points, +0.41 [+0.28, +0.53] mm")
    '−0.60 [−0.76, +0.00] points'
    """
    return measured.split(" points")[0].replace("-", "−") + " points"


def gain_as_written(verdict: str, measured: str) -> str:
    """What is known of the note's lead over the U-Net by its own recipe, in a sentence.

    >>> gain_as_written("not tested as written", "")
    "Not tested as written yet: that takes both networks, trained by the note's own recipe."
    """
    if verdict == Verdict.NOT_AS_WRITTEN:
        return "Not tested as written yet: that takes both networks, trained by the note's own recipe."
    return f"By the note's own recipe, on our validation images: {measured.replace('-', '−')}."


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


def parameters_by_part(model: nn.Module, *, side: int = 8) -> pd.DataFrame:
    """Parameters of each part of the note's network, with the branches of its ASPP apart.

    The index names the parts; ``dead`` are weights that lie on padding at every position of a ``side`` ×
    ``side`` bottleneck, ``live`` all others.
    """
    paths = {
        "encoder (frozen)": "encoder",
        "initial convolution": "init_conv",
        "ASPP: 1×1": "bottleneck.pointwise",
        **{f"ASPP: rate {rate}": f"bottleneck.dilated.{k}" for k, rate in enumerate((6, 12, 18))},
        "ASPP: pooling": "bottleneck.pooling",
        "ASPP: projection": "bottleneck.projection",
        **{name: name for name in ("dec5", "dec4", "dec3", "dec2", "dec1", "head")},
    }
    rows = {}
    for name, path in paths.items():
        part = model.get_submodule(path)
        total = sum(parameter.numel() for parameter in part.parameters())
        convolutions = (layer for layer in part.modules() if isinstance(layer, nn.Conv2d))
        dead = sum(dead_weights(conv, side) for conv in convolutions if max(conv.dilation) > 1)
        rows[name] = {"live": total - dead, "dead": dead}
    return pd.DataFrame.from_dict(rows, orient="index")
