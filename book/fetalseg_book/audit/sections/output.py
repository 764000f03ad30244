"""What the network ends with, and what the loss makes of it: section 6 of the note."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from fetalseg_book.audit.checks import comes_out_of, goes_into, measured, traced
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.record import Claim
from fetalseg_book.audit.stated import Exactly, MapSize

SECTION = "6"


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield traced(
        SECTION,
        "shape into the head",
        "the head takes [B, 32, 256, 256]",
        MapSize((32, 256, 256)),
        goes_into("head"),
    )
    yield traced(
        SECTION,
        "shape of output",
        "the head gives [B, 1, 256, 256]",
        MapSize((1, 256, 256)),
        comes_out_of("head"),
    )
    yield measured(
        SECTION,
        "kernel of the head",
        "the head is a 1×1 convolution",
        value=Exactly((1, 1)),
        how="read the built layer",
        measure=lambda evidence: evidence.model("proposed").head.kernel_size,
    )
    yield ends_with(SECTION, "in training the network gives raw logits", "logits")
    yield measured(
        SECTION,
        "where the sigmoid is",
        "BCEWithLogitsLoss applies the sigmoid itself",
        value=Exactly(True),
        how="compare it on random logits with a sigmoid followed by plain cross-entropy",
        measure=lambda _: _same_as_sigmoid_first(),
    )
    yield measured(
        SECTION,
        "stable at large logits",
        "it does so for numerical stability",
        value=Exactly(True),
        how="the loss of a logit of 120 against a mask of 0 must be 120; after a float32 sigmoid it is lost",
        measure=lambda _: _stable(),
    )


def ends_with(section: str, says: str, value: str) -> Claim:
    """A claim of the kind of numbers that the network gives; the note makes two that exclude each other."""
    return measured(
        section,
        "end of the network",
        says,
        value=Exactly(value),
        how="noise through the built network with its last bias at -9: does the output fall below zero",
        measure=_end,
        why="A sigmoid in the network and another in the loss would be one too many.",
    )


def _end(evidence: Evidence) -> str:
    model = copy.deepcopy(evidence.model("proposed")).eval()
    with torch.no_grad():
        model.head.bias.fill_(-9)  # logits follow the bias below zero, probabilities cannot
        output = model(torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)))
    return "logits" if bool((output < 0).any()) else "sigmoid"


def _same_as_sigmoid_first() -> bool:
    generator = torch.Generator().manual_seed(0)
    logits, mask = (
        torch.randn(2, 1, 8, 8, generator=generator),
        torch.rand(2, 1, 8, 8, generator=generator).round(),
    )
    with_logits = F.binary_cross_entropy_with_logits(logits, mask)
    return bool(torch.isclose(with_logits, F.binary_cross_entropy(logits.sigmoid(), mask)))


def _stable() -> bool:
    logit, mask = torch.tensor([120.0]), torch.zeros(1)
    naive = -torch.log(1 - logit.sigmoid())
    return F.binary_cross_entropy_with_logits(logit, mask).item() == 120 and not bool(naive.isfinite())
