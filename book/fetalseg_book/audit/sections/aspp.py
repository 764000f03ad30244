"""Section 2 of the note but 2.3: why there is an ASPP, how it is set up, and its normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from fetalseg_book.audit.checks import (
    channels_of,
    comes_out_of,
    goes_into,
    judged,
    measured,
    stage_shape,
    traced,
    verdict_of,
)
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import from_dataset
from fetalseg_book.audit.record import Claim, Finding, Verdict
from fetalseg_book.audit.sections.counts import field_of_rate
from fetalseg_book.audit.stated import Exactly, MapSize, Number
from fetalseg_book.audit.trace import receptive_field
from fetalseg_lib.evaluation.growth import HADLOCK_1984
from fetalseg_lib.models.aspp import ASPP, ImagePooling

WHY, SCALES, SETUP, NORM = "2", "2.1", "2.2", "2.4"
_RATES = (6, 12, 18)


def claims() -> Iterator[Claim]:
    """The claims of 2 to 2.2, in the order of the text."""
    yield from _purpose()
    yield from _setup()


def _purpose() -> Iterator[Claim]:
    yield judged(
        WHY,
        "receptive field before the ASPP",
        "the ASPP overcomes a limited receptive field",
        how="add up kernels and strides from the image to enc5, and to the U-Net's lowest stage",
        check=_before_aspp,
    )
    yield from_dataset(
        SCALES,
        "gestational ages",
        "heads of 14 to 40 weeks",
        how="HC18's smallest head against the average head at 14 weeks (Hadlock 1984), in SD",
        check=_ages,
    )
    yield from_dataset(
        SCALES,
        "range of zoom",
        "zoom and probe position vary the scale",
        how="the largest pixel size of HC18 over the smallest",
        check=lambda facts: Finding(
            verdict=verdict_of(facts["pixel_size_mm"]["max"] > 2 * facts["pixel_size_mm"]["min"]),
            measured=f"{facts['pixel_size_mm']['max'] / facts['pixel_size_mm']['min']:.1f} times",
            why="Zoom follows the head, so heads differ less in pixels than in mm.",
        ),
    )


def _setup() -> Iterator[Claim]:
    yield measured(
        SETUP,
        "branches of the ASPP",
        "four parallel pathways (and then lists five)",
        value=Number("4"),
        how="count the branches of the built module",
        measure=lambda evidence: 2 + len(the_aspp(evidence).dilated),
    )
    for rate, side in zip(_RATES, (13, 25, 37), strict=True):
        yield field_of_rate(SETUP, rate, side, f"rate {rate}: about {side}×{side} pixels")
    for name, module, channels in (
        ("1×1 branch", "pointwise", 128),
        *((f"rate-{rate} branch", f"dilated.{k}", 128) for k, rate in enumerate(_RATES)),
        ("pooling branch", "pooling", 256),
    ):
        yield traced(
            SETUP,
            f"channels of the {name}",
            f"the {name} gives {channels} channels",
            Number(str(channels), unit="channels"),
            channels_of(comes_out_of(f"bottleneck.{module}")),
        )
    yield traced(
        SETUP,
        "shape into the ASPP",
        "input: 1280 channels at 8×8",
        MapSize((1280, 8, 8)),
        goes_into("bottleneck"),
    )
    yield traced(
        SETUP,
        "shape of the concatenation",
        "after concatenation: 640 channels at 8×8",
        MapSize((640, 8, 8)),
        goes_into("bottleneck.projection"),
        why="4×128 + 256, by the same paragraph.",
    )
    yield stage_shape(SETUP, "bottleneck", MapSize((512, 8, 8)), "after projection: 512 channels at 8×8")


def regularisation_claims() -> Iterator[Claim]:
    """The claims of 2.4, in the order of the text."""
    yield measured(
        NORM,
        "dropout",
        "dropout p = 0.5 after the final 1×1 projection",
        value=Exactly(("ConvBNReLU", "Dropout(p=0.5)")),
        how="read the built projection, layer by layer",
        measure=lambda evidence: tuple(_layer_name(layer) for layer in the_aspp(evidence).projection),
    )
    yield measured(
        NORM,
        "norm of the pooling branch",
        "GroupNorm in the pooling branch",
        value=Exactly(("GroupNorm",)),
        how="read the built branch",
        measure=lambda evidence: tuple(
            type(layer).__name__
            for layer in the_aspp(evidence).pooling.modules()
            if "Norm" in type(layer).__name__
        ),
    )
    yield measured(
        NORM,
        "pooling branch and small batches",
        "GroupNorm is for stable training with small batches",
        value=Exactly((True, False)),
        how="train mode, a batch of one: does the branch run with GroupNorm, and does BatchNorm in its place",
        measure=lambda _: (_runs(ImagePooling(8, 32)), _runs(_with_batch_norm())),
    )


def _before_aspp(evidence: Evidence) -> Finding:
    unet = evidence.on_meta("unet")
    pooled = nn.Sequential()
    for stage in (unet.enc0, unet.enc1, unet.enc2, unet.enc3):
        pooled.extend([stage, nn.MaxPool2d(2)])
    ours, theirs = receptive_field(evidence.features), receptive_field(nn.Sequential(pooled, unet.bottleneck))
    return Finding(
        verdict=Verdict.CONTRADICTED if ours >= 256 else Verdict.CONFIRMED,
        measured=f"enc5 {ours} px, the U-Net's lowest stage {theirs} px, the image 256 px",
        why="In theory, at the centre: the encoder alone can already see more than the image.",
    )


def _ages(facts: Any) -> Finding:
    first, smallest = HADLOCK_1984.first_week, float(facts["hc_mm"]["min"])
    average, spread = HADLOCK_1984.mean_hc_mm(first), HADLOCK_1984.sd_hc_mm(first)
    return Finding(
        verdict=verdict_of(smallest >= average - 3 * spread),
        measured=f"smallest HC {smallest:.1f} mm; {average:.1f} ± {spread:.0f} mm at {first:g} weeks",
        why=f"That is {(average - smallest) / spread:.1f} SD below: a first-trimester head.",
    )


def the_aspp(evidence: Evidence) -> ASPP:
    """The bottleneck of the built network."""
    bottleneck = evidence.model("proposed").get_submodule("bottleneck")
    assert isinstance(bottleneck, ASPP)
    return bottleneck


def _layer_name(layer: nn.Module) -> str:
    return f"Dropout(p={layer.p})" if isinstance(layer, nn.Dropout) else type(layer).__name__


def _with_batch_norm() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 32, 1, bias=False), nn.BatchNorm2d(32))


def _runs(branch: nn.Module) -> bool:
    try:
        branch.train()(torch.rand(1, 8, 4, 4))
    except ValueError:  # "Expected more than 1 value per channel when training"
        return False
    return True
