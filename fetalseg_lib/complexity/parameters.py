"""How many numbers a network holds, and how much room they take."""

from __future__ import annotations

import itertools

import pandas as pd
import torch
from torch import nn


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
