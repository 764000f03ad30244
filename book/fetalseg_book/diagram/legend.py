"""What the colours and signs mean; only those that the figure holds."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.diagram.grid import RADIUS
from fetalseg_book.diagram.insets import HEADER, INSET_WIDTH, frame
from fetalseg_book.diagram.parts import Parts
from fetalseg_book.diagram.scene import (
    NOTE,
    Arrow,
    ArrowStyle,
    Box,
    BoxStyle,
    Item,
    Point,
    Rect,
    Sign,
    Symbol,
    Text,
    text_width,
)

Kind = BoxStyle | ArrowStyle | Sign

_ROW = 30.0


def entries(parts: Parts) -> list[tuple[Kind, str]]:
    """Kind and words of what the figure holds."""
    se = any(stage.skip_se or stage.block.se for stage in parts.decoder)
    shrinks = any(stage.downsampling for stage in (*parts.encoder, parts.bottleneck.stage))
    listed: list[tuple[Kind, str]] = [("conv", "Conv-BN-ReLU")]
    listed += [("aspp", "ASPP branch")] if parts.bottleneck.branches else []
    listed += [("se", "Squeeze and excitation")] if se else []
    listed += [("down", "Downsampling ÷2")] if shrinks else []
    listed += [("up", "Upsampling ×2"), ("skip", "Skip connection"), ("concatenation", "Concatenation")]
    listed += [("addition", "Addition")] if any(s.block.adds for s in parts.decoder) else []
    listed += [("scaling", "Channel scaling")] if se else []
    return listed


def height(parts: Parts) -> float:
    """How tall the legend gets."""
    return HEADER + -(-len(entries(parts)) // 2) * _ROW + 8


def legend(parts: Parts, at: Point) -> Iterator[Item]:
    """The legend in two columns."""
    rect = Rect(left=at[0], top=at[1], width=INSET_WIDTH, height=height(parts))
    yield from frame(rect, "Legend")
    listed = entries(parts)
    rows = -(-len(listed) // 2)
    second = max(text_width(words) for _, words in listed[:rows]) + 38 + 14
    for index, (kind, words) in enumerate(listed):
        x = rect.left + 14 + (index // rows) * second
        y = rect.top + HEADER + (index % rows + 0.5) * _ROW
        yield _swatch(kind, (x, y))
        yield Text(at=(x + 38, y), content=words, size=NOTE, anchor="start")


def _swatch(kind: Kind, at: Point) -> Item:
    x, y = at
    match kind:
        case "image" | "conv" | "aspp" | "se":
            return Box(rect=Rect(left=x, top=y - 9, width=30, height=18), style=kind, texts=())
        case "flow" | "up" | "down" | "skip":
            return Arrow(points=((x, y), (x + 30, y)), style=kind)
        case "concatenation" | "addition" | "scaling":
            return Symbol(at=(x + 15, y), sign=kind, radius=RADIUS - 1)
