"""The note's opening, a brief for a figure: layout, encoder and bottleneck."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fetalseg_book.audit.checks import comes_out_of, goes_into, measured, stage_shape, traced
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.record import Claim
from fetalseg_book.audit.sections.counts import field_of_rate
from fetalseg_book.audit.stated import Exactly, MapSize, Number
from fetalseg_lib.models.encoder import TAPS

LAYOUT, ENCODER, BOTTLENECK = "Brief: layout", "Brief: encoder", "Brief: bottleneck"

_STAGES = {
    "enc0": MapSize.hwc(128, 128, 32),
    "enc1": MapSize.hwc(64, 64, 16),
    "enc2": MapSize.hwc(32, 32, 24),
    "enc3": MapSize.hwc(16, 16, 32),
    "enc4": MapSize.hwc(8, 8, 96),
    "enc5": MapSize.hwc(8, 8, 1280),
}
_BOX_INPUTS = (32, 16, 24, 32, 96)
_BRANCHES = (
    ("1×1 branch", "bottleneck.pointwise", 128),
    ("rate-6 branch", "bottleneck.dilated.0", 128),
    ("rate-12 branch", "bottleneck.dilated.1", 128),
    ("rate-18 branch", "bottleneck.dilated.2", 128),
    ("pooling branch", "bottleneck.pooling", 256),
)


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield from _layout()
    yield from _encoder()
    yield from _bottleneck()


def _layout() -> Iterator[Claim]:
    yield traced(
        LAYOUT, "shape of the input", "the input is 256×256×1", MapSize.hwc(256, 256, 1), goes_into("")
    )
    yield stage_shape(LAYOUT, "output", MapSize.hwc(256, 256, 1))
    yield measured(
        LAYOUT,
        "layers that downsample",
        "max pooling downsamples (a purple arrow before each of five stages)",
        value=Exactly(("MaxPool2d",)),
        how="list the kinds of layers of the built network that shrink a map",
        measure=_downsampling,
        why="Every halving is a convolution of stride 2; the network has no pooling layer.",
    )


def _encoder() -> Iterator[Claim]:
    for stage, shape in _STAGES.items():
        yield stage_shape(ENCODER, stage, shape)
    yield measured(
        ENCODER,
        "stride of enc0",
        "enc0 is a 3×3 convolution of stride 2",
        value=Number("2"),
        how="read the stride of the built layer",
        measure=lambda evidence: evidence.model("proposed").init_conv[0].stride[0],
        why="With stride 2 there would be no skip at full resolution for dec1.",
    )
    yield measured(
        ENCODER,
        "enc0 in training",
        "enc0 holds frozen weights from ImageNet",
        value=Exactly("frozen"),
        how="ask the built layer whether its weights are trained",
        measure=enc0_in_training,
        why="ImageNet has no 3×3 convolution of stride 1 from grey; this layer starts at random.",
    )
    for tap, channels in zip(TAPS, _BOX_INPUTS, strict=True):
        yield _box(tap, channels)
    yield measured(
        ENCODER,
        "kind of layers 1, 3, 6 and 13",
        "the boxes of enc1 to enc4 are inverted residual blocks",
        value=Exactly(("InvertedResidual",)),
        how="read the layers' classes in torchvision's MobileNetV2",
        measure=lambda evidence: tuple({type(evidence.features[tap]).__name__ for tap in TAPS[:-1]}),
    )


def _box(tap: int, channels: int) -> Claim:
    return measured(
        ENCODER,
        f"channels into features[{tap}]",
        f"the box features[{tap}] takes {channels} channels",
        value=Number(str(channels), unit="channels"),
        how="read the first convolution of that layer in torchvision's MobileNetV2",
        measure=lambda evidence: _first_conv(evidence.features[tap]).in_channels,
        why="A tap is the end of a run of layers: one box stands for several of them.",
    )


def _bottleneck() -> Iterator[Claim]:
    yield traced(
        BOTTLENECK,
        "shape into the ASPP",
        "the ASPP takes 8×8×1280",
        MapSize.hwc(8, 8, 1280),
        goes_into("bottleneck"),
    )
    yield measured(
        BOTTLENECK,
        "branches of the ASPP",
        "five parallel branches",
        value=Number("5"),
        how="count the branches of the built module",
        measure=lambda evidence: len(_branches(evidence)),
    )
    for name, module, channels in _BRANCHES:
        size = MapSize.hwc(8, 8, channels)
        yield traced(
            BOTTLENECK,
            f"shape of the {name}",
            f"the {name} gives {size.show(size.value)}",
            size,
            comes_out_of(module),
        )
    for rate, side in ((6, 13), (12, 25), (18, 37)):
        yield field_of_rate(BOTTLENECK, rate, side, f"rate {rate} has a receptive field of {side}×{side}")
    yield traced(
        BOTTLENECK,
        "shape of the concatenation",
        "all five branches merge to 8×8×640",
        MapSize.hwc(8, 8, 640),
        goes_into("bottleneck.projection"),
        why="640 is five times 128; the pooling branch has 256, and 4×128 + 256 is more.",
    )
    yield stage_shape(
        BOTTLENECK, "bottleneck", MapSize.hwc(8, 8, 512), "a 1×1 projection and dropout give 8×8×512"
    )


def enc0_in_training(evidence: Evidence) -> str:
    """Whether the built initial convolution is trained or frozen."""
    return "trained" if evidence.model("proposed").init_conv[0].weight.requires_grad else "frozen"


def _downsampling(evidence: Evidence) -> tuple[str, ...]:
    kinds = set()
    for module in evidence.model("proposed").modules():
        if isinstance(module, nn.MaxPool2d):
            kinds.add("MaxPool2d")
        elif isinstance(module, nn.Conv2d) and module.stride != (1, 1):
            kinds.add(f"Conv2d of stride {module.stride[0]}")
    return tuple(sorted(kinds))


def _first_conv(layer: nn.Module) -> nn.Conv2d:
    return next(module for module in layer.modules() if isinstance(module, nn.Conv2d))


def _branches(evidence: Evidence) -> list[str]:
    outputs = evidence.shapes.outputs
    return [name for _, name, _ in _BRANCHES if name in outputs]
