"""The whole network as a U: encoder down the left, skips across, decoder up the right, insets beside.

Sizes follow from the words that must fit and from the depth: boxes get narrower and taller downwards.
"""

from __future__ import annotations

from fetalseg_book.diagram.reading import Part, Parts
from fetalseg_book.diagram.schematic import (
    INSET_WIDTH,
    SQUEEZE_HEIGHT,
    Places,
    aspp,
    block,
    legend,
    legend_height,
    pyramid,
    squeeze,
    width_for,
)
from fetalseg_book.diagram.svg import (
    LINE_HEIGHT,
    MARKS,
    NOTE,
    RADIUS,
    SHAPE,
    Rect,
    Sheet,
    named,
    text_width,
)
from fetalseg_book.diagram.words import shape_text
from fetalseg_book.trace import IMAGE

MARGIN = 18.0
TOP = 92.0
"""Where the first row begins, below the heading."""
FRAME = 12.0
"""Between the encoder's boxes and the border of the backbone."""
LANE = 26.0
"""Room for an arrow that passes the first encoder stage."""
GAP = 18.0
"""Between insets."""


def compose(parts: Parts, *, variant: str, interactive: bool = False) -> str:
    """The figure of a network as SVG."""
    sheet, places = Sheet(interactive=interactive), plan(parts)
    _bottleneck(sheet, parts, places)
    _encoder(sheet, parts, places)
    _decoder(sheet, parts, places)

    deepest = parts.decoder[-1]
    aside, top = places["head"].left, places[parts.decoder[0].path].bottom + 34
    bottom, last = sheet.bottom, legend_height(parts)
    tall = block(sheet, deepest, (aside, top))
    gate = deepest.se or deepest.skip_se
    bottom = max(bottom, top + tall + (SQUEEZE_HEIGHT if gate else 0) + last + 2 * GAP)
    if gate:
        squeeze(sheet, gate, (aside, (top + tall + bottom - last - SQUEEZE_HEIGHT) / 2))
    legend(sheet, parts, (aside, bottom - last))

    width = aside + INSET_WIDTH + MARGIN
    sheet.text((width / 2, 30), parts.title, size=24, bold=True)
    sheet.text((width / 2, 60), f"variant {variant} · {parts.totals}", size=14)
    title = f"{parts.title} ({variant})"
    return sheet.svg(width=width, height=bottom + MARGIN, title=title, description=parts.description)


def plan(parts: Parts) -> Places:
    """Find room for everything; the encoder's box on a level lies as deep as the decoder's joint there."""
    depth = len(parts.decoder)
    widths = _widths(parts)
    sizes = [{"width": width, "height": 62.0 + 9 * level} for level, width in enumerate(widths)]
    heights = [size["height"] for size in sizes]
    tops = [TOP + sum(heights[:level]) + (66 + 2 * RADIUS) * level for level in range(depth + 1)]
    joints = [top + height + 20 + RADIUS for top, height in zip(tops[:-1], heights[:-1], strict=True)]

    lane = LANE if any(stage.source == IMAGE for stage in parts.encoder[1:]) else 0
    left = MARGIN + lane + widths[0] / 2
    gates = [stage.skip_se for stage in parts.decoder if stage.skip_se]
    gate_width = max(map(width_for, gates), default=80.0)
    right = left + widths[0] + gate_width + 104
    places = {IMAGE: Rect(left=MARGIN, top=TOP - 6, width=lane + widths[0], height=44)}
    bottom = tops[-1] + heights[-1] / 2
    if parts.projection:
        panel_left = left + widths[1] / 2 + FRAME + 18
        places |= pyramid(parts, left=panel_left, top=tops[-1], last=sizes[-1], x=right)
        right, bottom = places[parts.projection.path].center
    if len(parts.encoder) > depth:  # a stage lies below all skips: room for the arrow down to it
        bottom = max(bottom, joints[-1] + heights[-2] / 2 + 64 + heights[-1] / 2)
    if not parts.projection:
        places[parts.bottleneck.path] = Rect.around((right, bottom), **sizes[-1])

    for stage, y, size in zip(parts.encoder, [*joints, bottom], sizes, strict=False):
        places[stage.path] = Rect.around((left, y), **size)
    for up, top, y, size in zip(parts.decoder, tops, joints, sizes, strict=False):
        places[up.path] = Rect.around((right, top + size["height"] / 2), **size)
        if up.skip_se:
            places[up.skip_se.path] = Rect.around(((left + right) / 2, y), width=gate_width, height=42)
    aside = max(widths[0] / 2, max(text_width(stage.up.note) for stage in parts.decoder) + 16)
    x = right + aside + 26
    width = max(text_width(shape_text(parts.head.shape), SHAPE) + 28, 90)
    for name in ("head", "output"):
        places[name] = Rect(left=x, top=TOP, width=width, height=heights[0])
        x += width + 34
    return places


def _widths(parts: Parts) -> list[float]:
    """A box's width on each level: what its words need, and more than on the level below."""
    columns: list[list[tuple[Part, float]]] = [[] for _ in (*parts.decoder, parts.bottleneck)]
    for level, stage in enumerate(parts.encoder):
        columns[level].append((stage, 0))
    for level, up in enumerate(parts.decoder):
        columns[level].append((up, MARKS))
    columns[-1].append((parts.projection or parts.bottleneck, 0))
    widths: list[float] = []
    for column in reversed(columns):
        needed = [width_for(part) + more for part, more in column]
        widths.insert(0, max(96, *needed, *(width + 20 for width in widths[:1])))
    return widths


def _encoder(sheet: Sheet, parts: Parts, places: Places) -> None:
    """The image, the stages below it, the arrows between them, and the backbone's border."""
    sheet.box(places[IMAGE], "image", named("Input", parts.image))
    for level, stage in enumerate(parts.encoder):
        source, target = places[stage.source], places[stage.path]
        x, y = target.center
        style = "down" if stage.downsampling else "flow"
        sheet.part(target, stage)
        if stage.source == IMAGE and level > 0:  # beside the stages between, into the target's side
            lane = source.left + LANE / 2 - 2
            sheet.beside((lane + 16, target.top - FRAME - 20), stage.downsampling)
            sheet.arrow((lane, source.bottom), (lane, y), (target.left, y), style=style)
        else:
            sheet.arrow((x, source.bottom), (x, target.top), style=style)
            sheet.beside((x + 16, (source.bottom + target.top) / 2), stage.downsampling)
    if parts.backbone:
        first, *_, last = (places[path] for path in parts.backbone.stages)
        lines = [(line, NOTE, False) for line in parts.backbone.facts]
        lines.insert(0, (f"{parts.backbone.name} encoder", NOTE + 1, True))
        tall = LINE_HEIGHT * sum(size for _, size, _ in lines)
        around = first.grown(FRAME)
        bottom = last.bottom + tall + 2 * FRAME
        if parts.projection:  # two borders side by side end together
            bottom = max(bottom, places[parts.bottleneck.path].bottom)
        border = Rect(left=around.left, top=around.top, width=around.width, height=bottom - around.top)
        sheet.frame(border, "backbone")
        sheet.lines((first.center[0], last.bottom + FRAME + tall / 2), lines)


def _bottleneck(sheet: Sheet, parts: Parts, places: Places) -> None:
    """What lies between the last encoder stage and the first upsampling."""
    stage = parts.bottleneck
    source, rect = places[stage.source], places[stage.path]
    if parts.projection:
        aspp(sheet, parts, places, source)
        return
    sheet.part(rect, stage)
    x, y = source.center[0], rect.center[1]
    if source.center[1] == y:
        style = "down" if stage.downsampling else "flow"
        sheet.arrow((source.right, y), (rect.left, y), style=style)
    else:
        sheet.arrow((x, source.bottom), (x, y), (rect.left, y), style="down")
        sheet.beside((x + 20, y - 16), stage.downsampling)


def _decoder(sheet: Sheet, parts: Parts, places: Places) -> None:
    """The stages upwards with their skips, the head and the output at the top right."""
    lowest = parts.projection or parts.bottleneck
    for stage, deeper in zip(parts.decoder, [*parts.decoder[1:], lowest], strict=True):
        rect, below = places[stage.path], places[deeper.path].top
        x, y = rect.center[0], places[stage.skip].center[1]
        marks = ["addition"] * stage.adds + ["se"] * (stage.se is not None)  # upwards, like the data
        sheet.part(rect, stage, marks=marks)
        sheet.sign((x, y), "concatenation")
        sheet.arrow((x, y - RADIUS), (x, rect.bottom))
        sheet.beside((x + RADIUS + 7, y), shape_text(stage.joined))
        edge = places[stage.skip].right
        if stage.skip_se:
            gate = places[stage.skip_se.path]
            sheet.part(gate, stage.skip_se, "se")
            sheet.arrow((edge, y), (gate.left, y), style="skip")
            edge = gate.right
        sheet.arrow((edge, y), (x - RADIUS, y), style="skip")
        sheet.arrow((x, below), (x, y + RADIUS), style="up", part=stage.up)
        middle = min((below + y + RADIUS) / 2, y + RADIUS + 24)
        sheet.beside((x + 16, middle), stage.up.note, shape_text(stage.up.shape))

    first, head, output = (places[name] for name in (parts.decoder[0].path, "head", "output"))
    sheet.part(head, parts.head)
    sheet.box(output, "image", named("Output", parts.head.shape, "mask logits"))
    for start, end in ((first, head), (head, output)):
        sheet.arrow((start.right, first.center[1]), (end.left, first.center[1]))
