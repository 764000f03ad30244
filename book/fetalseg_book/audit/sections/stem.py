"""Section 1.2 of the note: three colour kernels become a grey one."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn

from fetalseg_book.audit.checks import measured
from fetalseg_book.audit.record import Claim
from fetalseg_book.audit.stated import Exactly, Number

SECTION = "1.2"


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield measured(
        SECTION,
        "original first convolution",
        "originally Conv2d(3, 32, kernel 3, stride 2)",
        value=Exactly((3, 32, 3, 2)),
        how="read it in torchvision's MobileNetV2",
        measure=lambda evidence: _geometry(next(evidence.features[0].children())),
    )
    yield measured(
        SECTION,
        "grey first convolution",
        "modified to Conv2d(1, 32, kernel 3, stride 2)",
        value=Exactly((1, 32, 3, 2)),
        how="read it in the built encoder",
        measure=lambda evidence: _geometry(evidence.model("proposed").encoder.enc1[0][0]),
    )
    yield measured(
        SECTION,
        "response of the averaged stem",
        "averaging the colour kernels preserves the learned edge detection",
        value=Number("1.00", unit="of the colour network's response"),
        how="a grey image through averaged kernels, and in three equal channels through the colour kernels",
        measure=lambda _: stem_ratio(),
        why="The patterns stay, a third of the contrast arrives, and the frozen BatchNorm expects all of it.",
    )


def stem_ratio() -> float:
    """Response of averaged kernels to a grey image, as a share of what the colour kernels answer.

    >>> round(stem_ratio(), 6)
    0.333333
    """
    generator = torch.Generator().manual_seed(0)
    kernels = torch.randn(32, 3, 3, 3, generator=generator)  # red, green, blue
    grey = torch.rand(1, 1, 32, 32, generator=generator)
    averaged = F.conv2d(grey, kernels.mean(dim=1, keepdim=True))
    whole = F.conv2d(grey.expand(-1, 3, -1, -1), kernels)
    return float((averaged * whole).sum() / whole.square().sum())


def _geometry(conv: nn.Module) -> tuple[int, int, int, int]:
    assert isinstance(conv, nn.Conv2d)
    return conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.stride[0]
