"""A sheet to draw on: rectangles, words, arrows and signs, written as plain SVG.

Colours are written on the shapes, with no ids and no style sheet. So a picture stays itself wherever it is
pasted, and two of them on one page do not disturb each other. Lengths are in px, x to the right and y down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from xml.etree import ElementTree as ET

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from fetalseg_book.diagram.reading import Part
from fetalseg_book.diagram.words import flops_text, shape_text
from fetalseg_book.trace import Shape

INK, PAPER = "#1a1a1a", "#ffffff"
FILLS = {"image": "#ffffff", "conv": "#9cc4e6", "se": "#a61e36", "aspp": "#ffe78a"}
STROKES = {"image": "#1a1a1a", "conv": "#1f5f99", "se": "#6b0f20", "aspp": "#a67c00"}
"""Blue, red and yellow of three lightnesses, so that they also differ in grey."""
LINES = {"flow": "#333333", "skip": "#707070", "up": "#2a9a55", "down": "#5f2585"}
LINE_WIDTHS = {"flow": 1.6, "skip": 2.2, "up": 7.0, "down": 7.0}
HEADS = {"flow": 8.0, "skip": 9.0, "up": 15.0, "down": 15.0}
"""Lengths of the arrow heads."""
FRAMES = {
    "aspp": ("#fffaeb", STROKES["aspp"], 3, 8),
    "backbone": ("#eef4fa", STROKES["conv"], 1.2, 8),
    "inset": ("#fafafa", "#b0b0b0", 1, 6),
}
"""Fill, stroke, its width, and the radius of the corners."""
SIGNS = {"concatenation": (0.65, 1.6), "addition": (0.9, 5.0), "scaling": (0.45, 1.6)}
"""How far the strokes of a sign reach, in radii, and how wide they are."""

NAME, SHAPE, NOTE = 15.5, 14.0, 13.0
"""Sizes of the three lines of a box."""
LINE_HEIGHT = 1.25
"""From one line to the next, in sizes of the letters."""
RADIUS = 11.0
"""Of a sign."""
MARKS = 36.0
"""The strip at the right of a decoder box that holds its SE and addition marks."""

Point = tuple[float, float]
Line = tuple[str, float, bool]
"""Words, their size, and whether they are bold."""
Anchor = Literal["start", "middle"]


@dataclass(frozen=True, kw_only=True)
class Rect:
    """An upright rectangle.

    >>> Rect(left=0, top=0, width=4, height=2).grown(1).right
    5.0
    """

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def around(cls, center: Point, *, width: float, height: float) -> Rect:
        """The rectangle of that centre."""
        return cls(left=center[0] - width / 2, top=center[1] - height / 2, width=width, height=height)

    @property
    def right(self) -> float:
        """The right side's x."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower side's y."""
        return self.top + self.height

    @property
    def center(self) -> Point:
        """The middle."""
        return self.left + self.width / 2, self.top + self.height / 2

    def grown(self, by: float) -> Rect:
        """The rectangle with its sides moved outwards."""
        return Rect.around(self.center, width=self.width + 2 * by, height=self.height + 2 * by)


class Sheet:
    """Whatever the order of drawing, frames lie behind arrows, these behind boxes, then signs and words.

    ``interactive`` makes every part an option that can take the focus. ``right`` and ``bottom`` are how far
    boxes and frames reach.
    """

    def __init__(self, *, interactive: bool = False) -> None:
        self.right = self.bottom = 0.0
        self._interactive = interactive
        self._layers = {name: ET.Element(name) for name in ("frame", "arrow", "box", "sign", "text")}

    def frame(self, rect: Rect, style: str, title: str = "", *, part: Part | None = None) -> None:
        """A border around what belongs together, with a title at its upper left."""
        group = self._group("frame", "frame", part)
        fill, stroke, width, radius = FRAMES[style]
        _rect(group, rect, fill=fill, stroke=stroke, width=width, radius=radius)
        if style == "aspp":
            _rect(group, rect.grown(-5), fill="none", stroke=stroke, width=1, radius=5)
        if title:
            self.text((rect.left + radius + 8, rect.top + 19), title, size=SHAPE, bold=True, anchor="start")
        self.right, self.bottom = max(self.right, rect.right), max(self.bottom, rect.bottom)

    def box(
        self,
        rect: Rect,
        style: str,
        lines: Iterable[Line] = (),
        *,
        part: Part | None = None,
        marks: Sequence[str] = (),
    ) -> None:
        """A filled rectangle with lines of text, and the marks of SE and addition at the right."""
        group = self._group("box", f"box {style}", part)
        _box(group, rect, style)
        for index, kind in enumerate(marks):
            at = (rect.right - MARKS / 2 - 3, rect.center[1] + (index - (len(marks) - 1) / 2) * 24)
            if kind == "se":
                mark = ET.SubElement(group, "g", {"class": "mark se"})
                tag = Rect.around(at, width=28, height=19)
                _box(mark, tag, "se")
                _lines(mark, tag.center, [("SE", NOTE, True)], fill=PAPER)
            else:
                _sign(group, at, kind, 9)
        middle = (rect.center[0] - (MARKS / 2 if marks else 0), rect.center[1])
        _lines(group, middle, lines, fill=PAPER if style == "se" else INK)
        self.right, self.bottom = max(self.right, rect.right), max(self.bottom, rect.bottom)

    def part(self, rect: Rect, part: Part, style: str = "conv", *, marks: Sequence[str] = ()) -> None:
        """The box of a part, with its own lines."""
        self.box(rect, style, lines_of(part), part=part, marks=marks)

    def arrow(self, *points: Point, style: str = "flow", head: bool = True, part: Part | None = None) -> None:
        """A line through points, with a head at its end."""
        group = self._group("arrow", f"arrow {style}", part)
        colour, length = LINES[style], HEADS[style]
        *before, tip = points
        end = _towards(tip, before[-1], length - 1) if head else tip
        line = {
            "points": _points([*before, end]),
            "fill": "none",
            "stroke": colour,
            "stroke-width": _n(LINE_WIDTHS[style]),
            "stroke-linejoin": "round",
        }
        dashes = {"stroke-dasharray": "8 5"} if style == "skip" else {}
        ET.SubElement(group, "polyline", line | dashes)
        if group.get("tabindex"):  # a thin line is hard to point at
            broad = {"class": "reach", "stroke": "transparent", "stroke-width": "26"}
            ET.SubElement(group, "polyline", line | broad)
        if head:
            x, y = _towards(tip, before[-1], length)
            dx, dy = (tip[1] - y) * 0.55, (x - tip[0]) * 0.55
            corners = _points([tip, (x + dx, y + dy), (x - dx, y - dy)])
            ET.SubElement(group, "polygon", {"points": corners, "fill": colour})

    def sign(self, at: Point, kind: str, *, radius: float = RADIUS) -> None:
        """What is done to two maps: a ring with a thin plus, a bold plus, or a ring with a cross."""
        _sign(self._layers["sign"], at, kind, radius)

    def text(
        self, at: Point, words: str, *, size: float = NOTE, bold: bool = False, anchor: Anchor = "middle"
    ) -> None:
        """A line of words whose height has its middle at a point, and its width as ``anchor`` says."""
        self.lines(at, [(words, size, bold)], anchor=anchor)

    def lines(self, at: Point, lines: Iterable[Line], *, anchor: Anchor = "middle") -> None:
        """Lines under each other, their middle at a point; empty ones are left out."""
        _lines(self._layers["text"], at, lines, anchor=anchor)

    def beside(self, at: Point, *words: str) -> None:
        """Small lines to the right of a point."""
        self.lines(at, [(line, NOTE, False) for line in words], anchor="start")

    def svg(self, *, width: float, height: float, title: str, description: str) -> str:
        """All that was drawn as an SVG document of that size."""
        root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {_n(width)} {_n(height)}",
                "font-family": "sans-serif",
                "role": "listbox" if self._interactive else "img",
                "aria-label": title,
            },
        )
        if not self._interactive:  # a page gives it the width that there is
            root.attrib |= {"width": _n(width), "height": _n(height)}
        ET.SubElement(root, "title").text = title
        ET.SubElement(root, "desc").text = description
        _rect(root, Rect(left=0, top=0, width=width, height=height), fill=PAPER)
        for layer in self._layers.values():
            root.extend(layer)
        return ET.tostring(root, encoding="unicode")

    def _group(self, layer: str, name: str, part: Part | None) -> ET.Element:
        group = ET.SubElement(self._layers[layer], "g", {"class": name})
        if part:
            group.attrib |= {"data-part": part.path, "data-shape": shape_text(part.shape)}
            group.attrib |= {"role": "option", "tabindex": "-1"} if self._interactive else {}
            ET.SubElement(group, "title").text = (  # its name for a screen reader, too
                f"{part.path}: {part.note}, {shape_text(part.shape)}, "
                f"{part.parameters:,} parameters ({part.state}), {flops_text(part.flops)}"
            )
        return group


def named(name: str, shape: Shape, note: str = "") -> list[Line]:
    """The lines of a box: a name, a shape, and a word on it."""
    return [(name, NAME, True), (shape_text(shape), SHAPE, False), (note, NOTE, False)]


def lines_of(part: Part) -> list[Line]:
    """A stage says its name, its shape and what it is; a module within one what it is, and its shape."""
    if "." not in part.path:
        return named(part.path, part.shape, part.note)
    shape = ", ".join(filter(None, (shape_text(part.shape), part.detail)))
    return [(part.note, NOTE, True), (shape, SHAPE, False)]


@lru_cache(maxsize=4096)
def text_width(words: str, size: float = NOTE, *, bold: bool = False) -> float:
    """How wide words are in DejaVu Sans, one of the widest fonts that ``sans-serif`` may turn out to be.

    >>> text_width("256×256×32", 20) == 2 * text_width("256×256×32", 10)
    True
    """
    font = FontProperties(family="DejaVu Sans", size=100, weight="bold" if bold else "normal")
    width: float = text_to_path.get_text_width_height_descent(words, font, ismath=False)[0]
    return width * size / 100


def _box(parent: ET.Element, rect: Rect, style: str) -> None:
    _rect(parent, rect, fill=FILLS[style], stroke=STROKES[style], width=1.5, radius=4)
    if style == "aspp":  # the second line sets these apart without colour
        _rect(parent, rect.grown(-3), fill="none", stroke=STROKES["aspp"], width=0.8, radius=2)


def _rect(
    parent: ET.Element, rect: Rect, *, fill: str, stroke: str = "none", width: float = 1, radius: float = 0
) -> None:
    attributes = {"x": rect.left, "y": rect.top, "width": rect.width, "height": rect.height, "rx": radius}
    element = ET.SubElement(parent, "rect", {name: _n(value) for name, value in attributes.items()})
    element.attrib |= {"fill": fill, "stroke": stroke, "stroke-width": _n(width)}


def _sign(parent: ET.Element, at: Point, kind: str, radius: float) -> None:
    x, y = at
    sign = ET.SubElement(parent, "g", {"class": f"sign {kind}", "stroke": INK, "fill": PAPER})
    if kind != "addition":
        ET.SubElement(sign, "circle", {"cx": _n(x), "cy": _n(y), "r": _n(radius), "stroke-width": "1.6"})
    reach, width = SIGNS[kind]
    d = radius * reach
    if kind == "scaling":
        ends = [((x - d, y - d), (x + d, y + d)), ((x - d, y + d), (x + d, y - d))]
    else:
        ends = [((x - d, y), (x + d, y)), ((x, y - d), (x, y + d))]
    for pair in ends:
        ET.SubElement(sign, "polyline", {"points": _points(pair), "stroke-width": _n(width)})


def _lines(
    parent: ET.Element, at: Point, lines: Iterable[Line], *, anchor: Anchor = "middle", fill: str = INK
) -> None:
    lines = [line for line in lines if line[0]]
    y = at[1] - sum(LINE_HEIGHT * size for _, size, _ in lines) / 2
    for words, size, bold in lines:
        # The middle of the capitals, 0.36 of the size above the baseline, comes to the middle of the line.
        base = y + LINE_HEIGHT * size / 2 + 0.36 * size
        attributes = {"x": _n(at[0]), "y": _n(base), "font-size": _n(size), "text-anchor": anchor}
        attributes |= {"fill": fill} | ({"font-weight": "bold"} if bold else {})
        ET.SubElement(parent, "text", attributes).text = words
        y += LINE_HEIGHT * size


def _towards(start: Point, end: Point, distance: float) -> Point:
    share = distance / math.dist(start, end)
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
