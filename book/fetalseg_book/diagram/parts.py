"""A network as the figure sees it: encoder, bottleneck, decoder, and what joins them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fetalseg_book.diagram.words import Layer
from fetalseg_book.trace import Shape


@dataclass(frozen=True, kw_only=True)
class Part:
    """Anything that gets a box: a stage, or a module within one. ``state`` is what training may change,
    ``detail`` a word on its shape.
    """

    path: str
    note: str
    shape: Shape
    state: str
    parameters: int
    trainable: int
    flops: int
    layers: tuple[Layer, ...]
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class EncoderStage:
    """A stage on the way down, where its input comes from, and how that got smaller (empty: it did not)."""

    part: Part
    source: str
    downsampling: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """The inside of a decoder block: ``joined`` comes in; ``shortcut`` is ``None`` for a bare addition."""

    joined: Shape
    convs: tuple[Part, ...]
    se: Part | None
    shortcut: Part | None
    adds: bool

    @property
    def note(self) -> str:
        """Its name: residual or not, with SE or not."""
        kinds = ["residual"] * self.adds + ["SE"] * (self.se is not None)
        return " ".join([*kinds, "block"]) if kinds else "double conv block"


@dataclass(frozen=True, kw_only=True)
class DecoderStage:
    """A stage on the way up: upsampling, the skip (through SE or not), concatenation, block."""

    part: Part
    up: Part
    skip: str
    skip_se: Part | None
    joined: Shape
    block: Block


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """The lowest part; an ASPP has ``branches``, the ``joined`` shape behind them and a ``projection``."""

    stage: EncoderStage
    branches: tuple[Part, ...] = ()
    joined: Shape = ()
    projection: Part | None = None


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """The module that several encoder stages are slices of."""

    name: str
    weights: str
    state: str
    parameters: int
    stages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The whole figure's content; ``decoder`` from the top down, as it stands in the figure."""

    image: Shape
    encoder: tuple[EncoderStage, ...]
    backbone: Backbone | None
    bottleneck: Bottleneck
    decoder: tuple[DecoderStage, ...]
    head: Part
    whole: Part

    @property
    def title(self) -> str:
        """The architecture's name, made of what is in it."""
        words = [re.sub(r"V\d+$", "", self.backbone.name)] if self.backbone else []
        words += ["ASPP"] if self.bottleneck.branches else []
        words += ["Residual"] if any(stage.block.adds for stage in self.decoder) else []
        words += ["SE"] if any(stage.skip_se or stage.block.se for stage in self.decoder) else []
        return " ".join([*words, "U-Net Architecture"])

    @property
    def stages(self) -> tuple[Part, ...]:
        """The named stages in the order of the data's way."""
        down = [stage.part for stage in self.encoder]
        up = [stage.part for stage in reversed(self.decoder)]
        return (*down, self.bottleneck.stage.part, *up, self.head)
