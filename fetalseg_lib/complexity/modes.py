"""Run a model to look at it, and leave it as it was."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


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
