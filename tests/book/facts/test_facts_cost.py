"""The sentences of the chapter on costs, each with what it rests on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sentences import includes_zero, said
from torch.utils.flop_counter import FlopCounterMode

from fetalseg_book.complexity import count_flops
from fetalseg_book.facts import cost
from fetalseg_book.facts.core import FREED, PROPOSED
from fetalseg_book.facts.cost import SIDE, bench, wrong_shapes
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import build_model
from fetalseg_lib.study.records import read_json

RESULTS = Path(__file__).parents[3] / "results"
Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    given = cost.facts(RESULTS)
    network = build_model(PROPOSED, encoder_weights="random").eval()
    return given | {
        "network": network,
        "flops": count_flops(network, image_size=(SIDE, SIDE)),
        "card_file": read_json(RESULTS / "hardware" / "accelerator.json"),
        "bench": bench(RESULTS),
        "older": bench(RESULTS, "training_float32"),
    }


def dec1_by_hand(found: Found) -> bool:
    layers = found["flops"].set_index("layer")
    return layers.loc["dec1.block.convs.0.0", "flops"] == 2 * (3 * 3 * 64 * 32) * SIDE**2


def as_torch_counts(found: Found) -> bool:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        found["network"](torch.rand(1, 1, SIDE, SIDE))
    return counter.get_total_flops() == found["flops"]["flops"].sum()


def step_on_the_card(found: Found) -> bool:
    steps = {name: row["library"]["graph_step_ms"] for name, row in found["card_file"]["variants"].items()}
    batch = (found["card_file"]["image_size"], found["card_file"]["batch_size"]) == ([SIDE, SIDE], 16)
    return batch and steps[PROPOSED] > steps["unet"]


def none_reaches_it(found: Found) -> bool:
    return max(row["median"] for row in found["at_size"]["share_of_matrix_product"].values()) < 1


def told_to_do_without(found: Found) -> bool:
    older, newer = found["older"], found["bench"]
    kinds = (newer["precision"], older["precision"]) == ("bfloat16", "float32")
    both_old = older["cpu_capability"] == older["onednn_max_cpu_isa"] == "AVX2"
    return kinds and both_old and older["processor"] == newer["processor"]


def per_operation(found: Found) -> bool:
    ratio = {name: row["median"] for name, row in found["at_size"]["per_flop_to_peer"].items()}
    return ratio["unet"] > 1 > ratio[FREED] > ratio[PROPOSED]


CHECKS: list[tuple[str, Callable[[Found], Any]]] = [
    ("The sections agree with the built network in all", lambda f: not wrong_shapes(f["shapes"], "the note")),
    (
        "has exactly as many",
        lambda _: (
            count_parameters(build_model("as_released", encoder_weights="random")) == (25_253_893, 23_030_597)
        ),
    ),
    ("at every one of the 256×256 positions", dec1_by_hand),
    ("Both must agree, to the last operation", as_torch_counts),
    ("a training step of `proposed`, with its frozen encoder", step_on_the_card),
    ("None reaches it.", none_reaches_it),
    ("Per operation, the plain U-Net is", per_operation),
    ("On the same processor without bfloat16 and newer instructions", told_to_do_without),
    ("both intervals include zero", lambda _: all(map(includes_zero, cost.bfloat16(RESULTS).values()))),
]


@pytest.mark.parametrize(("sentence", "check"), CHECKS, ids=[sentence[:50] for sentence, _ in CHECKS])
def test_sentence_is_said_and_holds(found: Found, sentence: str, check: Callable[[Found], Any]) -> None:
    assert said("cost", sentence)
    assert check(found)
