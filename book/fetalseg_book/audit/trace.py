"""The shapes that really pass through a network, part by part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from fetalseg_book.audit.stated import Shape
from fetalseg_lib.complexity import evaluating


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Per module name the shapes, without the batch, of what came in (tensors only) and what went out."""

    inputs: dict[str, tuple[Shape, ...]]
    outputs: dict[str, Shape]


def trace_shapes(model: nn.Module, *, side: int = 256) -> Shapes:
    """Send one grey image ``1 1 side side`` through ``model`` and write down every module's shapes.

    A model on the meta device is traced without computing anything.

    >>> shapes = trace_shapes(nn.Sequential(nn.Conv2d(1, 4, 3, stride=2)), side=9)
    >>> shapes.inputs["0"], shapes.outputs["0"]
    (((1, 9, 9),), (4, 4, 4))
    """
    inputs: dict[str, tuple[Shape, ...]] = {}
    outputs: dict[str, Shape] = {}

    def note(name: str, module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        inputs[name] = tuple(_shape(tensor) for tensor in given if _is_map(tensor))
        if _is_map(output):
            outputs[name] = _shape(output)

    handles = [module.register_forward_hook(partial(note, name)) for name, module in model.named_modules()]
    device = next(model.parameters()).device
    try:
        with evaluating(model), torch.no_grad():
            model(torch.zeros(1, 1, side, side, device=device))
    finally:
        for handle in handles:
            handle.remove()
    return Shapes(inputs=inputs, outputs=outputs)


def receptive_field(layers: nn.Module) -> int:
    """The side, in input pixels, of the square that one output position of a chain of layers can see.

    Counts the longest path: every convolution and pooling of ``layers`` in order. A skip inside a block
    sees less, and so changes nothing.

    >>> receptive_field(nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 3, dilation=6)))
    27
    """
    side, jump = 1, 1
    for layer in layers.modules():
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            kernel, stride, dilation = (
                _first(getattr(layer, name)) for name in ("kernel_size", "stride", "dilation")
            )
            side += (kernel - 1) * dilation * jump
            jump *= stride
    return side


def _first(setting: int | tuple[int, ...]) -> int:
    return setting if isinstance(setting, int) else setting[0]


def _is_map(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 4


def _shape(tensor: Tensor) -> Shape:
    channels, rows, columns = tensor.shape[1:]
    return channels, rows, columns
