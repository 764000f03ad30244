"""A training step as a CUDA graph: recorded once, then started as a whole.

A step of a small network is a thousand short kernels, and starting them one by one takes longer than
computing them. The arithmetic is that of :func:`fetalseg_lib.training.epoch.train_one_epoch`.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fetalseg_lib.speed import memory_format
from fetalseg_lib.training.device import autocast
from fetalseg_lib.training.epoch import Batches

WARM_UP = 2


class GraphedStep:
    """Forward and backward pass of one batch size; leaves the gradients in the parameters."""

    def __init__(
        self,
        model: nn.Module,
        images: Tensor,
        masks: Tensor,
        *,
        loss_function: nn.Module,
        device: torch.device,
        precision: str,
        pool: Any = None,
    ) -> None:
        self.images, self.masks = images.clone(), masks.clone()
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]

        def once() -> Tensor:
            with autocast(device, precision):
                loss: Tensor = loss_function(model(self.images), self.masks)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach()

        before = {name: value.clone() for name, value in model.state_dict().items()}
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self._forget_gradients()
                once()
        torch.cuda.current_stream().wait_stream(side)
        with torch.no_grad():  # the warm-up moved the running statistics
            for name, value in model.state_dict().items():
                value.copy_(before[name])
        self._forget_gradients()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, pool=pool):
            self.loss = once()
        self.gradients = [weight.grad for weight in self.weights]

    def __call__(self, images: Tensor, masks: Tensor) -> Tensor:
        """The loss of a batch, whose gradients then stand in the parameters."""
        self.images.copy_(images)
        self.masks.copy_(masks)
        self.graph.replay()
        for weight, gradient in zip(self.weights, self.gradients, strict=True):
            weight.grad = gradient
        return self.loss

    def _forget_gradients(self) -> None:
        for weight in self.weights:
            weight.grad = None


_steps: weakref.WeakKeyDictionary[nn.Module, dict[Sequence[int], GraphedStep]] = weakref.WeakKeyDictionary()


def train_one_epoch(
    model: nn.Module,
    batches: Batches,
    *,
    loss_function: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    precision: str,
) -> float:
    """One optimizer step a batch; the mean loss over the images, which is waited for only at the end.

    Raises ``FloatingPointError`` where it is not finite, ``ValueError`` when no batch comes.
    """
    model.train()
    model.to(memory_format=memory_format(device))  # type: ignore[call-overload]
    steps = _steps.setdefault(model, {})
    total, seen = torch.zeros((), device=device), 0
    for images, masks in batches:
        images, masks = images.to(device, memory_format=memory_format(device)), masks.to(device)
        shape = tuple(images.shape)
        if shape not in steps:
            pool = next(iter(steps.values())).graph.pool() if steps else None
            steps[shape] = GraphedStep(
                model,
                images,
                masks,
                loss_function=loss_function,
                device=device,
                precision=precision,
                pool=pool,
            )
        total += steps[shape](images, masks) * len(images)
        optimizer.step()
        seen += len(images)
    if seen == 0:
        raise ValueError("train_batches: expected at least one batch of images, got none")
    mean = float(total) / seen
    if not torch.isfinite(total):
        raise FloatingPointError(f"loss: expected a finite number, got {mean} in training")
    return mean
