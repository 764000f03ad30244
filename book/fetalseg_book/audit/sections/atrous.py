"""Section 2.3 of the note: dilated kernels, their formula, and what an 8×8 map makes of them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn

from fetalseg_book.audit.checks import judged, measured, verdict_of
from fetalseg_book.audit.dilation import dead_weights, extent, live_taps
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.record import Claim, Finding
from fetalseg_book.audit.sections.aspp import the_aspp
from fetalseg_book.audit.sections.counts import field_of_rate
from fetalseg_book.audit.stated import Between, Exactly, Number

SECTION = "2.3"


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield measured(
        SECTION,
        "dilation is zeros between taps",
        "dilation inserts zeros between kernel elements",
        value=Exactly(True),
        how="a dilated kernel and the same kernel filled up with zeros, on noise",
        measure=lambda _: _zeros_between(6),
    )
    yield measured(
        SECTION,
        "weights of a dilated kernel",
        "dilation adds no parameters to a kernel",
        value=Exactly(True),
        how="weights of the built rate-6 convolution against a plain 3×3 of the same widths",
        measure=lambda evidence: (
            _dilated(evidence, 0).weight.numel() == nn.Conv2d(1280, 128, 3, bias=False).weight.numel()
        ),
    )
    yield measured(
        SECTION,
        "pixels that rate 6 reads",
        "rate 6: a receptive field of 13×13 = 169 pixels",
        value=Number("169", unit="pixels"),
        how="count the pixels with a gradient from one output position on a map of ample size",
        measure=lambda _: _pixels_read(6),
        why="It spans 169 and reads nine of them.",
    )
    yield measured(
        SECTION,
        "pixels that rate 1 reads",
        "a standard 3×3 kernel reads 9 pixels",
        value=Number("9", unit="pixels"),
        how="count the pixels with a gradient from one output position",
        measure=lambda _: _pixels_read(1),
    )
    yield measured(
        SECTION,
        "formula of the extent",
        "the extent is k + (k-1)(r-1)",
        value=Exactly(True),
        how="against the gradient's extent, for k = 3 and 5 and r = 1 to 8",
        measure=lambda _: all(
            extent(rate, kernel_size=k) == k + (k - 1) * (rate - 1) for k in (3, 5) for rate in range(1, 9)
        ),
    )
    yield field_of_rate(SECTION, 18, 37, "k = 3, r = 18: 3 + 2×17 = 37")
    for k, rate in enumerate((6, 12, 18)):
        yield _global_shape(k, rate)
    yield measured(
        SECTION,
        "head at the bottleneck",
        "the head is 60 to 80 pixels wide at 8×8 resolution",
        value=Between(60, 80, "px at most"),
        how="the side of the bottleneck's map in the trace: no head in it is wider",
        measure=lambda evidence: evidence.shapes.outputs["encoder.enc5"][1],
    )
    yield judged(
        SECTION,
        "parameters of the ASPP",
        "without adding extra layers or parameters",
        how="parameters of the built network less those of the variant with a 1×1 projection in its place",
        check=_added,
    )


def _global_shape(k: int, rate: int) -> Claim:
    return judged(
        SECTION,
        f"taps of rate {rate} on the bottleneck's map",
        f"rate {rate} sees the global shape of the skull",
        how="positions of the traced map where each of the nine taps reads data: most of them, in the mean?",
        check=lambda evidence: _sees(evidence, k, rate),
    )


def _sees(evidence: Evidence, k: int, rate: int) -> Finding:
    side, conv = evidence.shapes.outputs["encoder.enc5"][1], _dilated(evidence, k)
    taps, dead = live_taps(side, rate), dead_weights(conv, side)
    return Finding(
        verdict=verdict_of(taps >= 4.5),
        measured=f"{taps:.2f} of 9 taps on data, {dead:,} of {conv.weight.numel():,} weights dead",
        why="The rest lies on padding: "
        + ("a 1×1 convolution is left." if dead else "most of the kernel is idle."),
    )


def _added(evidence: Evidence) -> Finding:
    added = evidence.parameters("proposed")[0] - evidence.parameters("no_aspp")[0]
    return Finding(
        verdict=verdict_of(added <= 0),
        measured=f"{added:,} parameters more",
        why="No dilated kernel is larger than a plain one; three of them beside a 1×1 projection are.",
    )


def _zeros_between(rate: int) -> bool:
    generator = torch.Generator().manual_seed(0)
    image, kernel = (
        torch.randn(1, 1, 40, 40, generator=generator),
        torch.randn(1, 1, 3, 3, generator=generator),
    )
    filled = torch.zeros(1, 1, 2 * rate + 1, 2 * rate + 1)
    filled[..., ::rate, ::rate] = kernel
    return torch.allclose(F.conv2d(image, kernel, dilation=rate), F.conv2d(image, filled), atol=1e-5)


def _pixels_read(rate: int) -> int:
    image = torch.zeros(1, 1, 63, 63, requires_grad=True)
    F.conv2d(image, torch.ones(1, 1, 3, 3), dilation=rate, padding=rate)[0, 0, 31, 31].backward()  # type: ignore[no-untyped-call]
    assert image.grad is not None
    return int((image.grad != 0).sum())


def _dilated(evidence: Evidence, k: int) -> nn.Conv2d:
    return next(layer for layer in the_aspp(evidence).dilated[k].modules() if isinstance(layer, nn.Conv2d))
