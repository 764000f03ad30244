"""The lowest part of the U: the ASPP with its branches in a bordered panel, or a single box."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.diagram.boxes import beside, named_box, part_box
from fetalseg_book.diagram.grid import MERGE, RADIUS, SPLIT, Grid, Panel
from fetalseg_book.diagram.parts import Part, Parts
from fetalseg_book.diagram.scene import (
    SHAPE,
    Arrow,
    Frame,
    Item,
    Rect,
    Symbol,
    Text,
)
from fetalseg_book.diagram.words import shape_text


def bottleneck(parts: Parts, grid: Grid) -> Iterator[Item]:
    """What lies between the last encoder stage and the first upsampling."""
    rect = Rect.around((grid.decoder_x, grid.bottom_y), width=grid.widths[-1], height=grid.heights[-1])
    levels = {stage.part.path: level for level, stage in enumerate(parts.encoder)}
    source = grid.encoder_box(levels[parts.bottleneck.stage.source])
    if grid.panel and parts.bottleneck.projection:
        yield from aspp(parts, grid.panel, source, rect, parts.bottleneck.projection)
        return
    stage = parts.bottleneck.stage
    yield part_box(rect, stage.part)
    y = grid.bottom_y
    if source.center[1] == y:
        yield Arrow(
            points=((source.right, y), (rect.left, y)), style="down" if stage.downsampling else "flow"
        )
        return
    corner = (source.center[0], y)
    yield Arrow(points=((source.center[0], source.bottom), corner, (rect.left, y)), style="down")
    yield from beside((corner[0] + 20, y - 16), stage.downsampling)


def aspp(parts: Parts, panel: Panel, source: Rect, rect: Rect, projection: Part) -> Iterator[Item]:
    """The panel of the branches, fed by ``source``, with the projection in ``rect``."""
    part, y = parts.bottleneck.stage.part, panel.middle
    yield Frame(rect=panel.rect, style="aspp", part=part)
    at = (panel.rect.left + 16, panel.rect.top + 19)
    title = f"{part.path}: ASPP → {shape_text(part.shape)}"
    yield Text(at=at, content=title, size=SHAPE, bold=True, anchor="start")
    branches = parts.bottleneck.branches
    rects = [panel.branch(index) for index in range(len(branches))]
    split = rects[0].left - SPLIT / 2
    merge = rects[0].right + MERGE
    joint = (merge + panel.half_label, y)
    yield Arrow(points=((source.right, y), (split, y)), head=False)
    for branch, box in zip(branches, rects, strict=True):
        yield part_box(box, branch, style="aspp")
        yield Arrow(points=((split, y), (split, box.center[1]), (box.left, box.center[1])))
        yield Arrow(points=((box.right, box.center[1]), (merge, box.center[1]), (merge, y)), head=False)
    yield Arrow(points=((merge, y), (joint[0] - RADIUS, y)))
    yield Symbol(at=joint, sign="concatenation", radius=RADIUS)
    yield Text(at=(joint[0], y + RADIUS + 13), content=shape_text(parts.bottleneck.joined))
    yield Arrow(points=((joint[0] + RADIUS, y), (rect.left, y)))
    yield named_box(rect, "projection", projection.shape, projection.note, part=projection)
