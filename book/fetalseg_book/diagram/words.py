"""Modules, shapes and numbers as the figure says them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from fetalseg_book.trace import Call, Shape


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One line of a part's list: a convolution or linear layer with the norm and activation behind it."""

    text: str
    output: Shape
    parameters: int
    flops: int


def shape_text(shape: Shape) -> str:
    """``C H W`` as ``H×W×C``; a vector of ``C`` as a map of one pixel.

    >>> shape_text((32, 256, 192)), shape_text((6,))
    ('256×192×32', '1×1×6')
    """
    channels, *sides = shape
    height, width = sides or (1, 1)
    return f"{height}×{width}×{channels}"


def flops_text(flops: int) -> str:
    """A count of operations with its unit, three digits.

    >>> flops_text(8_792_056_224), flops_text(67_108_864), flops_text(98_304)
    ('8.79 GFLOP', '67.1 MFLOP', '98.3 kFLOP')
    """
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if flops >= size:
            return f"{flops / size:.3g} {unit}FLOP"
    return f"{flops} FLOP"


def layers(calls: Iterable[Call]) -> tuple[Layer, ...]:
    """What a part is made of, in order: its leaves, each norm and activation with the layer before it."""
    return tuple(
        Layer(
            text=" · ".join(describe(leaf.module) for leaf in row),
            output=row[-1].output,
            parameters=sum(parameter.numel() for leaf in row for parameter in leaf.module.parameters()),
            flops=sum(leaf.flops for leaf in row),
        )
        for row in _rows(calls)
    )


def short(calls: Iterable[Call]) -> str:
    """A part's leaves in one breath, a repetition counted instead of repeated.

    >>> from fetalseg_lib.models.blocks import DoubleConv
    >>> block = DoubleConv(3, 8)
    >>> leaves = [leaf for pair in block for leaf in pair]
    >>> short([Call(path="", module=leaf, inputs=(), output=(), flops=0) for leaf in leaves])
    '2 × Conv 3×3-BN-ReLU'
    """
    units = [
        "-".join(_kind(leaf.module) for leaf in row if not isinstance(leaf.module, nn.Dropout))
        for row in _rows(calls)
    ]
    if len(units) > 1 and len(set(units)) == 1:
        return f"{len(units)} × {units[0]}"
    return ", ".join(units)


def _rows(calls: Iterable[Call]) -> list[list[Call]]:
    """The leaves in groups that each begin with a layer of weights or a resizing; no identities."""
    rows: list[list[Call]] = []
    for call in calls:
        if any(call.module.children()) or not _kind(call.module):
            continue
        if not rows or isinstance(call.module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Upsample)):
            rows.append([])
        rows[-1].append(call)
    return rows


def describe(module: nn.Module) -> str:
    """One leaf in words, with what a reader would ask for; empty for what does nothing.

    >>> describe(nn.Conv2d(1280, 128, 3, padding=6, dilation=6))
    'Conv 3×3, 1280 → 128, rate 6'
    """
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        extras = [f"{_kind(module)}, {module.in_channels} → {module.out_channels}"]
        extras += [f"stride {module.stride[0]}"] if module.stride[0] > 1 else []
        extras += [f"rate {module.dilation[0]}"] if module.dilation[0] > 1 else []
        extras += ["depthwise"] if 1 < module.groups == module.in_channels else []
        return ", ".join(extras)
    if isinstance(module, nn.Linear):
        return f"Linear {module.in_features} → {module.out_features}"
    if isinstance(module, nn.GroupNorm):
        return f"GroupNorm, {module.num_groups} groups"
    return _kind(module)


def _kind(module: nn.Module) -> str:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        name = "Conv" if isinstance(module, nn.Conv2d) else "Transposed conv"
        return f"{name} {'×'.join(str(side) for side in module.kernel_size)}"
    if isinstance(module, nn.Upsample):
        return f"{str(module.mode).capitalize()} ×{module.scale_factor:g}"
    if isinstance(module, nn.Dropout):
        return f"dropout {module.p:g}"
    names: dict[type[nn.Module], str] = {nn.BatchNorm2d: "BN", nn.GroupNorm: "GN", nn.Identity: ""}
    return names.get(type(module), type(module).__name__)
