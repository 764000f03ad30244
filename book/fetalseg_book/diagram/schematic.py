"""One part of the network as a small picture, for the head of the page that builds it."""

from __future__ import annotations

from functools import cache

from torch import nn

from fetalseg_book.diagram.bottom import aspp
from fetalseg_book.diagram.boxes import named_box, part_box
from fetalseg_book.diagram.grid import panel_of
from fetalseg_book.diagram.insets import (
    INSET_WIDTH,
    SQUEEZE_HEIGHT,
    block,
    block_height,
    squeeze_and_excitation,
    squeeze_to_show,
)
from fetalseg_book.diagram.parts import Block, DecoderStage, Part, Parts
from fetalseg_book.diagram.reading import read
from fetalseg_book.diagram.scene import Arrow, Item, Point, Rect, Scene, Symbol, Text
from fetalseg_book.diagram.svg import render
from fetalseg_book.diagram.words import shape_text
from fetalseg_lib.models import build_model

_RIM = 10.0
_BOX = {"width": 190.0, "height": 62.0}


class Schematic:
    """A picture that a notebook shows by itself."""

    def __init__(self, scene: Scene) -> None:
        self.svg = render(scene)

    def _repr_html_(self) -> str:
        style = '<svg style="max-width: 100%; height: auto" '
        return self.svg.replace("<svg ", style, 1)


def schematic(name: str) -> Schematic:
    """The part ``inverted-residual``, ``aspp``, ``se-residual`` or ``decoder-stage``, as it is built.

    Raises ``ValueError`` for another name.

    >>> "rate 18" in schematic("aspp").svg
    True
    """
    known = {
        "inverted-residual": _inverted_residual,
        "aspp": _pyramid,
        "se-residual": _se_residual,
        "decoder-stage": _stage,
    }
    if name not in known:
        raise ValueError(f"name: expected one of {', '.join(known)}; got {name!r}")
    return Schematic(known[name]())


@cache
def _parts() -> Parts:
    return read(build_model("proposed", encoder_weights="random"))


def _inverted_residual() -> Scene:
    """Layer 3 of MobileNetV2, as the decoder's block is drawn."""
    from torchvision.models import mobilenet_v2  # slow to import

    convs = [part for part in mobilenet_v2().features[3].modules() if isinstance(part, nn.Conv2d)]
    notes = ("Conv 1×1-BN-ReLU6", "Depthwise-BN-ReLU6", "Conv 1×1-BN")
    boxes = tuple(
        _box(f"features.3.{number}", note, (conv.out_channels, 64, 64), conv)
        for number, (note, conv) in enumerate(zip(notes, convs, strict=True))
    )
    shape = boxes[-1].shape
    inside = Block(joined=shape, convs=boxes, se=None, shortcut=None, adds=True)
    whole = _box("layer 3", "inverted residual", shape, mobilenet_v2().features[3])
    stage = DecoderStage(part=whole, up=whole, skip="", skip_se=None, joined=shape, block=inside)
    return _scene(
        "An inverted residual",
        f"A map of {shape_text(shape)} is widened sixfold, filtered channel by channel, narrowed again, and "
        "added to itself.",
        list(block(stage, (_RIM, _RIM), title="Layer 3: an inverted residual")),
        INSET_WIDTH,
        block_height(stage),
    )


def _box(path: str, note: str, shape: tuple[int, ...], module: nn.Module) -> Part:
    count = sum(parameter.numel() for parameter in module.parameters())
    return Part(
        path=path,
        note=note,
        shape=shape,
        state="frozen",
        parameters=count,
        trainable=0,
        flops=2 * count * shape[1] * shape[2],
        layers=(),
    )


def _pyramid() -> Scene:
    parts = _parts()
    bottleneck = parts.bottleneck
    source = Rect(left=_RIM, top=_RIM, width=110, height=_BOX["height"])
    projection = bottleneck.projection
    assert projection is not None  # the network of the note has one
    panel = panel_of(parts, left=source.right + 24, top=_RIM, last_width=_BOX["width"])
    source = Rect.around((source.center[0], panel.middle), width=source.width, height=source.height)
    last = Rect.around((panel.rect.right - 20 - _BOX["width"] / 2, panel.middle), **_BOX)
    enc5 = parts.encoder[-1].part
    items: list[Item] = [
        named_box(source, enc5.path, enc5.shape),
        *aspp(parts, panel, source, last, projection),
    ]
    return _scene(
        "Atrous spatial pyramid pooling",
        "Five branches look at the same map: "
        + ", ".join(branch.note for branch in bottleneck.branches)
        + ". "
        f"Their {bottleneck.joined[0]} channels are concatenated and projected to {projection.shape[0]}.",
        items,
        panel.rect.right - _RIM,
        panel.rect.height,
    )


def _se_residual() -> Scene:
    stage = _parts().decoder[-1]
    squeeze = squeeze_to_show(_parts())
    assert squeeze is not None
    right = (2 * _RIM + INSET_WIDTH, _RIM)
    return _scene(
        "A residual block with squeeze and excitation",
        "Left: two convolutions and a gate, and the input, projected, is added. Right: the gate. A mean for "
        "each channel, two small layers, and a factor for each channel.",
        [*block(stage, (_RIM, _RIM)), *squeeze_and_excitation(squeeze, right)],
        2 * INSET_WIDTH + _RIM,
        max(block_height(stage), SQUEEZE_HEIGHT),
    )


def _stage() -> Scene:
    """From below and from the left to a refined map, left to right."""
    stage = _parts().decoder[-1]
    assert stage.skip_se is not None
    upper, lower, middle = _RIM + 31, _RIM + 131, _RIM + 81
    down = {"width": 110.0, "height": 62.0}
    inputs = [Rect.around((_RIM + 55, y), **down) for y in (upper, lower)]
    second = [Rect.around((_RIM + 260, y), **_BOX) for y in (upper, lower)]
    joint: Point = (_RIM + 420, middle)
    refined = Rect.around((_RIM + 630, middle), **_BOX)
    skip = stage.skip_se.shape
    below = _parts().bottleneck.stage.part.shape
    items: list[Item] = [
        named_box(inputs[0], "from below", below),
        named_box(inputs[1], f"skip {stage.skip}", skip),
        part_box(second[0], stage.up),
        part_box(second[1], stage.skip_se, style="se"),
        Symbol(at=joint, sign="concatenation"),
        Text(at=(joint[0] + 57, middle - 14), content=shape_text(stage.joined)),
        part_box(refined, stage.part),
        Arrow(points=((joint[0] + 11, middle), (refined.left, middle))),
    ]
    for start, end, toward in zip(inputs, second, (-11, 11), strict=True):
        y = end.center[1]
        items.append(Arrow(points=((start.right, y), (end.left, y))))
        items.append(Arrow(points=((end.right, y), (joint[0], y), (joint[0], middle + toward))))
    return _scene(
        f"One decoder stage, {stage.part.path}",
        "The map from below is doubled, the skip passes its gates, both are concatenated and refined by a "
        "residual block.",
        items,
        refined.right - _RIM,
        162.0,
    )


def _scene(title: str, description: str, items: list[Item], width: float, height: float) -> Scene:
    return Scene(
        width=width + 2 * _RIM,
        height=height + 2 * _RIM,
        title=title,
        description=description,
        items=tuple(items),
    )
