"""Sections 1.3 and 1.4 of the note: the encoder's stages, and what separable convolutions save."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pandas as pd
from torch import nn

from fetalseg_book.audit.checks import PARTS, measured, stage_shape
from fetalseg_book.audit.from_files import on_hardware
from fetalseg_book.audit.record import Claim
from fetalseg_book.audit.stated import Between, Exactly, MapSize, Number
from fetalseg_book.audit.trace import trace_shapes
from fetalseg_lib.models.encoder import TAPS

STAGES, SEPARABLE = "1.3", "1.4"

_STAGES = {
    "enc0": (1, 32),
    "enc1": (2, 16),
    "enc2": (4, 24),
    "enc3": (8, 32),
    "enc4": (16, 96),
    "enc5": (32, 1280),
}


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield measured(
        STAGES,
        "resolutions of the encoder",
        "features at six spatial resolutions",
        value=Number("6", unit="resolutions"),
        how="count the different sizes of enc0 to enc5 in the trace",
        measure=lambda evidence: len({evidence.shapes.outputs[PARTS[stage]][1] for stage in _STAGES}),
    )
    for stage, (factor, channels) in _STAGES.items():
        size = f"H/{factor} × W/{factor}" if factor > 1 else "H × W"
        yield stage_shape(
            STAGES,
            stage,
            MapSize.hwc(256 // factor, 256 // factor, channels),
            f"{stage}: {channels} channels at {size}",
        )
    yield measured(
        STAGES,
        "channels of the tapped layers",
        "features[1, 3, 6, 13, 18] have 16, 24, 32, 96 and 1280 channels",
        value=Exactly((16, 24, 32, 96, 1280)),
        how="the widths of those layers in torchvision's own MobileNetV2",
        measure=lambda evidence: tuple(_last_conv(evidence.features[tap]).out_channels for tap in TAPS),
    )
    yield measured(
        SEPARABLE,
        "depthwise convolutions",
        "a depthwise convolution is one filter per channel, then a 1×1 convolution mixes them",
        value=Exactly(True),
        how="each 3×3 convolution of the encoder but the first: a group per channel, then a 1×1",
        measure=lambda evidence: _all_separable(evidence.model("proposed").encoder),
    )
    yield measured(
        SEPARABLE,
        "saving of a separable pair",
        "separable convolutions are 8 to 9 times cheaper than standard ones",
        value=Between(8, 9, "times"),
        how="multiplications of all depthwise and 1×1 pairs against dense 3×3 kernels of the same widths",
        measure=lambda evidence: _saving(separable_pairs(evidence.model("proposed").encoder)),
        why="k²·C_out / (k² + C_out) nears 9 for wide outputs; the early pairs, on large maps, are narrow.",
    )
    yield measured(
        SEPARABLE,
        "largest saving of a separable pair",
        "8 to 9 times, taken pair by pair: the best one",
        value=Between(8, 9, "times"),
        how="the same for each pair alone, and then the largest",
        measure=lambda evidence: separable_pairs(evidence.model("proposed").encoder)["saving"].max(),
    )
    yield measured(
        SEPARABLE,
        "smallest saving of a separable pair",
        "8 to 9 times, taken pair by pair: the worst one",
        value=Between(8, 9, "times"),
        how="the same for each pair alone, and then the smallest",
        measure=lambda evidence: separable_pairs(evidence.model("proposed").encoder)["saving"].min(),
    )
    yield on_hardware(SEPARABLE, "real-time inference", "suitable for real-time inference")


def separable_pairs(encoder: nn.Module) -> pd.DataFrame:
    """Each depthwise convolution with the 1×1 convolution behind it, at an image of 256×256.

    Columns: ``layer``, ``channels``, ``out_channels``, the multiplications ``separable`` and ``dense``
    (one 3×3 convolution of the same widths), and ``saving``, their ratio.
    """
    shapes = trace_shapes(encoder)
    convolutions = [
        (name, module) for name, module in encoder.named_modules() if isinstance(module, nn.Conv2d)
    ]
    rows = []
    for (name, depthwise), (_, pointwise) in itertools.pairwise(convolutions):
        if depthwise.groups == 1:
            continue
        channels, rows_out, columns_out = shapes.outputs[name]
        taps, positions = depthwise.kernel_size[0] * depthwise.kernel_size[1], rows_out * columns_out
        separable = positions * channels * (taps + pointwise.out_channels)
        dense = positions * channels * taps * pointwise.out_channels
        rows.append((name, channels, pointwise.out_channels, separable, dense, dense / separable))
    return pd.DataFrame(rows, columns=["layer", "channels", "out_channels", "separable", "dense", "saving"])


def _saving(pairs: pd.DataFrame) -> float:
    return float(pairs["dense"].sum() / pairs["separable"].sum())


def _all_separable(encoder: nn.Module) -> bool:
    convolutions = [module for module in encoder.modules() if isinstance(module, nn.Conv2d)]
    return all(
        spatial.groups == spatial.in_channels and mixing.kernel_size == (1, 1)
        for spatial, mixing in itertools.pairwise(convolutions[1:])
        if spatial.kernel_size == (3, 3)
    )


def _last_conv(layer: nn.Module) -> nn.Conv2d:
    return [module for module in layer.modules() if isinstance(module, nn.Conv2d)][-1]
