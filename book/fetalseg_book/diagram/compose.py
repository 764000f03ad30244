"""All of the figure put together: heading, U, insets, legend."""

from __future__ import annotations

from fetalseg_book.diagram.bottom import bottleneck
from fetalseg_book.diagram.columns import decoder, encoder
from fetalseg_book.diagram.grid import MARGIN, plan
from fetalseg_book.diagram.insets import (
    INSET_WIDTH,
    SQUEEZE_HEIGHT,
    block,
    block_height,
    squeeze_and_excitation,
    squeeze_to_show,
)
from fetalseg_book.diagram.legend import height as legend_height
from fetalseg_book.diagram.legend import legend
from fetalseg_book.diagram.parts import Parts
from fetalseg_book.diagram.scene import Box, Frame, Item, Scene, Text
from fetalseg_book.diagram.words import flops_text, shape_text

_GAP = 18.0


def compose(parts: Parts, *, variant: str) -> Scene:
    """Lay out the figure of a network."""
    grid = plan(parts)
    items: list[Item] = [*bottleneck(parts, grid), *encoder(parts, grid), *decoder(parts, grid)]
    aside = grid.right + 26
    top = grid.rows[0].decoder.bottom + 34
    bottom = max(item.rect.bottom for item in items if isinstance(item, (Box, Frame)))
    squeeze = squeeze_to_show(parts)
    heights = [block_height(parts.decoder[-1]), SQUEEZE_HEIGHT if squeeze else 0, legend_height(parts)]
    bottom = max(bottom, top + sum(heights) + 2 * _GAP)
    items += block(parts.decoder[-1], (aside, top))
    if squeeze:
        middle = (top + heights[0] + bottom - heights[2]) / 2
        items += squeeze_and_excitation(squeeze, (aside, middle - SQUEEZE_HEIGHT / 2))
    items += legend(parts, (aside, bottom - heights[2]))

    width = aside + INSET_WIDTH + MARGIN
    items += heading(parts, variant, width / 2)
    return Scene(
        width=width,
        height=bottom + MARGIN,
        title=f"{parts.title} ({variant})",
        description=description(parts),
        items=tuple(items),
    )


def heading(parts: Parts, variant: str, x: float) -> list[Text]:
    """The title, and the whole network's numbers."""
    return [
        Text(at=(x, 30), content=parts.title, size=24, bold=True),
        Text(at=(x, 60), content=f"variant {variant} · {totals(parts)}", size=14),
    ]


def totals(parts: Parts) -> str:
    """The whole network's parameters and operations in a line."""
    whole = parts.whole
    frozen = whole.parameters - whole.trainable
    split = f" ({whole.trainable:,} trainable, {frozen:,} frozen)" if frozen else ", all trainable"
    return f"{whole.parameters:,} parameters{split} · {flops_text(whole.flops)} an image"


def description(parts: Parts) -> str:
    """The figure in words, stage by stage, for those who cannot see it."""
    stages = [f"{stage.path} {shape_text(stage.shape)}" for stage in parts.stages]
    skips = [f"{stage.skip} to {stage.part.path}" for stage in reversed(parts.decoder)]
    return (
        f"From the input {shape_text(parts.image)} down the left side, through the bottleneck, "
        f"up the right side (height×width×channels): {', '.join(stages)}. "
        f"Skip connections: {', '.join(skips)}. {totals(parts)}."
    )
