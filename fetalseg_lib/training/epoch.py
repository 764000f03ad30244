"""One pass over the training images, and one over the validation images; and what each epoch gave.

Axes: ``B`` batch, ``H`` rows, ``W`` columns. Images and masks are float32 ``B 1 H W`` in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from fetalseg_lib.speed import laid_out
from fetalseg_lib.training.device import autocast


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch: losses and Dice are means over images; the learning rate is the one it was trained with.

    ``epoch`` counts from 1. ``seconds`` is wall time, the only field that differs between equal runs.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    validation_dice: float
    learning_rate: float
    seconds: float


class History(list[EpochRecord]):
    """The epochs of a training in their order.

    >>> def record(epoch, dice):
    ...     return EpochRecord(epoch=epoch, train_loss=1, validation_loss=1, validation_dice=dice,
    ...                        learning_rate=1e-3, seconds=0)
    >>> history = History([record(1, 0.7), record(2, 0.9), record(3, 0.8)])
    >>> history.best.epoch, history.epochs_since_best
    (2, 1)
    >>> history.to_frame()["validation_dice"].tolist()
    [0.7, 0.9, 0.8]
    """

    @property
    def best(self) -> EpochRecord:
        """The epoch with the highest validation Dice; the first of equals. Raises ``ValueError`` if empty."""
        if not self:
            raise ValueError("history: expected at least one epoch, got none")
        return max(self, key=lambda record: record.validation_dice)

    @property
    def epochs_since_best(self) -> int:
        """How many epochs have gone by without a new best validation Dice."""
        return self[-1].epoch - self.best.epoch if self else 0

    def to_frame(self) -> pd.DataFrame:
        """One row an epoch, one column a field of :class:`EpochRecord`."""
        columns = [field.name for field in fields(EpochRecord)]
        return pd.DataFrame([asdict(record) for record in self], columns=columns)


Batches = Iterable[tuple[Tensor, Tensor]]
"""Pairs of images and masks, both ``B 1 H W``."""


class Evaluation(NamedTuple):
    """Means over images; Dice is of the masks at probability 0.5, and 1 where both are empty."""

    loss: float
    dice: float


def train_one_epoch(
    model: nn.Module,
    batches: Batches,
    *,
    loss_function: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    precision: str,
) -> float:
    """Take one optimizer step a batch; returns the mean loss over the images.

    Raises ``FloatingPointError`` before a step whose loss is not finite, ``ValueError`` when no batch comes.
    """
    model.train()
    total, seen = 0.0, 0
    for images, masks in laid_out(model, batches, device):
        optimizer.zero_grad(set_to_none=True)
        with autocast(device, precision):
            loss = loss_function(model(images), masks)
        total, seen = total + _finite(loss, "training") * len(images), seen + len(images)
        loss.backward()
        optimizer.step()
    return _mean(total, seen, "train_batches")


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Batches,
    *,
    loss_function: nn.Module,
    device: torch.device,
    precision: str,
) -> Evaluation:
    """Mean loss and mean Dice over the images, at the network's size, in evaluation mode.

    Raises ``FloatingPointError`` when a loss is not finite, ``ValueError`` when no batch comes.
    """
    model.eval()
    total = 0.0
    dice: list[float] = []
    for images, masks in laid_out(model, batches, device):
        with autocast(device, precision):
            logits = model(images)
            loss = loss_function(logits, masks)
        total += _finite(loss, "validation") * len(images)
        dice += hard_dice(logits, masks)
    return Evaluation(
        loss=_mean(total, len(dice), "validation_batches"),
        dice=_mean(math.fsum(dice), len(dice), "validation_batches"),
    )


def hard_dice(logits: Tensor, masks: Tensor) -> list[float]:
    """Dice of each image from pixel counts, which are exact on every device; 1 where both are empty.

    >>> logits = torch.tensor([[[[3.0, 2.0, -1.0, -4.0]]]])
    >>> hard_dice(logits, torch.tensor([[[[1.0, 0.0, 0.0, 0.0]]]]))  # 2·1 / (2 + 1)
    [0.6666666666666666]
    """
    predicted, true = (logits > 0).flatten(1), (masks > 0.5).flatten(1)  # (B, H·W)
    overlaps = (predicted & true).sum(dim=1).tolist()
    sizes = (predicted.sum(dim=1) + true.sum(dim=1)).tolist()
    return [2 * overlap / size if size else 1.0 for overlap, size in zip(overlaps, sizes, strict=True)]


def _finite(loss: Tensor, phase: str) -> float:
    value = loss.item()
    if not math.isfinite(value):
        raise FloatingPointError(
            f"loss: expected a finite number, got {value} in {phase}; check that the images are finite, "
            "lower learning_rate, or train with precision='float32'"
        )
    return value


def _mean(total: float, count: int, source: str) -> float:
    if count == 0:
        raise ValueError(f"{source}: expected at least one batch of images, got none")
    return total / count
