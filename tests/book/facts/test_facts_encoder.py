"""What the chapter on the encoder says of the results is so, sentence by sentence."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from sentences import RESULTS, said

from fetalseg_book.facts.encoder import facts
from fetalseg_lib.models.encoder import MobileNetV2Encoder
from fetalseg_lib.models.weights import resolve_encoder_weights

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


def within_seeds(found: Found, variant: str) -> bool:
    change = found["changes"][variant]
    return all(change[name].abs().max() < found["own"][name] for name in ("dice", "error"))


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    (
        "over three seeds its Dice differs by",
        lambda found: len(found["changes"]["stem_mean"]) == 3,
    ),
    (
        "less than two seeds of the note's network can differ by themselves",
        lambda found: within_seeds(found, "stem_mean"),
    ),
    (
        "over three seeds frozen_bn_drift differs by",
        lambda found: len(found["changes"]["frozen_bn_drift"]) == 3,
    ),
    (
        "less than two seeds of the note's network can differ. Still",
        lambda found: within_seeds(found, "frozen_bn_drift"),
    ),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("encoder", sentence)
    assert holds(found)


def test_a_frozen_encoder_stays_as_it_is_and_a_drifting_one_does_not() -> None:
    assert said(
        "encoder",
        "The frozen encoder is bit for bit what it was. In the drifting one the weights are what they were",
    )
    changed = {}
    for training in ("frozen", "frozen_bn_drift"):
        weights = resolve_encoder_weights("random")
        chosen = weights if training == "frozen" else weights.for_training()
        encoder = MobileNetV2Encoder(chosen, training=training)
        before = copy.deepcopy(encoder.state_dict())
        encoder.train()
        encoder(torch.rand(2, 1, 64, 64))
        now = encoder.state_dict()
        changed[training] = {name.split(".")[-1] for name in now if not torch.equal(now[name], before[name])}
    assert changed["frozen"] == set()
    assert changed["frozen_bn_drift"] == {"running_mean", "running_var", "num_batches_tracked"}
