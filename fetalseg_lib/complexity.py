"""What is counted of a network: its parameters. The kit counts its operations too."""

from __future__ import annotations

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
