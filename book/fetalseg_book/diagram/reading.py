"""From a built network to the figure's parts.

Which part is which follows from the traced connections: a decoder stage takes two inputs, the bottleneck is
what the first decoder stage takes from below, the head comes last, and all else is the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from fetalseg_book.diagram.parts import (
    Backbone,
    Block,
    Bottleneck,
    DecoderStage,
    EncoderStage,
    Part,
    Parts,
)
from fetalseg_book.diagram.states import count, drifting_norms, state_of
from fetalseg_book.diagram.words import layers, short
from fetalseg_book.trace import Shape, Trace, trace
from fetalseg_lib.models.aspp import ASPP, ImagePooling
from fetalseg_lib.models.blocks import ConvBNReLU
from fetalseg_lib.models.se import SEBlock


def read(model: nn.Module, *, size: tuple[int, int] = (256, 256)) -> Parts:
    """Trace ``model`` at ``size`` (rows, columns) and sort what is found into the figure's parts.

    Raises what :func:`~fetalseg_book.trace.trace` raises.

    >>> from fetalseg_lib.models import UNet
    >>> [stage.path for stage in read(UNet()).stages]
    ['enc0', 'enc1', 'enc2', 'enc3', 'bottleneck', 'dec4', 'dec3', 'dec2', 'dec1', 'head']
    """
    reader = _Reader(found=trace(model, size=size), drifting=drifting_norms(model))
    return reader.parts(model)


@dataclass(frozen=True, kw_only=True)
class _Reader:
    found: Trace
    drifting: frozenset[nn.Module]

    def parts(self, model: nn.Module) -> Parts:
        stages = [call for path, call in self.found.calls.items() if "." not in path]
        *others, head = stages
        decoder = [stage.path for stage in others if len(stage.inputs) == 2]
        lowest = self.found.calls[decoder[0]].sources[0]
        encoder = [stage.path for stage in others if stage.path not in (*decoder, lowest)]
        backbone = self.backbone(model, encoder)
        sliced = backbone.stages if backbone else ()
        return Parts(
            image=self.found.image,
            encoder=tuple(self.encoder_stage(path, sliced=path in sliced) for path in encoder),
            backbone=backbone,
            bottleneck=self.bottleneck(lowest),
            decoder=tuple(self.decoder_stage(path) for path in reversed(decoder)),
            head=self.part(head.path),
            whole=self.whole(model, head.output),
        )

    def part(self, path: str, note: str = "") -> Part:
        call = self.found.calls[path]
        total, trainable = count(call.module)
        return Part(
            path=path,
            note=note or short([call, *self.found.below(path)]),
            shape=call.output,
            state=state_of(call.module, self.drifting),
            parameters=total,
            trainable=trainable,
            flops=call.flops,
            layers=layers(self.found, path),
        )

    def whole(self, model: nn.Module, output: Shape) -> Part:
        total, trainable = count(model)
        return Part(
            path="",
            note="",
            shape=output,
            state=state_of(model, self.drifting),
            parameters=total,
            trainable=trainable,
            flops=self.found.flops,
            layers=(),
        )

    def encoder_stage(self, path: str, *, sliced: bool = False) -> EncoderStage:
        call = self.found.calls[path]
        names = [name for name, _ in call.module.named_children()]
        ratio = call.inputs[0][1] // call.output[1]
        return EncoderStage(
            part=self.part(path, note=f"features {names[0]}–{names[-1]}" if sliced else ""),
            source=call.sources[0],
            downsampling=call.via[0] or (f"stride {ratio}" if ratio > 1 else ""),
        )

    def backbone(self, model: nn.Module, encoder: list[str]) -> Backbone | None:
        """The submodule that holds encoder stages as its children, if there is one."""
        for child in model.children():
            inner = set(child.children())
            stages = tuple(path for path in encoder if self.found.calls[path].module in inner)
            if stages:
                total, _ = count(child)
                pretrained = getattr(getattr(model, "config", None), "pretrained", False)
                return Backbone(
                    name=type(child).__name__.removesuffix("Encoder"),
                    weights="ImageNet weights" if pretrained else "random weights",
                    state=state_of(child, self.drifting),
                    parameters=total,
                    stages=stages,
                )
        return None

    def bottleneck(self, path: str) -> Bottleneck:
        stage = self.encoder_stage(path)
        if not isinstance(self.found.calls[path].module, ASPP):
            return Bottleneck(stage=stage)
        names = [
            name for name in self._children(path) if name not in (f"{path}.projection", f"{path}.dilated")
        ]
        joined = self.found.operation("cat", path)
        return Bottleneck(
            stage=stage,
            branches=tuple(self._branch(name) for name in names),
            joined=joined.output if joined else (),
            projection=self.part(f"{path}.projection"),
        )

    def _children(self, path: str) -> list[str]:
        """The paths of the modules right below, those in a list counted as well; only what was called."""
        lists = (nn.ModuleList,)
        module = self.found.calls[path].module
        names = [
            [f"{name}.{inner}" for inner, _ in child.named_children()] if isinstance(child, lists) else [name]
            for name, child in module.named_children()
        ]
        return [f"{path}.{name}" for group in names for name in group]

    def _branch(self, path: str) -> Part:
        """A branch with its rate, and the side of the square that its kernel spans."""
        module = self.found.calls[path].module
        if isinstance(module, ImagePooling):
            return self.part(path, note="Global mean, Conv 1×1")
        conv = next(m for m in module.modules() if isinstance(m, nn.Conv2d))
        side, rate = conv.kernel_size[0], conv.dilation[0]
        span = side + (side - 1) * (rate - 1)
        if side == 1:
            return self.part(path, note="Conv 1×1")
        note, detail = f"Conv {side}×{side}, rate {rate}", f"spans {span}×{span}"
        return replace(self.part(path, note=note), detail=detail)

    def decoder_stage(self, path: str) -> DecoderStage:
        call = self.found.calls[path]
        skip_se = [se for se in self._squeezes(path) if not se.path.startswith(f"{path}.block.")]
        joined = self.found.operation("cat", path)
        block = self.block(f"{path}.block")
        return DecoderStage(
            part=self.part(path, note=block.note),
            up=self.part(f"{path}.up"),
            skip=call.sources[1],
            skip_se=skip_se[0] if skip_se else None,
            joined=joined.output if joined else block.joined,
            block=block,
        )

    def block(self, path: str) -> Block:
        below = self.found.below(path)
        squeezes = self._squeezes(path)
        shortcut = self.found.calls.get(f"{path}.shortcut")
        bare = shortcut is None or isinstance(shortcut.module, nn.Identity)
        convs = [call.path for call in below if isinstance(call.module, ConvBNReLU)]
        return Block(
            joined=self.found.calls[path].inputs[0],
            convs=tuple(self.part(conv) for conv in convs),
            se=squeezes[0] if squeezes else None,
            shortcut=None if bare else self.part(f"{path}.shortcut"),
            adds=self.found.operation("add", path) is not None,
        )

    def _squeezes(self, path: str) -> list[Part]:
        """The squeeze-and-excitation blocks within, each with the widths that it passes through."""
        modules = {call.path: call.module for call in self.found.below(path)}
        return [
            self.part(
                name, note=f"SE {se.squeeze.in_features}→{se.squeeze.out_features}→{se.excite.out_features}"
            )
            for name, se in modules.items()
            if isinstance(se, SEBlock)
        ]
