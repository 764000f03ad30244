"""Single parts of the network: enlarged as insets of the figure, and as small pictures of their own.

A small picture stands at the head of the page that builds its part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from torch import nn

from fetalseg_book.diagram.reading import DecoderStage, Part, Parts, read
from fetalseg_book.diagram.svg import (
    FILLS,
    LINES,
    NOTE,
    RADIUS,
    SHAPE,
    Point,
    Rect,
    Sheet,
    lines_of,
    named,
    text_width,
)
from fetalseg_book.diagram.words import shape_text
from fetalseg_lib.models import build_model

Places = dict[str, Rect]
"""Where each part's box lies, by the part's path."""

HEADER = 34.0
"""Room for the title of a frame."""
PADDING = 10.0
"""Between the words and the border of a box."""
SPLIT, MERGE, END = 30.0, 16.0, 20.0
"""Of the ASPP: room for the lines to the branches, for those away from them, and at the right border."""
INSET_WIDTH = 376.0
SQUEEZE_HEIGHT = HEADER + 160
STEP, GAP, ROW = 46.0, 26.0, 30.0
"""Height of a box in an inset, the room for an arrow between two, and a row of the legend."""
RIM = 10.0
"""Around a small picture."""
SMALL, BOX = {"width": 110.0, "height": 62.0}, {"width": 190.0, "height": 62.0}
"""Sizes of its boxes."""


def width_for(part: Part) -> float:
    """The width that a part's box needs."""
    return max(text_width(words, size, bold=bold) for words, size, bold in lines_of(part)) + 2 * PADDING


def pyramid(parts: Parts, *, left: float, top: float, last: dict[str, float], x: float = 0) -> Places:
    """The places of an ASPP in its panel: branches, and a projection of size ``last``.

    The projection's middle lies at ``x``, or further right where the branches need it.
    """
    assert parts.projection is not None
    branch = {"width": max(map(width_for, parts.branches)), "height": 42.0}
    stack = 50.0 * len(parts.branches) - 8
    middle = top + HEADER + stack / 2
    x = max(x, left + SPLIT + branch["width"] + MERGE + 2 * _half_joint(parts) + last["width"] / 2)
    panel = Rect(left=left, top=top, width=x + last["width"] / 2 + END - left, height=HEADER + stack + 24)
    places = {
        part.path: Rect(left=left + SPLIT, top=top + HEADER + 50.0 * index, **branch)
        for index, part in enumerate(parts.branches)
    }
    projection = Rect.around((x, middle), **last)
    return {parts.bottleneck.path: panel, **places, parts.projection.path: projection}


def _half_joint(parts: Parts) -> float:
    """From where the branches meet to the middle of the sign, whose shape stands below it."""
    return max(RADIUS + 24, text_width(shape_text(parts.joined)) / 2 + 5)


def aspp(sheet: Sheet, parts: Parts, places: Places, source: Rect) -> None:
    """The panel of the branches, fed by ``source``, with the projection at its right."""
    part, projection = parts.bottleneck, parts.projection
    assert projection is not None
    rect = places[projection.path]
    sheet.frame(places[part.path], "aspp", f"{part.path}: ASPP → {shape_text(part.shape)}", part=part)
    boxes = [places[branch.path] for branch in parts.branches]
    y = rect.center[1]
    split, merge = boxes[0].left - SPLIT / 2, boxes[0].right + MERGE
    joint = merge + _half_joint(parts)
    sheet.arrow((source.right, y), (split, y), head=False)
    for branch, box in zip(parts.branches, boxes, strict=True):
        level = box.center[1]
        sheet.part(box, branch, "aspp")
        sheet.arrow((split, y), (split, level), (box.left, level))
        sheet.arrow((box.right, level), (merge, level), (merge, y), head=False)
    sheet.arrow((merge, y), (joint - RADIUS, y))
    sheet.sign((joint, y), "concatenation")
    sheet.text((joint, y + RADIUS + 13), shape_text(parts.joined))
    sheet.arrow((joint + RADIUS, y), (rect.left, y))
    sheet.box(rect, "conv", named("projection", projection.shape, projection.note), part=projection)


def block(sheet: Sheet, stage: DecoderStage, at: Point, *, title: str = "") -> float:
    """The block of a decoder stage, from the concatenated maps down to its output; gives its height."""
    words = title or f"Inside {stage.path}: {stage.note}"
    sheet.text((at[0] + 14, at[1] + 19), words, size=SHAPE, bold=True, anchor="start")
    x, y = at[0] + (110 if stage.adds else INSET_WIDTH / 2), at[1] + HEADER + 12
    sheet.text((x, y), shape_text(stage.joined), size=SHAPE)
    start = y = y + 12
    for part in filter(None, (*stage.convs, stage.se)):
        box = Rect.around((x, y + GAP + STEP / 2), width=188, height=STEP)
        sheet.arrow((x, y), (x, box.top))
        sheet.part(box, part, "se" if part is stage.se else "conv")
        y = box.bottom
    if stage.adds:
        joint = (x, y + GAP + RADIUS)
        sheet.arrow((x, y), (x, joint[1] - RADIUS))
        sheet.sign(joint, "addition")
        _shortcut(sheet, stage.shortcut, (x, start + 5), joint)
        y = joint[1] + RADIUS
    sheet.arrow((x, y), (x, y + GAP))
    sheet.text((x, y + GAP + 11), shape_text(stage.shape), size=SHAPE)
    height = y + GAP + 34 - at[1]
    sheet.frame(Rect(left=at[0], top=at[1], width=INSET_WIDTH, height=height), "inset")
    return height


def _shortcut(sheet: Sheet, part: Part | None, start: Point, joint: Point) -> None:
    """The way round the convolutions: from the input to the addition, through its projection if any."""
    x, y = start[0] + 176, (start[1] + joint[1]) / 2
    corners, end = [(x, start[1]), (x, joint[1])], (joint[0] + RADIUS, joint[1])
    if part is None:
        sheet.arrow(start, *corners, end)
        sheet.text((x + 8, y), "identity", anchor="start")
        return
    box = Rect.around((x, y), width=136, height=STEP)
    sheet.part(box, part)
    sheet.arrow(start, corners[0], (x, box.top))
    sheet.arrow((x, box.bottom), corners[1], end)


def squeeze(sheet: Sheet, part: Part, at: Point) -> None:
    """An SE block: global mean, two linear layers, and the channels scaled by what they say."""
    rect = Rect(left=at[0], top=at[1], width=INSET_WIDTH, height=SQUEEZE_HEIGHT)
    left, top, y = rect.left + 14, rect.top + HEADER + 72, rect.top + HEADER + 34
    sheet.frame(rect, "inset", f"Inside the SE of {part.path.removesuffix('.se').removesuffix('.skip_se')}")
    down, up = part.layers
    steps = [
        ("Global mean", part.shape[:1], "squeeze"),
        ("FC, ReLU", down.output, "excite"),
        ("FC, sigmoid", up.output, "gate per channel"),
    ]
    boxes = [Rect(left=left + index * 122, top=top, width=104, height=44) for index in range(len(steps))]
    enter, joint = boxes[0].center[0], boxes[-1].center[0]
    sheet.text((left, y - 14), shape_text(part.shape), size=SHAPE, anchor="start")
    sheet.arrow((left, y), (joint - RADIUS, y))
    sheet.arrow((enter, y), (enter, top))
    for (name, shape, word), box in zip(steps, boxes, strict=True):
        sheet.box(box, "se", [(name, NOTE, True), (shape_text(shape), SHAPE, False)])
        sheet.text((box.center[0], box.bottom + 14), word)
    for before, after in pairwise(boxes):
        sheet.arrow((before.right, before.center[1]), (after.left, before.center[1]))
    sheet.arrow((joint, top), (joint, y + RADIUS))
    sheet.sign((joint, y), "scaling")
    sheet.arrow((joint + RADIUS, y), (rect.right - 10, y))


def _entries(parts: Parts) -> list[tuple[str, str]]:
    """Kind and words of what the figure holds."""
    se = any(stage.skip_se or stage.se for stage in parts.decoder)
    entries = [
        ("conv", "Conv-BN-ReLU", True),
        ("aspp", "ASPP branch", bool(parts.branches)),
        ("se", "Squeeze and excitation", se),
        ("down", "Downsampling ÷2", any(stage.downsampling for stage in (*parts.encoder, parts.bottleneck))),
        ("up", "Upsampling ×2", True),
        ("skip", "Skip connection", True),
        ("concatenation", "Concatenation", True),
        ("addition", "Addition", any(stage.adds for stage in parts.decoder)),
        ("scaling", "Channel scaling", se),
    ]
    return [(kind, words) for kind, words, there in entries if there]


def legend_height(parts: Parts) -> float:
    """How tall the legend gets."""
    return HEADER + -(-len(_entries(parts)) // 2) * ROW + 8


def legend(sheet: Sheet, parts: Parts, at: Point) -> None:
    """What the colours and signs mean, in two columns; only those that the figure holds."""
    rect = Rect(left=at[0], top=at[1], width=INSET_WIDTH, height=legend_height(parts))
    sheet.frame(rect, "inset", "Legend")
    entries = _entries(parts)
    rows = -(-len(entries) // 2)
    second = max(text_width(words) for _, words in entries[:rows]) + 38 + 14
    for index, (kind, words) in enumerate(entries):
        x = rect.left + 14 + (index // rows) * second
        y = rect.top + HEADER + (index % rows + 0.5) * ROW
        if kind in FILLS:
            sheet.box(Rect(left=x, top=y - 9, width=30, height=18), kind)
        elif kind in LINES:
            sheet.arrow((x, y), (x + 30, y), style=kind)
        else:
            sheet.sign((x + 15, y), kind, radius=RADIUS - 1)
        sheet.text((x + 38, y), words, anchor="start")


@dataclass(frozen=True)
class Schematic:
    """A picture that a notebook shows by itself."""

    svg: str

    def _repr_html_(self) -> str:
        return self.svg.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)


def schematic(name: str) -> Schematic:
    """The part ``inverted-residual``, ``aspp``, ``se-residual`` or ``decoder-stage``, as it is built.

    Raises ``ValueError`` for another name.

    >>> "rate 18" in schematic("aspp").svg
    True
    """
    if name not in _KNOWN:
        raise ValueError(f"name: expected one of {', '.join(_KNOWN)}; got {name!r}")
    sheet = Sheet()
    title, description = _KNOWN[name](sheet)
    size = {"width": sheet.right + RIM, "height": sheet.bottom + RIM}
    return Schematic(sheet.svg(**size, title=title, description=description))


@cache
def _parts() -> Parts:
    return read(build_model("proposed", encoder_weights="random"))


def _inverted_residual(sheet: Sheet) -> tuple[str, str]:
    """Layer 3 of MobileNetV2, as the decoder's block is drawn."""
    from torchvision.models import mobilenet_v2  # slow to import

    convs = [part for part in mobilenet_v2().features[3].modules() if isinstance(part, nn.Conv2d)]
    notes = ("Conv 1×1-BN-ReLU6", "Depthwise-BN-ReLU6", "Conv 1×1-BN")
    boxes = [
        Part(
            path=f"features.3.{number}",
            note=note,
            shape=(conv.out_channels, 64, 64),
            state="frozen",
            parameters=conv.weight.numel(),
            trainable=0,
            flops=2 * conv.weight.numel() * 64 * 64,
            layers=(),
        )
        for number, (note, conv) in enumerate(zip(notes, convs, strict=True))
    ]
    last = boxes[-1]
    stage = DecoderStage(**vars(last), joined=last.shape, convs=tuple(boxes), adds=True, up=last)
    block(sheet, stage, (RIM, RIM), title="Layer 3: an inverted residual")
    description = (
        f"A map of {shape_text(last.shape)} is widened sixfold, filtered channel by channel, narrowed again, "
        "and added to itself."
    )
    return "An inverted residual", description


def _pyramid(sheet: Sheet) -> tuple[str, str]:
    parts = _parts()
    assert parts.projection is not None  # the network of the note has one
    left = RIM + SMALL["width"] + 24
    places = pyramid(parts, left=left, top=RIM, last=BOX)
    middle = places[parts.projection.path].center[1]
    source = Rect.around((RIM + SMALL["width"] / 2, middle), **SMALL)
    sheet.box(source, "image", named("enc5", parts.encoder[-1].shape))
    aspp(sheet, parts, places, source)
    description = (
        f"Five branches look at the same map: {', '.join(branch.note for branch in parts.branches)}. Their "
        f"{parts.joined[0]} channels are concatenated and projected to {parts.projection.shape[0]}."
    )
    return "Atrous spatial pyramid pooling", description


def _se_residual(sheet: Sheet) -> tuple[str, str]:
    stage = _parts().decoder[-1]
    assert stage.se is not None
    block(sheet, stage, (RIM, RIM))
    squeeze(sheet, stage.se, (2 * RIM + INSET_WIDTH, RIM))
    description = (
        "Left: two convolutions and a gate, and the input, projected, is added. Right: the gate. A mean for "
        "each channel, two small layers, and a factor for each channel."
    )
    return "A residual block with squeeze and excitation", description


def _stage(sheet: Sheet) -> tuple[str, str]:
    """From below and from the left to a refined map, left to right."""
    parts = _parts()
    stage = parts.decoder[-1]
    gate = stage.skip_se
    assert gate is not None
    x, middle = RIM + 420, RIM + 81
    rows = (
        (middle - 50, "from below", parts.bottleneck, stage.up, "conv"),
        (middle + 50, f"skip {stage.skip}", gate, gate, "se"),
    )
    for y, name, given, part, style in rows:
        start = Rect.around((RIM + 55, y), **SMALL)
        end = Rect.around((RIM + 260, y), **BOX)
        sheet.box(start, "image", named(name, given.shape))
        sheet.part(end, part, style)
        sheet.arrow((start.right, y), (end.left, y))
        sheet.arrow((end.right, y), (x, y), (x, middle + math.copysign(RADIUS, y - middle)))
    refined = Rect.around((RIM + 630, middle), **BOX)
    sheet.sign((x, middle), "concatenation")
    sheet.text((x + 57, middle - 14), shape_text(stage.joined))
    sheet.part(refined, stage)
    sheet.arrow((x + RADIUS, middle), (refined.left, middle))
    description = (
        "The map from below is doubled, the skip passes its gates, both are concatenated and refined by a "
        "residual block."
    )
    return f"One decoder stage, {stage.path}", description


_KNOWN: dict[str, Callable[[Sheet], tuple[str, str]]] = {
    "inverted-residual": _inverted_residual,
    "aspp": _pyramid,
    "se-residual": _se_residual,
    "decoder-stage": _stage,
}
"""Each draws its part on a sheet, and gives the picture's title and description."""
