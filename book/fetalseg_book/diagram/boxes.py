"""Boxes with their lines of text: what every box says, and in which order."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.diagram.parts import Part
from fetalseg_book.diagram.scene import (
    NAME,
    NOTE,
    SHAPE,
    Box,
    BoxStyle,
    Point,
    Rect,
    Symbol,
    Text,
    stacked,
)
from fetalseg_book.diagram.words import shape_text
from fetalseg_book.trace import Shape

MARKS = 36.0
"""The strip at the right of a decoder box that holds its SE and addition marks."""

Line = tuple[str, float, bool]
"""Words, their size, and whether they are bold."""


def lines_of(part: Part) -> list[Line]:
    """A stage says its name, its shape and what it is; a module within one what it is, and its shape."""
    shape = ", ".join(filter(None, (shape_text(part.shape), part.detail)))
    if "." in part.path:
        return [(part.note, NOTE, True), (shape, SHAPE, False)]
    return [(part.path, NAME, True), (shape, SHAPE, False), (part.note, NOTE, False)]


def part_box(
    rect: Rect, part: Part, *, style: BoxStyle = "conv", marks: tuple[Box | Symbol, ...] = ()
) -> Box:
    """The box of a part; marks stand at the right."""
    x, y = rect.center
    center = (x - MARKS / 2 if marks else x, y)
    return Box(
        rect=rect,
        style=style,
        texts=stacked(center, lines_of(part), light=style == "se"),
        part=part,
        marks=marks,
    )


def named_box(rect: Rect, name: str, shape: Shape, note: str = "", *, part: Part | None = None) -> Box:
    """A box under another name than its part's, or of no part; white where it is an image."""
    lines = [(name, NAME, True), (shape_text(shape), SHAPE, False), (note, NOTE, False)]
    return Box(rect=rect, style="conv" if part else "image", texts=stacked(rect.center, lines), part=part)


def beside(at: Point, *lines: str) -> Iterator[Text]:
    """Small lines to the right of a point."""
    for text in stacked(at, [(line, NOTE, False) for line in lines]):
        yield Text(at=text.at, content=text.content, anchor="start")
