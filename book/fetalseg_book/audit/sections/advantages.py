"""Section 10 of the note, where it adds a number to what was said before."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from fetalseg_book.audit.checks import judged, measured, verdict_of
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import better, on_hardware
from fetalseg_book.audit.record import Claim, Finding
from fetalseg_book.audit.sections import counts
from fetalseg_book.audit.sections.encoder import separable_pairs
from fetalseg_book.audit.sections.freezing import faster
from fetalseg_book.audit.stated import Between, Exactly, Number
from fetalseg_lib.models.aspp import ImagePooling

SECTION = "10"


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield measured(
        SECTION,
        "saved by freezing",
        "the frozen encoder reduces trainable parameters by 85 %",
        value=Number("85", 0.01, "%"),
        how="trainable parameters with the encoder frozen and trained along, built and counted",
        measure=lambda evidence: 1 - evidence.parameters()[1] / evidence.parameters("trainable_encoder")[1],
        why="85 % is the comparison with the U-Net; 1.1 says 75 %, 8.4 gives 65 %.",
    )
    yield faster(SECTION, "50 epochs instead of 100", Between(2, 2, "times"))
    yield counts.frozen_encoder_saves_memory(SECTION)
    yield measured(
        SECTION,
        "dilation rates",
        "dilation rates 6, 12 and 18",
        value=Exactly((6, 12, 18)),
        how="read the built layers",
        measure=_rates,
    )
    yield better(
        SECTION, "gain from the ASPP", "the ASPP handles varying head sizes", one="proposed", other="no_aspp"
    )
    yield measured(
        SECTION,
        "pooling branch sees the image",
        "global pooling gives image-level context",
        value=Exactly(True),
        how="change one corner of a map: does the pooling branch answer in the opposite corner",
        measure=lambda _: _reaches_across(),
    )
    yield counts.float32_size(SECTION, "13")
    yield on_hardware(SECTION, "inference time", "18 ms an image", value=Number("18", unit="ms"))
    yield judged(
        SECTION,
        "saving by separable convolutions",
        "depthwise separable convolutions reduce the computational cost",
        how="operations of the built network, and with a dense 3×3 kernel for each separable pair",
        check=_cheaper,
    )


def _rates(evidence: Evidence) -> tuple[int, ...]:
    return tuple(branch[0].dilation[0] for branch in evidence.model("proposed").bottleneck.dilated)


def _cheaper(evidence: Evidence) -> Finding:
    pairs, flops = separable_pairs(evidence.on_meta("proposed").encoder), evidence.flops()
    total = float(flops["flops"].sum())
    dense = 2 * float((pairs["dense"] - pairs["separable"]).sum())
    plain = flops.loc[flops["operation"] == "3×3 convolution", "flops"].sum() / total
    return Finding(
        verdict=verdict_of(dense > 0),
        measured=f"{total / 1e9:.2f} GFLOP instead of {(total + dense) / 1e9:.2f}",
        why=f"Still {100 * plain:.0f} % of them are plain 3×3 convolutions, nearly all in the decoder.",
    )


def _reaches_across() -> bool:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        branch, features = ImagePooling(8, 32).eval(), torch.rand(1, 8, 8, 8)
        before = branch(features)[0, :, -1, -1].clone()
        features[0, :4, 0, 0] += 10
        return not torch.allclose(before, branch(features)[0, :, -1, -1])
