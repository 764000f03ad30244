"""The note's opening, a brief for a figure: decoder, output, drawing rules and the block of dimensions."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.audit.checks import (
    PARTS,
    channels_of,
    comes_out_of,
    goes_into,
    measured,
    stage_shape,
    traced,
)
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.record import Claim
from fetalseg_book.audit.sections import counts
from fetalseg_book.audit.sections.counts import ALL, FROZEN, TRAINABLE
from fetalseg_book.audit.sections.output import ends_with
from fetalseg_book.audit.stated import Exactly, MapSize

DECODER, OUTPUT, DRAWING, REFERENCE = (
    "Brief: decoder",
    "Brief: output",
    "Brief: drawing",
    "Brief: dimensions",
)

# stage: upsampled to (side, channels), the skip as it arrives (side, channels), joined, given
_DECODER = {
    "dec5": ((16, 256), (8, 96), 352, 256),
    "dec4": ((32, 128), (16, 32), 160, 128),
    "dec3": ((64, 64), (32, 24), 88, 64),
    "dec2": ((128, 32), (64, 16), 48, 32),
    "dec1": ((256, 32), (128, 32), 64, 32),
}
_DIMENSIONS = {
    "enc0": (128, 32),
    "enc1": (64, 16),
    "enc2": (32, 24),
    "enc3": (16, 32),
    "enc4": (8, 96),
    "enc5": (8, 1280),
    "bottleneck": (8, 512),
    "dec5": (16, 256),
    "dec4": (32, 128),
    "dec3": (64, 64),
    "dec2": (128, 32),
    "dec1": (256, 32),
    "output": (256, 1),
}


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    for stage in _DECODER:
        yield from _stage(stage)
    yield from _attention()
    yield stage_shape(OUTPUT, "output", MapSize.hwc(256, 256, 1))
    yield ends_with(OUTPUT, "the last box is a 1×1 convolution and a sigmoid", "sigmoid")
    yield from _drawing()
    yield from _dimensions()


def _stage(stage: str) -> Iterator[Claim]:
    (side, channels), (skip_side, skip), joined, given = _DECODER[stage]
    up, skip_size = MapSize.hwc(side, side, channels), MapSize.hwc(skip_side, skip_side, skip)
    concat = MapSize.hwc(side, side, joined)
    yield traced(
        DECODER,
        f"shape of {stage}'s upsampling",
        f"{stage} upsamples to {up.show(up.value)}",
        up,
        comes_out_of(f"{stage}.up"),
    )
    yield traced(
        DECODER,
        f"shape of {stage}'s skip",
        f"the skip into {stage} is {skip_size.show(skip_size.value)}",
        skip_size,
        comes_out_of(f"{stage}.skip_se"),
        why="Maps of different sizes cannot be concatenated.",
    )
    yield traced(
        DECODER,
        f"shape of {stage}'s concatenation",
        f"{stage} joins {channels} + {skip} channels to {concat.show(concat.value)}",
        concat,
        goes_into(f"{stage}.block"),
    )
    yield stage_shape(DECODER, stage, MapSize.hwc(side, side, given))


def _attention() -> Iterator[Claim]:
    yield measured(
        DECODER,
        "SE layers on dec5's skip",
        "SE on the skip into dec5: FC(6), then FC(96)",
        value=Exactly((6, 96)),
        how="read the widths of the built layers",
        measure=lambda evidence: _widths(evidence, "skip_se"),
    )
    yield measured(
        DECODER,
        "SE layers in dec5's block",
        "SE in dec5's block: FC(16), then FC(256)",
        value=Exactly((16, 256)),
        how="read the widths of the built layers",
        measure=lambda evidence: _widths(evidence, "block.se"),
    )


def _drawing() -> Iterator[Claim]:
    yield measured(
        DRAWING,
        "encoder channels never fall",
        "encoder boxes have more channels the further down",
        value=Exactly(True),
        how="compare the traced channels of enc0 to enc5, stage by stage",
        measure=lambda evidence: _never_falls([_channels(evidence, f"enc{k}") for k in range(6)]),
        why="enc0 is wider than enc1.",
    )
    yield measured(
        DRAWING,
        "decoder channels never rise",
        "decoder boxes have fewer channels the further up",
        value=Exactly(True),
        how="compare the traced channels of dec5 to dec1, stage by stage",
        measure=lambda evidence: _never_falls([_channels(evidence, f"dec{k}") for k in range(1, 6)]),
    )


def _dimensions() -> Iterator[Claim]:
    for stage, (side, channels) in _DIMENSIONS.items():
        yield stage_shape(REFERENCE, stage, MapSize.hwc(side, side, channels))
    for quantity, millions in ((ALL, "4.8"), (TRAINABLE, "1.2"), (FROZEN, "3.6")):
        yield counts.parameters(REFERENCE, quantity, millions)
    yield counts.share(REFERENCE, TRAINABLE, "25")
    yield counts.share(REFERENCE, FROZEN, "75")


def _widths(evidence: Evidence, block: str) -> tuple[int, int]:
    se = evidence.model("proposed").dec5.get_submodule(block)
    return se.squeeze.out_features, se.excite.out_features


def _channels(evidence: Evidence, stage: str) -> int:
    return channels_of(comes_out_of(PARTS[stage]))(evidence)


def _never_falls(values: list[int]) -> bool:
    return values == sorted(values)
