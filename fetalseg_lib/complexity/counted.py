"""What is counted of a network: its parameters, their room and its operations; and all costs side by side.

Floating-point operations are counted layer by layer from the shapes that really pass. A multiplication and
an addition are two operations, as torch's own counter has it; those who count multiply-adds get half. Like
torch's, the count holds convolutions and fully connected layers. What normalisations, activations, poolings
and interpolations add is small and counted by neither.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import partial

import pandas as pd
import torch
from torch import Tensor, nn

from fetalseg_lib.complexity.measured import (
    evaluating,
    grey_image,
    inference_memory_mb,
    measure_latency,
    training_memory_mb,
)
from fetalseg_lib.models import Variant, build_model, list_variants


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """All parameters and the trainable ones of them; buffers such as running means do not count.

    >>> count_parameters(nn.Linear(3, 2))
    (8, 8)
    >>> count_parameters(nn.Linear(3, 2).requires_grad_(False))
    (8, 0)
    """
    total = sum(parameter.numel() for parameter in model.parameters())
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return total, trainable


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


def model_size_mb(model: nn.Module, *, dtype: torch.dtype = torch.float32) -> float:
    """Size of parameters and buffers in MB (10⁶ bytes), the floating ones stored as ``dtype``.

    >>> model_size_mb(nn.Linear(999, 1000), dtype=torch.float16)
    2.0
    """
    stored = itertools.chain(model.parameters(), model.buffers())
    return sum(tensor.numel() * _item_size(tensor, dtype) for tensor in stored) / 1e6


def _item_size(tensor: torch.Tensor, dtype: torch.dtype) -> int:
    """Integers, such as BatchNorm's count of batches, stay what they are."""
    return dtype.itemsize if tensor.is_floating_point() else tensor.element_size()


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
    if isinstance(layer, nn.Linear):
        positions = output.numel() // layer.out_features
    else:
        positions = (given if isinstance(layer, nn.ConvTranspose2d) else output)[:, 0].numel()
    return 2 * layer.weight.numel() * positions


def table(
    variants: Iterable[str] | None = None,
    *,
    image_size: tuple[int, int] = (256, 256),
    latency: bool = False,
    threads: int = 1,
) -> pd.DataFrame:
    """One row per variant; without ``variants`` all that are networks of this library, and no mere recipes.

    Columns: ``variant``; ``parameters``, ``trainable`` and ``frozen``; ``gflops`` of one image;
    ``float32_mb`` and ``float16_mb`` for the stored model; ``training_mb`` and ``inference_mb`` for one
    image's activations in float32; with ``latency=True`` also ``latency_ms`` (median), its quartiles
    ``latency_q1_ms`` and ``latency_q3_ms``, and ``threads``. MB are 10⁶ bytes. The encoder's weights are
    random, for the costs do not depend on them.

    >>> table(["unet"], image_size=(64, 64)).parameters[0]
    np.int64(7762465)
    """
    if variants is None:
        variants = [variant.name for variant in list_variants() if _is_own_network(variant)]
    return pd.DataFrame([_row(name, image_size, threads if latency else None) for name in variants])


def _is_own_network(variant: Variant) -> bool:
    """Whether it is a network, not a recipe, and needs no library that may not be installed."""
    return not variant.recipe and variant.architecture != "peer"


def _row(variant: str, image_size: tuple[int, int], threads: int | None) -> dict[str, object]:
    model = build_model(variant, encoder_weights="random")
    total, trainable = count_parameters(model)
    row: dict[str, object] = {
        "variant": variant,
        "parameters": total,
        "trainable": trainable,
        "frozen": total - trainable,
        "gflops": count_flops(model, image_size=image_size)["flops"].sum() / 1e9,
        "float32_mb": model_size_mb(model),
        "float16_mb": model_size_mb(model, dtype=torch.float16),
        "training_mb": training_memory_mb(model, image_size=image_size),
        "inference_mb": inference_memory_mb(model, image_size=image_size),
    }
    if threads is not None:
        measured = measure_latency(model, image_size=image_size, threads=threads)
        row |= {
            "latency_ms": measured.median_ms,
            "latency_q1_ms": measured.lower_quartile_ms,
            "latency_q3_ms": measured.upper_quartile_ms,
            "threads": measured.threads,
        }
    return row
