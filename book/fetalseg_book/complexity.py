"""What is counted of a network, stage by stage: its parameters and its operations.

A multiplication and an addition are two operations, as torch's own counter has it; those who count
multiply-adds get half. Like torch's, the count holds convolutions and fully connected layers: what the others
add is small.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pandas as pd
import torch
from torch import Tensor, nn

from fetalseg_lib.complexity import count_parameters


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode inside, and afterwards each module's own mode again (parts may differ: a frozen encoder)."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def grey_image(model: nn.Module, size: tuple[int, int], *, batch: int = 1, channels: int = 1) -> Tensor:
    """Grey noise ``B C H W`` in [0, 1] on the model's device."""
    stored = itertools.chain(model.parameters(), model.buffers())
    device = next((tensor.device for tensor in stored), torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    return torch.rand(batch, channels, *size, generator=generator).to(device)


def stages_of(model: nn.Module) -> dict[str, nn.Module]:
    """The model's parts by name: what its ``stages()`` says, else its direct children."""
    stages = getattr(model, "stages", None)
    return dict(stages() if callable(stages) else model.named_children())


def parameters_by_stage(model: nn.Module) -> pd.DataFrame:
    """One row per stage: ``stage``, ``parameters``, ``trainable`` and ``frozen``.

    >>> parameters_by_stage(nn.Sequential(nn.Linear(3, 2), nn.ReLU()))
      stage  parameters  trainable  frozen
    0     0           8          8       0
    1     1           0          0       0
    """
    rows = []
    for name, stage in stages_of(model).items():
        total, trainable = count_parameters(stage)
        rows.append({"stage": name, "parameters": total, "trainable": trainable, "frozen": total - trainable})
    return pd.DataFrame(rows)


Size = tuple[int, int]
_COUNTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def count_flops(model: nn.Module, *, image_size: Size = (256, 256), in_channels: int = 1) -> pd.DataFrame:
    """One row per layer for one image: ``stage``, ``layer``, ``operation`` and ``flops``.

    ``image_size`` is ``(H, W)`` in px. A layer called twice has two rows.

    >>> frame = count_flops(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1)), image_size=(8, 8))
    >>> frame.operation[0], int(frame.flops[0])
    ('3×3 convolution', 4608)
    """
    rows: list[dict[str, object]] = []

    def note(stage: str, name: str, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        flops = _flops(layer, inputs[0], output)
        rows.append({"stage": stage, "layer": name, "operation": operation(layer), "flops": flops})

    names = {module: name for name, module in model.named_modules()}
    handles = [
        layer.register_forward_hook(partial(note, stage, names[layer]))
        for stage, part in stages_of(model).items()
        for layer in part.modules()
        if isinstance(layer, _COUNTED)
    ]
    try:
        with evaluating(model), torch.no_grad():
            model(grey_image(model, image_size, channels=in_channels))
    finally:
        for handle in handles:
            handle.remove()
    return pd.DataFrame(rows, columns=["stage", "layer", "operation", "flops"])


def flops_by(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Sum a :func:`count_flops` table over ``"stage"`` or ``"operation"``, with each one's ``share``."""
    summed = frame.groupby(column, sort=False)[["flops"]].sum().reset_index()
    summed["share"] = summed["flops"] / summed["flops"].sum()
    return summed


def operation(layer: nn.Module) -> str:
    """The name of what a counted layer does.

    >>> operation(nn.Conv2d(8, 8, 3, groups=8))
    'depthwise convolution'
    >>> operation(nn.Conv2d(8, 8, 3, dilation=6))
    'dilated 3×3 convolution'
    """
    if isinstance(layer, nn.Linear):
        return "fully connected"
    if isinstance(layer, nn.ConvTranspose2d):
        return "transposed convolution"
    assert isinstance(layer, nn.Conv2d)
    if layer.groups > 1:
        return "depthwise convolution" if layer.groups == layer.in_channels else "grouped convolution"
    rows, columns = layer.kernel_size
    dilated = "dilated " if max(layer.dilation) > 1 else ""
    return f"{dilated}{rows}×{columns} convolution"


def _flops(layer: nn.Module, given: Tensor, output: Tensor) -> int:
    """Two operations per weight and position, of the output or, transposed, of the input."""
    assert isinstance(layer, _COUNTED)
    moved = given if isinstance(layer, nn.ConvTranspose2d) else output
    return 2 * layer.weight.numel() * moved.numel() // layer.weight.shape[0]
