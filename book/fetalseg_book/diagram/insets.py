"""The insides of one decoder block and of one squeeze-and-excitation block, enlarged."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from fetalseg_book.diagram.boxes import part_box
from fetalseg_book.diagram.grid import RADIUS
from fetalseg_book.diagram.parts import DecoderStage, Part, Parts
from fetalseg_book.diagram.scene import (
    NOTE,
    SHAPE,
    Arrow,
    Box,
    Frame,
    Item,
    Point,
    Rect,
    Symbol,
    Text,
    stacked,
)
from fetalseg_book.diagram.words import shape_text
from fetalseg_book.trace import Shape

INSET_WIDTH = 376.0
HEADER = 34.0
_BOX_HEIGHT, _GAP = 46.0, 26.0


def frame(rect: Rect, title: str) -> Iterator[Item]:
    """A border with a title at its upper left."""
    yield Frame(rect=rect, style="inset")
    yield Text(at=(rect.left + 14, rect.top + 19), content=title, size=SHAPE, bold=True, anchor="start")


def block_height(stage: DecoderStage) -> float:
    """How tall :func:`block` gets."""
    boxes = len(stage.block.convs) + (stage.block.se is not None)
    return HEADER + 46 + boxes * (_BOX_HEIGHT + _GAP) + (2 * RADIUS + _GAP if stage.block.adds else 0) + 38


def block(stage: DecoderStage, at: Point, *, title: str = "") -> Iterator[Item]:
    """The block of a decoder stage, from the concatenated maps down to its output."""
    inside = stage.block
    rect = Rect(left=at[0], top=at[1], width=INSET_WIDTH, height=block_height(stage))
    yield from frame(rect, title or f"Inside {stage.part.path}: {inside.note}")
    x = rect.left + (110 if inside.adds else INSET_WIDTH / 2)
    y = rect.top + HEADER + 12
    yield from _value((x, y), inside.joined)
    start = y + 12
    y = start
    chain = [*inside.convs, *([inside.se] if inside.se else [])]
    for part in chain:
        box = Rect.around((x, y + _GAP + _BOX_HEIGHT / 2), width=188, height=_BOX_HEIGHT)
        yield Arrow(points=((x, y), (x, box.top)))
        yield part_box(box, part, style="se" if part is inside.se else "conv")
        y = box.bottom
    if inside.adds:
        joint = (x, y + _GAP + RADIUS)
        yield Arrow(points=((x, y), (x, joint[1] - RADIUS)))
        yield Symbol(at=joint, sign="addition", radius=RADIUS)
        yield from _shortcut(inside.shortcut, (x, start + 5), joint)
        y = joint[1] + RADIUS
    yield Arrow(points=((x, y), (x, y + _GAP)))
    yield from _value((x, y + _GAP + 11), stage.part.shape)


def _value(at: Point, shape: Shape) -> Iterator[Item]:
    yield Text(at=at, content=shape_text(shape), size=SHAPE)


def _shortcut(part: Part | None, start: Point, joint: Point) -> Iterator[Item]:
    """The way round the convolutions: from the input to the addition, through its projection if any."""
    x = start[0] + 176
    end = (joint[0] + RADIUS, joint[1])
    if part is None:
        yield Arrow(points=(start, (x, start[1]), (x, joint[1]), end))
        yield Text(at=(x + 8, (start[1] + joint[1]) / 2), content="identity", anchor="start")
        return
    box = Rect.around((x, (start[1] + joint[1]) / 2), width=136, height=_BOX_HEIGHT)
    yield part_box(box, part)
    yield Arrow(points=(start, (x, start[1]), (x, box.top)))
    yield Arrow(points=((x, box.bottom), (x, joint[1]), end))


SQUEEZE_HEIGHT = HEADER + 160.0


def squeeze_and_excitation(part: Part, at: Point) -> Iterator[Item]:
    """An SE block: global mean, two linear layers, and the channels scaled by what they say."""
    rect = Rect(left=at[0], top=at[1], width=INSET_WIDTH, height=SQUEEZE_HEIGHT)
    owner = part.path.removesuffix(".se").removesuffix(".skip_se")
    yield from frame(rect, f"Inside the SE of {owner}")
    squeeze, excite = part.layers
    channels = part.shape[0]
    steps = [
        ("Global mean", (channels,)),
        ("FC, ReLU", squeeze.output),
        ("FC, sigmoid", excite.output),
    ]
    width, gap = 104.0, 18.0
    left = rect.left + 14
    top = rect.top + HEADER + 72
    y = rect.top + HEADER + 34
    enter = left + width / 2
    rects = [
        Rect(left=left + index * (width + gap), top=top, width=width, height=44)
        for index in range(len(steps))
    ]
    joint = (rects[-1].center[0], y)
    yield Text(at=(rect.left + 14, y - 14), content=shape_text(part.shape), size=SHAPE, anchor="start")
    yield Arrow(points=((rect.left + 14, y), (joint[0] - RADIUS, y)))
    yield Arrow(points=((enter, y), (enter, top)))
    for (name, shape), box in zip(steps, rects, strict=True):
        lines = [(name, NOTE, True), (shape_text(shape), SHAPE, False)]
        yield Box(rect=box, style="se", texts=stacked(box.center, lines, light=True))
    for before, after in pairwise(rects):
        yield Arrow(points=((before.right, before.center[1]), (after.left, before.center[1])))
    yield Arrow(points=((joint[0], top), (joint[0], y + RADIUS)))
    yield Symbol(at=joint, sign="scaling", radius=RADIUS)
    yield Arrow(points=((joint[0] + RADIUS, y), (rect.right - 10, y)))
    for text, box in zip(("squeeze", "excite", "gate per channel"), rects, strict=True):
        yield Text(at=(box.center[0], box.bottom + 14), content=text)


def squeeze_to_show(parts: Parts) -> Part | None:
    """The SE block that the inset enlarges: the deepest block's, else the deepest skip's."""
    deepest = parts.decoder[-1]
    return deepest.block.se or deepest.skip_se
