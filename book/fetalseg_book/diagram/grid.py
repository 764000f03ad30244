"""Where the columns and rows of the U are: sizes follow from the words that must fit and from the depth."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fetalseg_book.diagram.boxes import MARKS, lines_of
from fetalseg_book.diagram.parts import Part, Parts
from fetalseg_book.diagram.scene import Rect, text_width
from fetalseg_book.diagram.words import shape_text
from fetalseg_book.trace import IMAGE

MARGIN = 18.0
TOP = 92.0
"""Where the first row begins, below the heading."""
PADDING = 10.0
"""Between the words and the border of a box."""
RADIUS = 11.0
"""Of the signs for concatenation and addition."""
FRAME = 12.0
"""Between the encoder's boxes and the border of the backbone."""
SPLIT, MERGE = 30.0, 16.0
"""Room for the lines to the branches of the bottleneck, and for those away from them."""
LANE = 26.0
"""Room for an arrow that passes the first encoder stage."""

_LEAST_WIDTH, _WIDTH_STEP = 96.0, 20.0
_LEAST_HEIGHT, _HEIGHT_STEP = 62.0, 9.0
_BRANCH_HEIGHT, _BRANCH_GAP = 42.0, 8.0
_HEADER, _RIM = 34.0, 20.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One level of the U: where its decoder box lies, and the height of its skip and concatenation."""

    decoder: Rect
    joint_y: float


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The border around the branches of the bottleneck; its ``middle`` is the height of the bottom row."""

    rect: Rect
    middle: float
    branches: int
    branch_width: float
    half_label: float

    def branch(self, index: int) -> Rect:
        """One of the branches, stacked about the middle."""
        y = self.middle + (index - (self.branches - 1) / 2) * (_BRANCH_HEIGHT + _BRANCH_GAP)
        left = self.rect.left + SPLIT
        return Rect(left=left, top=y - _BRANCH_HEIGHT / 2, width=self.branch_width, height=_BRANCH_HEIGHT)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The places that everything in the U is put at; ``widths`` and ``heights`` by level, from the top."""

    widths: tuple[float, ...]
    heights: tuple[float, ...]
    encoder_x: float
    skip_x: float
    skip_width: float
    decoder_x: float
    label_width: float
    rows: tuple[Row, ...]
    bottom_y: float
    panel: Panel | None
    has_lane: bool

    @property
    def right(self) -> float:
        """Where the U ends and the column of insets may begin."""
        return self.decoder_x + max(self.widths[0] / 2, self.label_width + 16)

    def encoder_box(self, level: int) -> Rect:
        """The encoder's box on a level; the one below all skips lies level with the bottleneck."""
        y = self.rows[level].joint_y if level < len(self.rows) else self.bottom_y
        return Rect.around((self.encoder_x, y), width=self.widths[level], height=self.heights[level])


def plan(parts: Parts) -> Grid:
    """Find room for everything: boxes get narrower and taller with each level down."""
    widths = _widths(parts)
    heights = tuple(_LEAST_HEIGHT + _HEIGHT_STEP * level for level in range(len(widths)))
    tops, joints, y = [], [], TOP
    for height in heights[:-1]:
        tops.append(y)
        joints.append(y + height + 20 + RADIUS)
        y = joints[-1] + RADIUS + 46

    has_lane = any(stage.source == IMAGE for stage in parts.encoder[1:])
    encoder_x = MARGIN + (LANE if has_lane else 0) + widths[0] / 2
    skip_width = max((_words(stage.skip_se) for stage in parts.decoder if stage.skip_se), default=80.0)
    decoder_x = encoder_x + widths[0] + skip_width + 104
    panel = None
    if parts.bottleneck.branches:
        panel = panel_of(parts, left=encoder_x + widths[1] / 2 + FRAME + 18, top=y, last_width=widths[-1])
        decoder_x = max(decoder_x, panel.rect.right - widths[-1] / 2 - _RIM)
        panel = replace(
            panel, rect=replace(panel.rect, width=decoder_x + widths[-1] / 2 + _RIM - panel.rect.left)
        )

    bottom_y = panel.middle if panel else y + heights[-1] / 2
    if len(parts.encoder) > len(joints):  # a stage lies below all skips: room for the arrow down to it
        bottom_y = max(bottom_y, joints[-1] + heights[-2] / 2 + 64 + heights[-1] / 2)
    return Grid(
        widths=widths,
        heights=heights,
        encoder_x=encoder_x,
        skip_x=(encoder_x + decoder_x) / 2,
        skip_width=skip_width,
        decoder_x=decoder_x,
        label_width=max(text_width(stage.up.note) for stage in parts.decoder),
        rows=tuple(
            Row(decoder=Rect(left=decoder_x - width / 2, top=top, width=width, height=height), joint_y=joint)
            for width, top, height, joint in zip(widths[:-1], tops, heights[:-1], joints, strict=True)
        ),
        bottom_y=bottom_y,
        panel=panel,
        has_lane=has_lane,
    )


def panel_of(parts: Parts, *, left: float, top: float, last_width: float) -> Panel:
    """The panel at its least width: branches, concatenation and a projection of ``last_width``."""
    branches = parts.bottleneck.branches
    branch_width = max(_words(branch) for branch in branches)
    half_label = max(RADIUS + 24, text_width(shape_text(parts.bottleneck.joined)) / 2 + 5)
    stack = len(branches) * (_BRANCH_HEIGHT + _BRANCH_GAP) - _BRANCH_GAP
    width = SPLIT + branch_width + MERGE + 2 * half_label + last_width + _RIM
    return Panel(
        rect=Rect(left=left, top=top, width=width, height=_HEADER + stack + 24),
        middle=top + _HEADER + stack / 2,
        branches=len(branches),
        branch_width=branch_width,
        half_label=half_label,
    )


def _words(part: Part) -> float:
    """The width that a part's box needs."""
    return max(text_width(text, size, bold=bold) for text, size, bold in lines_of(part)) + 2 * PADDING


def _widths(parts: Parts) -> tuple[float, ...]:
    """A box's width on each level: what its words need, and more than on the level below."""
    depth = len(parts.decoder)
    needed = [_LEAST_WIDTH] * (depth + 1)
    for level, stage in enumerate(parts.encoder):
        needed[level] = max(needed[level], _words(stage.part))
    for level, decoder in enumerate(parts.decoder):
        needed[level] = max(needed[level], _words(decoder.part) + MARKS)
    bottleneck = parts.bottleneck
    needed[depth] = max(needed[depth], _words(bottleneck.projection or bottleneck.stage.part))
    for level in reversed(range(depth)):
        needed[level] = max(needed[level], needed[level + 1] + _WIDTH_STEP)
    return tuple(needed)
