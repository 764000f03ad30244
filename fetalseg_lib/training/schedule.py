"""The learning rate from epoch to epoch: lowered on a plateau, as the note has it, or along a half cosine."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from .config import TrainingConfig

Schedule = ReduceLROnPlateau | LambdaLR


def build_schedule(optimizer: Optimizer, config: TrainingConfig) -> Schedule:
    """The schedule that ``config`` names, the rate of the first epoch already set."""
    if config.schedule == "cosine":
        floor = config.min_learning_rate / config.learning_rate
        return LambdaLR(
            optimizer,
            lambda epoch: cosine_factor(
                epoch, epochs=config.epochs, warmup=config.warmup_epochs, floor=floor
            ),
        )
    return ReduceLROnPlateau(
        optimizer,
        mode="max",
        factor=config.plateau_factor,
        patience=config.plateau_patience,
        min_lr=config.min_learning_rate,
    )


def step_schedule(schedule: Schedule, *, validation_dice: float) -> None:
    """Set the rate of the next epoch; only the plateau listens to the validation Dice."""
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.step(validation_dice)
    else:
        schedule.step()


def cosine_factor(epoch: int, *, epochs: int, warmup: int = 0, floor: float = 0.0) -> float:
    """Share of the full learning rate in ``epoch``, counted from 0, of a training of ``epochs``.

    It rises in equal steps during the warm-up and then falls along a half cosine towards ``floor``.
    Source: Loshchilov and Hutter 2017, arXiv:1608.03983.

    >>> [round(cosine_factor(epoch, epochs=5, warmup=1), 3) for epoch in range(5)]
    [0.5, 1.0, 0.854, 0.5, 0.146]
    """
    if epoch < warmup:
        return (epoch + 1) / (warmup + 1)
    done = min(1.0, (epoch - warmup) / (epochs - warmup))
    return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2
