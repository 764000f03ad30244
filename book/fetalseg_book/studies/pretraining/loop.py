"""Pre-training: dense answers at every pixel, on images that never come twice, stopped and gone on with."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from fetalseg_book.studies.pretraining.losses import LOSS_WEIGHTS, DenseTargets, dense_losses, weighted
from fetalseg_lib.speed import memory_format
from fetalseg_lib.training.checkpoint import read_state, restore_model, write_state
from fetalseg_lib.training.config import DEVICES, PRECISIONS, check_choice, check_number, check_whole
from fetalseg_lib.training.device import (
    autocast,
    deterministic,
    pick_device,
    pick_precision,
    seed_everything,
)
from fetalseg_lib.training.schedule import cosine_factor

WARM_UP = 0.05
"""Share of the steps in which the learning rate rises."""


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """How an encoder is pre-trained: AdamW, and a learning rate that follows a half cosine from step to step.

    ``images`` come in every epoch, all of them new, ``size`` px square. The other fields are those of
    :class:`~.config.TrainingConfig`. Raises ``TypeError`` or ``ValueError`` that names the field.

    >>> PretrainingConfig(images=100, batch_size=32).steps  # 3 whole batches an epoch, 4 epochs
    12
    >>> PretrainingConfig(size=100)
    Traceback (most recent call last):
    ...
    ValueError: size: expected a multiple of 32, got 100
    """

    images: int = 16_000
    size: int = 96
    epochs: int = 4
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    seed: int = 0
    precision: str = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        for name, least in (("images", 1), ("size", 32), ("epochs", 1), ("batch_size", 2), ("seed", 0)):
            check_whole(name, getattr(self, name), minimum=least)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("weight_decay", self.weight_decay, minimum=0)
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("device", self.device, DEVICES)
        if self.size % 32:
            raise ValueError(f"size: expected a multiple of 32, got {self.size}")
        if self.images < self.batch_size:
            raise ValueError(f"images: expected at least one batch of {self.batch_size}, got {self.images}")

    @property
    def steps(self) -> int:
        """Steps of the whole pre-training; a batch that is not full is left out."""
        return self.epochs * (self.images // self.batch_size)


DenseBatches = Iterable[tuple[Tensor, DenseTargets]]
"""Pairs of images ``B 1 H W`` and their targets."""


def pretrain(
    model: nn.Module,
    *,
    batches: Callable[[int], DenseBatches],
    config: PretrainingConfig,
    checkpoint: Path | None,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Train ``model`` on the three targets; returns one row an epoch: its mean losses and its seconds.

    ``batches`` is called with the epoch, from 1, and must depend on nothing else. As no image comes twice,
    the losses of an epoch are those on images that the model had not yet seen. After every epoch all is
    saved to ``checkpoint``; where that file exists the training goes on from it and, on a CPU with the same
    number of threads, ends with the same bits as one that was never stopped.

    Raises :class:`~.checkpoint.CheckpointError` for a checkpoint that is damaged or of another training, and
    ``FloatingPointError`` when the loss is no longer a finite number.
    """
    device = pick_device(config.device)
    precision = pick_precision(config.precision, device)
    model.to(device=device, memory_format=memory_format(device))  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    run = {**dataclasses.asdict(config), "device": device.type, "precision": precision}
    history: list[dict[str, float]] = []
    if checkpoint is not None and checkpoint.exists():
        saved = read_state(checkpoint, run=run)
        restore_model(model, saved["model"], checkpoint)
        optimizer.load_state_dict(saved["optimizer"])
        history = saved["history"]
    bar = tqdm(
        total=config.epochs, initial=len(history), desc="pre-training", unit="epoch", disable=not progress
    )
    with deterministic(device), bar:
        for epoch in range(len(history) + 1, config.epochs + 1):
            started = time.perf_counter()
            seed_everything(config.seed, epoch=epoch)
            losses = _train_one_epoch(
                model,
                batches(epoch),
                optimizer,
                config=config,
                epoch=epoch,
                device=device,
                precision=precision,
            )
            history.append({"epoch": epoch, **losses, "seconds": time.perf_counter() - started})
            if checkpoint is not None:
                state: dict[str, Any] = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
                write_state(checkpoint, {"run": run, "history": history, **state})
            bar.set_postfix({name: f"{loss:.4f}" for name, loss in losses.items()}, refresh=False)
            bar.update(1)
    model.eval()
    return history


def _train_one_epoch(
    model: nn.Module,
    batches: DenseBatches,
    optimizer: torch.optim.Optimizer,
    *,
    config: PretrainingConfig,
    epoch: int,
    device: torch.device,
    precision: str,
) -> dict[str, float]:
    """One step a batch; the learning rate follows the step, so that nothing but the epoch need be kept."""
    model.train()
    step = (epoch - 1) * config.steps // config.epochs
    sums = dict.fromkeys(LOSS_WEIGHTS, 0.0)
    count = 0
    for images, targets in batches:
        factor = cosine_factor(step, epochs=config.steps, warmup=int(WARM_UP * config.steps))
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * factor
        images = images.to(device, memory_format=memory_format(device))
        with autocast(device, precision):
            answer = model(images)
        losses = dense_losses(answer, DenseTargets(*(target.to(device) for target in targets)))
        loss = weighted(losses)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"loss: expected a finite number, got {loss.item()} in epoch {epoch}; lower learning_rate"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        for name, value in losses.items():
            sums[name] += value.item()
        step, count = step + 1, count + 1
    if not count:
        raise ValueError(f"batches: expected at least one batch in epoch {epoch}, got none")
    return {name: total / count for name, total in sums.items()}
