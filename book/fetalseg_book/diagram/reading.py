"""From a built network to the parts that the figure shows.

Which part is which follows from the traced connections: a decoder stage takes two inputs, the bottleneck is
what the first decoder stage takes from below, the head comes last, and all else is the encoder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import nn

from fetalseg_book.diagram.words import Layer, flops_text, layers, shape_text, short
from fetalseg_book.trace import Shape, trace
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models.aspp import ASPP
from fetalseg_lib.models.blocks import ConvBNReLU
from fetalseg_lib.models.se import SEBlock


@dataclass(frozen=True, kw_only=True)
class Part:
    """Anything that gets a box: a stage, or a module within one.

    ``state`` is what training may change, ``detail`` a word on the shape, ``source`` where a stage's first
    input comes from, and ``downsampling`` how that got smaller (empty: it did not).
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
    source: str = ""
    downsampling: str = ""


@dataclass(frozen=True, kw_only=True)
class DecoderStage(Part):
    """A stage on the way up: upsampling, the skip (through SE or not), concatenation, and a block.

    ``joined`` is what comes into the block, ``shortcut`` is ``None`` where the input is added as it is.
    """

    joined: Shape
    convs: tuple[Part, ...]
    adds: bool
    up: Part
    skip: str = ""
    skip_se: Part | None = None
    se: Part | None = None
    shortcut: Part | None = None


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """The module that several encoder ``stages`` are slices of, and what the figure says of it."""

    name: str
    facts: tuple[str, ...]
    stages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The whole figure's content; ``decoder`` from the top down, as it stands in the figure.

    An ASPP has ``branches``, a ``projection`` and the ``joined`` shape between them.
    """

    image: Shape
    encoder: tuple[Part, ...]
    backbone: Backbone | None
    bottleneck: Part
    branches: tuple[Part, ...]
    joined: Shape
    projection: Part | None
    decoder: tuple[DecoderStage, ...]
    head: Part

    @property
    def title(self) -> str:
        """The architecture's name, made of what is in it."""
        words = [re.sub(r"V\d+$", "", self.backbone.name)] if self.backbone else []
        words += ["ASPP"] if self.branches else []
        words += ["Residual"] if any(stage.adds for stage in self.decoder) else []
        words += ["SE"] if any(stage.skip_se or stage.se for stage in self.decoder) else []
        return " ".join([*words, "U-Net Architecture"])

    @property
    def totals(self) -> str:
        """The whole network's parameters and operations in a line."""
        total, trainable, flops = (
            sum(getattr(stage, name) for stage in self.stages)
            for name in ("parameters", "trainable", "flops")
        )
        frozen = total - trainable
        split = f" ({trainable:,} trainable, {frozen:,} frozen)" if frozen else ", all trainable"
        return f"{total:,} parameters{split} · {flops_text(flops)} an image"

    @property
    def description(self) -> str:
        """The figure in words, stage by stage, for those who cannot see it."""
        stages = [f"{stage.path} {shape_text(stage.shape)}" for stage in self.stages]
        skips = [f"{stage.skip} to {stage.path}" for stage in reversed(self.decoder)]
        return (
            f"From the input {shape_text(self.image)} down the left side, through the bottleneck, "
            f"up the right side (height×width×channels): {', '.join(stages)}. "
            f"Skip connections: {', '.join(skips)}. {self.totals}."
        )

    @property
    def stages(self) -> tuple[Part, ...]:
        """The named stages in the order of the data's way."""
        return (*self.encoder, self.bottleneck, *reversed(self.decoder), self.head)

    @property
    def shown(self) -> tuple[Part, ...]:
        """All that is drawn, in the same order; of one block, the deepest, also what is inside."""
        inside: list[Part | None] = [*self.branches, self.projection]
        for stage in reversed(self.decoder):
            inside += [stage.up, stage.skip_se, stage]
            if stage is self.decoder[-1]:
                inside += [*stage.convs, stage.se, stage.shortcut]
        return tuple(filter(None, (*self.encoder, self.bottleneck, *inside, self.head)))


def read(model: nn.Module, *, size: tuple[int, int] = (256, 256)) -> Parts:
    """Trace an image of ``size`` (rows, columns) through ``model``, and sort what it meets.

    The model comes in training mode, as it is built: then a frozen BatchNorm that drifts can be told from one
    that does not. Raises what :func:`~fetalseg_book.trace.trace` raises.

    >>> from fetalseg_lib.models import UNet
    >>> [stage.path for stage in read(UNet()).stages]
    ['enc0', 'enc1', 'enc2', 'enc3', 'bottleneck', 'dec4', 'dec3', 'dec2', 'dec1', 'head']
    """
    return _Reader(model, size=size).parts()


class _Reader:
    def __init__(self, model: nn.Module, *, size: tuple[int, int]) -> None:
        self.model = model
        self.found = trace(model, size=size)
        self.calls = self.found.calls

    def parts(self) -> Parts:
        *stages, head = [call for path, call in self.calls.items() if "." not in path]
        decoder = [stage.path for stage in stages if len(stage.inputs) == 2]
        lowest = self.calls[decoder[0]].sources[0]
        encoder = [stage.path for stage in stages if stage.path not in (*decoder, lowest)]
        backbone = self.backbone(encoder)
        projection = f"{lowest}.projection" if isinstance(self.calls[lowest].module, ASPP) else None
        return Parts(
            image=self.found.image,
            encoder=tuple(self.down(path, backbone) for path in encoder),
            backbone=backbone,
            bottleneck=self.down(lowest),
            branches=tuple(self.branches(lowest)) if projection else (),
            joined=self.calls[projection].inputs[0] if projection else (),
            projection=self.part(projection) if projection else None,
            decoder=tuple(self.up(path) for path in reversed(decoder)),
            head=self.part(head.path),
        )

    def part(self, path: str, note: str = "", **more: str) -> Part:
        call = self.calls[path]
        calls = [call, *self.found.below(path)]
        total, trainable = count_parameters(call.module)
        return Part(
            path=path,
            note=note or short(calls),
            shape=call.output,
            state=state(call.module),
            parameters=total,
            trainable=trainable,
            flops=call.flops,
            layers=layers(calls),
            **more,
        )

    def down(self, path: str, backbone: Backbone | None = None) -> Part:
        call = self.calls[path]
        names = [name for name, _ in call.module.named_children()]
        ratio = call.inputs[0][1] // call.output[1]
        return self.part(
            path,
            note=f"features {names[0]}–{names[-1]}" if backbone and path in backbone.stages else "",
            source=call.sources[0],
            downsampling=call.via[0] or (f"stride {ratio}" if ratio > 1 else ""),
        )

    def backbone(self, encoder: list[str]) -> Backbone | None:
        """The submodule that holds encoder stages as its children, if there is one."""
        for child in self.model.children():
            inner = set(child.children())
            stages = tuple(path for path in encoder if self.calls[path].module in inner)
            if stages:
                pretrained = getattr(getattr(self.model, "config", None), "pretrained", False)
                facts = (
                    "ImageNet weights" if pretrained else "random weights",
                    state(child),
                    f"{count_parameters(child)[0]:,} parameters",
                )
                return Backbone(name=type(child).__name__.removesuffix("Encoder"), facts=facts, stages=stages)
        return None

    def branches(self, path: str) -> list[Part]:
        """The branches with their rates, and the sides of the squares that their kernels span."""
        aspp = self.calls[path].module
        assert isinstance(aspp, ASPP)
        parts = [self.part(f"{path}.pointwise", "Conv 1×1")]
        for index, branch in enumerate(aspp.dilated):
            conv = next(module for module in branch.modules() if isinstance(module, nn.Conv2d))
            side, rate = conv.kernel_size[0], conv.dilation[0]
            span = side + (side - 1) * (rate - 1)
            note, detail = f"Conv {side}×{side}, rate {rate}", f"spans {span}×{span}"
            parts.append(self.part(f"{path}.dilated.{index}", note, detail=detail))
        return [*parts, self.part(f"{path}.pooling", "Global mean, Conv 1×1")]

    def up(self, path: str) -> DecoderStage:
        block, shortcut = f"{path}.block", self.calls.get(f"{path}.block.shortcut")
        se, adds = self.squeeze(f"{block}.se"), shortcut is not None
        kinds = ["residual"] * adds + ["SE"] * (se is not None)
        convs = [call.path for call in self.found.below(block) if isinstance(call.module, ConvBNReLU)]
        projected = shortcut and not isinstance(shortcut.module, nn.Identity)
        return DecoderStage(
            **vars(self.part(path, " ".join([*kinds, "block"]) if kinds else "double conv block")),
            up=self.part(f"{path}.up"),
            skip=self.calls[path].sources[1],
            skip_se=self.squeeze(f"{path}.skip_se"),
            joined=self.calls[block].inputs[0],
            convs=tuple(self.part(conv) for conv in convs),
            se=se,
            shortcut=self.part(f"{block}.shortcut") if projected else None,
            adds=adds,
        )

    def squeeze(self, path: str) -> Part | None:
        """A squeeze-and-excitation block with the widths that it passes through, if there is one."""
        se = self.calls[path].module if path in self.calls else None
        if not isinstance(se, SEBlock):
            return None
        widths = (se.squeeze.in_features, se.squeeze.out_features, se.excite.out_features)
        return self.part(path, f"SE {'→'.join(map(str, widths))}")


def state(module: nn.Module) -> str:
    """What training may change in a module: everything, nothing, or the statistics that it should not.

    >>> state(nn.Conv2d(1, 8, 3).requires_grad_(False))
    'frozen'
    """
    total, trainable = count_parameters(module)
    if not total:
        return "no parameters"
    if trainable:
        return "trainable" if trainable == total else "partly trainable"
    drifts = any(isinstance(part, nn.BatchNorm2d) and part.training for part in module.modules())
    return "frozen, BatchNorm drifts" if drifts else "frozen"
