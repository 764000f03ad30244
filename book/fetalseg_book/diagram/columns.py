"""The U itself: encoder down the left, skips across, decoder up the right."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.diagram.boxes import MARKS, beside, named_box, part_box
from fetalseg_book.diagram.grid import FRAME, LANE, MARGIN, RADIUS, TOP, Grid
from fetalseg_book.diagram.parts import DecoderStage, EncoderStage, Parts
from fetalseg_book.diagram.scene import (
    LINE_HEIGHT,
    NOTE,
    SHAPE,
    Arrow,
    ArrowStyle,
    Box,
    Frame,
    Item,
    Point,
    Rect,
    Symbol,
    Text,
    stacked,
    text_width,
)
from fetalseg_book.diagram.words import shape_text
from fetalseg_book.trace import IMAGE


def encoder(parts: Parts, grid: Grid) -> Iterator[Item]:
    """The image, the stages below it, the arrows between them, and the backbone's border."""
    left = MARGIN if grid.has_lane else grid.encoder_x - grid.widths[0] / 2
    right = grid.encoder_x + grid.widths[0] / 2
    image = Rect(left=left, top=TOP - 6, width=right - left, height=44)
    yield named_box(image, "Input", parts.image)
    rects = {IMAGE: image}
    for level, stage in enumerate(parts.encoder):
        rect = rects[stage.part.path] = grid.encoder_box(level)
        yield part_box(rect, stage.part)
        yield from _way_down(stage, rects[stage.source], rect, passes=stage.source == IMAGE and level > 0)
    if parts.backbone:
        yield from _backbone(parts, grid, [rects[name] for name in parts.backbone.stages])


def _way_down(stage: EncoderStage, source: Rect, target: Rect, *, passes: bool) -> Iterator[Item]:
    style: ArrowStyle = "down" if stage.downsampling else "flow"
    x = target.center[0]
    if passes:  # beside the stages between, into the target's side
        lane = source.left + LANE / 2 - 2
        yield from beside((lane + 16, target.top - FRAME - 20), stage.downsampling)
        yield Arrow(
            points=((lane, source.bottom), (lane, target.center[1]), (target.left, target.center[1])),
            style=style,
        )
        return
    yield Arrow(points=((x, source.bottom), (x, target.top)), style=style)
    if stage.downsampling:
        yield from beside((x + 16, (source.bottom + target.top) / 2), stage.downsampling)


def _backbone(parts: Parts, grid: Grid, rects: list[Rect]) -> Iterator[Item]:
    backbone = parts.backbone
    if backbone is None:
        return
    lines = [
        (f"{backbone.name} encoder", NOTE + 1, True),
        (backbone.weights, NOTE, False),
        (backbone.state, NOTE, False),
        (f"{backbone.parameters:,} parameters", NOTE, False),
    ]
    tall = LINE_HEIGHT * sum(size for _, size, _ in lines)
    around = rects[0].grown(FRAME)
    height = rects[-1].bottom + tall + 2 * FRAME - around.top
    if grid.panel:  # two borders side by side end together
        height = max(height, grid.panel.rect.bottom - around.top)
    yield Frame(
        rect=Rect(left=around.left, top=around.top, width=around.width, height=height), style="backbone"
    )
    yield from stacked((around.center[0], rects[-1].bottom + FRAME + tall / 2), lines)


def decoder(parts: Parts, grid: Grid) -> Iterator[Item]:
    """The stages upwards with their skips, the head and the output at the top right."""
    levels = {stage.part.path: level for level, stage in enumerate(parts.encoder)}
    x = grid.decoder_x
    for level, (stage, row) in enumerate(zip(parts.decoder, grid.rows, strict=True)):
        joint = (x, row.joint_y)
        yield part_box(row.decoder, stage.part, marks=_marks(stage, row.decoder))
        yield Symbol(at=joint, sign="concatenation", radius=RADIUS)
        yield Arrow(points=((x, row.joint_y - RADIUS), (x, row.decoder.bottom)))
        yield from beside((x + RADIUS + 7, row.joint_y), shape_text(stage.joined))
        yield from _skip(stage, grid.encoder_box(levels[stage.skip]), joint, grid)
        below = grid.rows[level + 1].decoder.top if level + 1 < len(grid.rows) else _lowest_top(parts, grid)
        yield Arrow(points=((x, below), (x, row.joint_y + RADIUS)), style="up", part=stage.up)
        middle = min((below + row.joint_y + RADIUS) / 2, row.joint_y + RADIUS + 24)
        yield from beside((x + 16, middle), stage.up.note, shape_text(stage.up.shape))
    yield from _output(parts, grid)


def _lowest_top(parts: Parts, grid: Grid) -> float:
    """The upper side of the box that the lowest decoder stage takes from."""
    return grid.bottom_y - grid.heights[-1] / 2


def _marks(stage: DecoderStage, rect: Rect) -> tuple[Box | Symbol, ...]:
    """SE and the addition, as they follow each other inside the block; upwards, like the data."""
    x = rect.right - MARKS / 2 - 3
    wanted: list[str] = ["add"] * stage.block.adds + ["se"] * (stage.block.se is not None)
    marks: list[Box | Symbol] = []
    for index, kind in enumerate(wanted):
        y = rect.center[1] + (index - (len(wanted) - 1) / 2) * 24
        if kind == "add":
            marks.append(Symbol(at=(x, y), sign="addition", radius=9))
        else:
            tag = Rect.around((x, y), width=28, height=19)
            text = Text(at=tag.center, content="SE", size=NOTE, bold=True, light=True)
            marks.append(Box(rect=tag, style="se", texts=(text,)))
    return tuple(marks)


def _skip(stage: DecoderStage, source: Rect, joint: Point, grid: Grid) -> Iterator[Item]:
    y = source.center[1]
    end = (joint[0] - RADIUS, joint[1])
    if stage.skip_se is None:
        yield Arrow(points=((source.right, y), end), style="skip")
        return
    node = Rect.around((grid.skip_x, y), width=grid.skip_width, height=42)
    yield part_box(node, stage.skip_se, style="se")
    yield Arrow(points=((source.right, y), (node.left, y)), style="skip")
    yield Arrow(points=((node.right, y), end), style="skip")


def _output(parts: Parts, grid: Grid) -> Iterator[Item]:
    first = grid.rows[0].decoder
    y = first.center[1]
    widths = [text_width(shape_text(shape), SHAPE) + 28 for shape in (parts.head.shape, parts.whole.shape)]
    head = Rect(left=grid.right + 26, top=first.top, width=max(widths[0], 90), height=first.height)
    output = Rect(left=head.right + 34, top=first.top, width=max(widths[1], 90), height=first.height)
    yield part_box(head, parts.head)
    yield Arrow(points=((first.right, y), (head.left, y)))
    yield named_box(output, "Output", parts.whole.shape, "mask logits")
    yield Arrow(points=((head.right, y), (output.left, y)))
