"""From a scene to SVG: plain shapes with their colours written on them, no ids and no style sheet.

So a picture stays itself wherever it is pasted, and two of them on one page do not disturb each other.
"""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

from fetalseg_book.diagram.parts import Part
from fetalseg_book.diagram.scene import Arrow, Box, Frame, Point, Rect, Scene, Symbol, Text
from fetalseg_book.diagram.words import flops_text, shape_text

INK, PAPER = "#1a1a1a", "#ffffff"
FILLS = {"image": "#ffffff", "conv": "#9cc4e6", "se": "#a61e36", "aspp": "#ffe78a"}
STROKES = {"image": "#1a1a1a", "conv": "#1f5f99", "se": "#6b0f20", "aspp": "#a67c00"}
"""Blue, red and yellow of three lightnesses, so that they also differ in grey."""
LINES = {"flow": "#333333", "skip": "#707070", "up": "#2a9a55", "down": "#5f2585"}
LINE_WIDTHS = {"flow": 1.6, "skip": 2.2, "up": 7.0, "down": 7.0}
HEADS = {"flow": 8.0, "skip": 9.0, "up": 15.0, "down": 15.0}
"""Lengths of the arrow heads."""


def render(scene: Scene, *, interactive: bool = False) -> str:
    """The picture as SVG; ``interactive`` makes every part an option that can take the focus."""
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {_n(scene.width)} {_n(scene.height)}",
            "font-family": "sans-serif",
            "role": "listbox" if interactive else "img",
            "aria-label": scene.title,
        },
    )
    if not interactive:  # a page gives it the width that there is
        root.set("width", _n(scene.width))
        root.set("height", _n(scene.height))
    ET.SubElement(root, "title").text = scene.title
    ET.SubElement(root, "desc").text = scene.description
    _rect(root, Rect(left=0, top=0, width=scene.width, height=scene.height), fill=PAPER)
    for kind in (Frame, Arrow, Box, Symbol, Text):  # from back to front
        for item in scene.items:
            if isinstance(item, kind):
                _draw(root, item, interactive)
    return ET.tostring(root, encoding="unicode")


def _draw(root: ET.Element, item: Frame | Arrow | Box | Symbol | Text, interactive: bool) -> None:
    if isinstance(item, Text):
        _text(root, item)
    elif isinstance(item, Symbol):
        _symbol(root, item)
    elif isinstance(item, Frame):
        _frame(_group(root, "frame", item.part, interactive), item)
    elif isinstance(item, Arrow):
        _arrow(_group(root, f"arrow {item.style}", item.part, interactive), item)
    else:
        _box(_group(root, f"box {item.style}", item.part, interactive), item)


def _group(root: ET.Element, name: str, part: Part | None, interactive: bool) -> ET.Element:
    group = ET.SubElement(root, "g", {"class": name})
    if part is not None:
        group.set("data-part", part.path)
        group.set("data-shape", shape_text(part.shape))
        ET.SubElement(group, "title").text = part_sentence(part)  # its name for a screen reader, too
        if interactive:
            group.set("role", "option")
            group.set("tabindex", "-1")
    return group


def part_sentence(part: Part) -> str:
    """A part in a line: name, kind, shape, weights, operations."""
    return (
        f"{part.path}: {part.note}, {shape_text(part.shape)}, "
        f"{part.parameters:,} parameters ({part.state}), {flops_text(part.flops)}"
    )


def _box(group: ET.Element, box: Box) -> None:
    _rect(group, box.rect, fill=FILLS[box.style], stroke=STROKES[box.style], width=1.5, radius=4)
    if box.style == "aspp":  # the second line sets these apart without colour
        _rect(group, box.rect.grown(-3), fill="none", stroke=STROKES["aspp"], width=0.8, radius=2)
    for mark in box.marks:
        if isinstance(mark, Symbol):
            _symbol(group, mark)
        else:
            _box(ET.SubElement(group, "g", {"class": f"mark {mark.style}"}), mark)
    for text in box.texts:
        _text(group, text)


def _frame(group: ET.Element, frame: Frame) -> None:
    if frame.style == "aspp":
        _rect(group, frame.rect, fill="#fffaeb", stroke=STROKES["aspp"], width=3, radius=8)
        _rect(group, frame.rect.grown(-5), fill="none", stroke=STROKES["aspp"], width=1, radius=5)
    elif frame.style == "backbone":
        _rect(group, frame.rect, fill="#eef4fa", stroke=STROKES["conv"], width=1.2, radius=8)
    else:
        _rect(group, frame.rect, fill="#fafafa", stroke="#b0b0b0", width=1, radius=6)


def _arrow(group: ET.Element, arrow: Arrow) -> None:
    colour, length = LINES[arrow.style], HEADS[arrow.style]
    points = list(arrow.points)
    head: list[Point] = []
    if arrow.head:
        head = _head(points[-2], points[-1], length)
        points[-1] = _towards(points[-1], points[-2], length - 1)
    line = ET.SubElement(
        group,
        "polyline",
        {
            "points": _points(points),
            "fill": "none",
            "stroke": colour,
            "stroke-width": _n(LINE_WIDTHS[arrow.style]),
            "stroke-linejoin": "round",
        },
    )
    if group.get("tabindex"):  # a thin line is hard to point at
        broad = {"class": "reach", "stroke": "transparent", "stroke-width": "26"}
        ET.SubElement(group, "polyline", dict(line.attrib) | broad)
    if arrow.style == "skip":
        line.set("stroke-dasharray", "8 5")
    if head:
        ET.SubElement(group, "polygon", {"points": _points(head), "fill": colour})


def _head(before: Point, tip: Point, length: float) -> list[Point]:
    base = _towards(tip, before, length)
    across = ((tip[1] - base[1]) * 0.55, (base[0] - tip[0]) * 0.55)
    return [tip, (base[0] + across[0], base[1] + across[1]), (base[0] - across[0], base[1] - across[1])]


def _towards(start: Point, end: Point, distance: float) -> Point:
    share = distance / math.dist(start, end)
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _symbol(group: ET.Element, symbol: Symbol) -> None:
    (x, y), r = symbol.at, symbol.radius
    sign = ET.SubElement(group, "g", {"class": f"sign {symbol.sign}", "stroke": INK, "fill": PAPER})
    if symbol.sign != "addition":
        ET.SubElement(sign, "circle", {"cx": _n(x), "cy": _n(y), "r": _n(r), "stroke-width": "1.6"})
    reach, width = {"concatenation": (0.65, 1.6), "addition": (0.9, 5.0), "scaling": (0.45, 1.6)}[symbol.sign]
    d = r * reach
    if symbol.sign == "scaling":
        ends = [((x - d, y - d), (x + d, y + d)), ((x - d, y + d), (x + d, y - d))]
    else:
        ends = [((x - d, y), (x + d, y)), ((x, y - d), (x, y + d))]
    for start, end in ends:
        ET.SubElement(sign, "polyline", {"points": _points([start, end]), "stroke-width": _n(width)})


def _rect(
    parent: ET.Element, rect: Rect, *, fill: str, stroke: str = "none", width: float = 1, radius: float = 0
) -> None:
    attributes = {"x": rect.left, "y": rect.top, "width": rect.width, "height": rect.height, "rx": radius}
    element = ET.SubElement(parent, "rect", {name: _n(value) for name, value in attributes.items()})
    element.attrib |= {"fill": fill, "stroke": stroke, "stroke-width": _n(width)}


def _text(parent: ET.Element, text: Text) -> None:
    x, y = text.at
    # The middle of the capitals, 0.36 of the size above the baseline, comes to the middle of the line.
    attributes = {"x": _n(x), "y": _n(y + 0.36 * text.size), "font-size": _n(text.size)}
    attributes |= {"text-anchor": text.anchor, "fill": PAPER if text.light else INK}
    attributes |= {"font-weight": "bold"} if text.bold else {}
    ET.SubElement(parent, "text", attributes).text = text.content


def _points(points: list[Point]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
