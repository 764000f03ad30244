"""What a picture is made of: rectangles, words, arrows and signs at places, and how wide words are.

Lengths are in px of the picture, x to the right and y down. Geometry only: nothing here knows SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from fetalseg_book.diagram.parts import Part

Point = tuple[float, float]

NAME, SHAPE, NOTE = 15.5, 14.0, 13.0
"""Sizes of the three lines of a box."""

LINE_HEIGHT = 1.25
"""From one line to the next, in sizes of the letters."""

BoxStyle = Literal["image", "conv", "se", "aspp"]
ArrowStyle = Literal["flow", "skip", "up", "down"]
FrameStyle = Literal["aspp", "backbone", "inset"]
Sign = Literal["concatenation", "addition", "scaling"]


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


@dataclass(frozen=True, kw_only=True)
class Text:
    """Words on one line; ``at`` is the middle of the line's height, at the ``anchor`` end of its width."""

    at: Point
    content: str
    size: float = NOTE
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "middle"
    light: bool = False


@dataclass(frozen=True, kw_only=True)
class Box:
    """A filled rectangle that stands for a part, with its lines of text and small marks inside."""

    rect: Rect
    style: BoxStyle
    texts: tuple[Text, ...]
    part: Part | None = None
    marks: tuple[Box | Symbol, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A border around boxes that belong together."""

    rect: Rect
    style: FrameStyle
    part: Part | None = None


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """A line through ``points``, with a head at its end unless ``head`` is false."""

    points: tuple[Point, ...]
    style: ArrowStyle = "flow"
    head: bool = True
    part: Part | None = None


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """A sign for what is done to two maps: a ring with a thin plus, a bold plus, or a ring with a cross."""

    at: Point
    sign: Sign
    radius: float = 11.0


Item = Frame | Arrow | Box | Symbol | Text


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A whole picture, its name, and what it shows in words."""

    width: float
    height: float
    title: str
    description: str
    items: tuple[Item, ...]


@lru_cache(maxsize=4096)
def text_width(content: str, size: float = NOTE, *, bold: bool = False) -> float:
    """How wide words are in DejaVu Sans, one of the widest fonts that ``sans-serif`` may turn out to be.

    >>> text_width("256×256×32", 20) == 2 * text_width("256×256×32", 10)
    True
    """
    font = FontProperties(family="DejaVu Sans", size=100, weight="bold" if bold else "normal")
    width: float = text_to_path.get_text_width_height_descent(content, font, ismath=False)[0]
    return width * size / 100


def stacked(
    center: Point, lines: Sequence[tuple[str, float, bool]], *, light: bool = False
) -> tuple[Text, ...]:
    """Lines of (words, size, bold) under each other, centred on a point; empty ones are left out."""
    lines = [line for line in lines if line[0]]
    heights = [LINE_HEIGHT * size for _, size, _ in lines]
    y = center[1] - sum(heights) / 2
    texts = []
    for (content, size, bold), height in zip(lines, heights, strict=True):
        at = (center[0], y + height / 2)
        texts.append(Text(at=at, content=content, size=size, bold=bold, light=light))
        y += height
    return tuple(texts)
