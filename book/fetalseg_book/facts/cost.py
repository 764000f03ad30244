"""What a network costs: parameters, operations, memory, and the speed of training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from fetalseg_book.audit import all_claims
from fetalseg_book.complexity import count_flops, flops_by, parameters_by_stage
from fetalseg_book.facts.core import FREED, MEASURES, PROPOSED
from fetalseg_book.figures.paired import paired, told
from fetalseg_book.studies.costs import table
from fetalseg_book.trace import trace, written
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import build_model
from fetalseg_lib.study.records import read_json

SIDE = 256
COMPARED = ("unet", "mobilenet_unet", PROPOSED, FREED)
SECTIONS = {"the note": ("1.3", "5.1", "5.2", "6"), "the brief": ("Brief: dimensions",)}


def facts(results: Path) -> dict[str, Any]:
    """All numbers of the chapter that no machine decides here and now."""
    network = build_model(PROPOSED, encoder_weights="random").eval()
    flops = count_flops(network, image_size=(SIDE, SIDE))
    shaped, costs = shapes(network), stage_costs(network, flops)
    return {
        "shapes": shaped,
        "costs": costs,
        "at_size": bench(results)["training"][str(SIDE)],
        **dict(_shapes(shaped)),
        **dict(_parameters(network)),
        **dict(_operations(flops)),
        **dict(_stages(costs)),
        **dict(_together()),
        **dict(_card(read_json(results / "hardware" / "accelerator.json"))),
        **dict(_training(results)),
        **dict(_precision(results)),
    }


def shapes(network: Any) -> pd.DataFrame:
    """The shape of each stage's output as built, and as the note and its brief state it."""
    calls, stages = trace(network, size=(SIDE, SIDE)).calls, network.stages()
    found = {"built": {name: written(calls[name].output) for name in stages}}
    for column, names in SECTIONS.items():
        claims: Any = {claim.quantity: claim.value for claim in all_claims() if claim.section in names}
        found[column] = {
            name: claims[f"shape of {'output' if name == 'head' else name}"].value for name in stages
        }
    return pd.DataFrame(found)


def wrong_shapes(table: pd.DataFrame, column: str) -> list[str]:
    """The stages whose stated shape is not the one that is built."""
    return table.index[table[column] != table["built"]].tolist()


def _shapes(table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    brief = wrong_shapes(table, "the brief")
    yield "cost_stages", str(len(table))
    yield "cost_brief_wrong", str(len(brief))
    yield "cost_brief_names", f"{brief[0]} to {brief[-1]}"


def _parameters(network: Any) -> Iterator[tuple[str, str]]:
    total, trainable = count_parameters(network)
    unet, _ = count_parameters(build_model("unet"))
    released, released_trainable = count_parameters(build_model("as_released", encoder_weights="random"))
    claims: Any = {claim.key: claim.value for claim in all_claims()}
    yield "cost_total", f"{total / 1e6:.1f} million"
    yield "cost_trainable", f"{trainable / 1e6:.1f} million"
    yield "cost_unet", f"{unet / 1e6:.1f} million"
    yield "cost_note_total", claims["9.1 | parameters"].text
    yield "cost_note_trainable", claims["9.1 | trainable parameters"].text
    yield "cost_released", f"{released:,}"
    yield "cost_released_trainable", f"{released_trainable:,}"


def _operations(flops: Any) -> Iterator[tuple[str, str]]:
    of_encoder = flops["layer"].str.startswith("encoder")
    encoder = int(flops.loc[of_encoder, "flops"].sum())
    dec1 = int(flops.set_index("layer").loc["dec1.block.convs.0.0", "flops"])
    kinds: Any = flops_by(flops, "operation").set_index("operation")
    yield "cost_encoder_layers", str(int(of_encoder.sum()))
    yield "cost_dec1_encoder", f"{dec1 / encoder:.1f}"
    yield "cost_encoder_share", f"{100 * encoder / kinds['flops'].sum():.1f} %"
    yield "cost_depthwise", f"{100 * kinds.loc['depthwise convolution', 'share']:.1f} %"
    yield "cost_plain", f"{100 * kinds.loc['3×3 convolution', 'share']:.0f} %"


def stage_costs(network: Any, flops: pd.DataFrame) -> pd.DataFrame:
    """Parameters, operations and values given out, of each stage."""
    calls = trace(network, size=(SIDE, SIDE)).calls
    given = {name: torch.Size(calls[name].output).numel() for name in network.stages()}
    return pd.DataFrame(
        {
            "parameters": parameters_by_stage(network).set_index("stage")["parameters"],
            "operations": flops_by(flops, "stage").set_index("stage")["flops"],
            "output values": given,
        }
    )


def _stages(costs: pd.DataFrame) -> Iterator[tuple[str, str]]:
    shares: Any = costs / costs.sum()
    top = shares.idxmax()
    yield "cost_top_parameters", str(top["parameters"])
    yield "cost_top_operations", str(top["operations"])
    for what in ("parameters", "operations"):
        yield f"cost_one_{what}", f"{100 * shares.loc[top['parameters'], what]:.1f} %"
        yield f"cost_other_{what}", f"{100 * shares.loc[top['operations'], what]:.1f} %"


def _together() -> Iterator[tuple[str, str]]:
    found = table(list(COMPARED), image_size=(SIDE, SIDE)).set_index("variant")
    own, unet, freed = (found.loc[name] for name in (PROPOSED, "unet", FREED))
    yield "cost_saved", f"{100 * (1 - own['training_mb'] / freed['training_mb']):.0f} %"
    yield "cost_inference_ratio", f"{own['inference_mb'] / unet['inference_mb']:.2f}"
    yield "cost_batch", f"{16 * own['training_mb'] / 1000:.1f} GB"
    yield "cost_flops_ratio", f"{own['gflops'] / unet['gflops']:.2f}"
    yield "cost_flops_times", f"{unet['gflops'] / own['gflops']:.1f}"


def _card(card: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same costs on a graphics card."""
    variants = card["variants"]
    yield "cost_card", card["environment"]["gpu"]
    for name, variant in (("frozen", PROPOSED), ("trained", FREED)):
        yield f"cost_card_{name}", f"{variants[variant]['plain']['peak_mib'] / 1024:.1f} GiB"
        yield f"cost_card_{name}_half", f"{variants[variant]['library']['peak_mib'] / 1024:.1f}"
    steps = {name: found["library"]["graph_step_ms"] for name, found in variants.items()}
    yield "cost_card_step", f"{steps[PROPOSED] / steps['unet']:.2f}"


def bench(results: Path, name: str = "training") -> dict[str, Any]:
    """The speed of training on one processor; ``training_float32`` is as an older one does it."""
    found: dict[str, Any] = read_json(results / "hardware" / f"{name}.json")
    return found


def _training(results: Path) -> Iterator[tuple[str, str]]:
    found = bench(results)
    at_size = found["training"][str(SIDE)]
    beginner = at_size["proposed_to_beginner"]
    older = bench(results, "training_float32")["training"][str(SIDE)]["proposed_to_beginner"]
    yield "cost_train_beginner", f"{beginner['median']:.2f}"
    yield "cost_train_beginner_range", f"{beginner['lower_quartile']:.2f} to {beginner['upper_quartile']:.2f}"
    yield "cost_train_beginner_older", f"{older['median']:.2f}"
    for name, row in at_size["per_flop_to_peer"].items():
        yield f"cost_train_per_flop_{name}", f"{row['median']:.2f}"
    yield "cost_train_precision", found["precision"]


def bfloat16(results: Path) -> dict[str, pd.Series[Any]]:
    """What training in bfloat16 changes against float32."""
    return {
        metric: paired(results, (PROPOSED, "published"), (PROPOSED, "float32"), metric) for metric in MEASURES
    }


def _precision(results: Path) -> Iterator[tuple[str, str]]:
    dice, error = bfloat16(results).values()
    yield "cost_float32_dice", told(dice, 100)
    yield "cost_float32_error", told(error)
