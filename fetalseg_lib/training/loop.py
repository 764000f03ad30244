"""The whole training: epochs, learning rate, early stopping, and going on after a kill."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Adam
from tqdm import tqdm

from fetalseg_lib.speed import fast_gradients, freed_memory_kept

from .checkpoint import Checkpoint, load_checkpoint, restore_model, save_checkpoint
from .config import TrainingConfig
from .device import deterministic, pick_device, pick_precision, seed_everything
from .epoch import Batches, EpochRecord, Evaluation, History, evaluate, train_one_epoch
from .losses import DiceBCELoss
from .schedule import build_schedule, step_schedule

__all__ = ["Batches", "Evaluation", "evaluate", "fit", "train_one_epoch"]


def fit(
    model: nn.Module,
    *,
    train_batches: Callable[[int], Batches],
    validation_batches: Callable[[], Batches],
    config: TrainingConfig,
    checkpoint: Path | None,
    progress: bool = True,
    context: Mapping[str, str | int | float] | None = None,
) -> History:
    """Train a model, and leave in it the weights of its best validation Dice, in evaluation mode.

    Batches are images and masks, both ``B 1 H W``. ``train_batches`` is called with the epoch, from 1, and
    must depend on nothing else. After every epoch all is saved to ``checkpoint``; where that file exists the
    training goes on from it and, on a CPU with the same number of threads, ends with the same bits as one
    that was never stopped. ``context`` names what else the training depends on (variant, data, initial
    weights): like ``config`` it must be the same as in the checkpoint.

    Raises :class:`~.checkpoint.CheckpointError` for a checkpoint that is damaged or of another training,
    ``ValueError`` for a model without trainable parameters or a function that gives no batch, and
    ``FloatingPointError`` when the loss is no longer a finite number.

    >>> from torch import ones
    >>> history = fit(nn.Conv2d(1, 1, 1), config=TrainingConfig(epochs=2, device="cpu"), checkpoint=None,
    ...               train_batches=lambda epoch: [(ones(2, 1, 4, 4), ones(2, 1, 4, 4))],
    ...               validation_batches=lambda: [(ones(2, 1, 4, 4), ones(2, 1, 4, 4))], progress=False)
    >>> [record.epoch for record in history]
    [1, 2]
    """
    device = pick_device(config.device)
    precision = pick_precision(config.precision, device)
    state = _State(model.to(device), config)
    run = {
        **dataclasses.asdict(config),
        "device": device.type,  # what "auto" became: other hardware gives other bits
        "precision": precision,
        # Older versions validated in bfloat16 too; their half-way trainings are not gone on with.
        **({"validation precision": "float32"} if precision != "float32" else {}),
        "trainable parameters": state.trainable,
        "context": dict(context or {}),
    }
    if checkpoint is not None and Path(checkpoint).exists():
        state.restore(load_checkpoint(Path(checkpoint), run=run), Path(checkpoint))

    loss_function = DiceBCELoss(
        dice_weight=config.dice_weight,
        bce_weight=config.bce_weight,
        pos_weight=config.pos_weight,
        smooth=config.smooth,
    )
    with (
        deterministic(device),
        freed_memory_kept(),
        fast_gradients(model, device),
        _Progress(config, state.history, shown=progress) as bar,
    ):
        while not _finished(state.history, config):
            epoch, started = len(state.history) + 1, time.perf_counter()
            seed_everything(config.seed, epoch=epoch)
            train_loss = train_one_epoch(
                model,
                bar.ticking(train_batches(epoch)),
                loss_function=loss_function,
                optimizer=state.optimizer,
                device=device,
                precision=precision,
            )
            # What is chosen by must not depend on what the hardware is fast in.
            validation = evaluate(
                model, validation_batches(), loss_function=loss_function, device=device, precision="float32"
            )
            state.advance(train_loss, validation, seconds=time.perf_counter() - started)
            if checkpoint is not None:
                save_checkpoint(Path(checkpoint), state.snapshot(run))
            bar.epoch_done()

    model.load_state_dict(state.best_model)
    model.eval()
    return state.history


def _finished(history: History, config: TrainingConfig) -> bool:
    return len(history) >= config.epochs or history.epochs_since_best >= config.early_stopping_patience


class _State:
    """What changes from epoch to epoch, and how it goes into a checkpoint and back."""

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        if not weights:
            raise ValueError("model: expected at least one parameter with requires_grad, got none to train")
        self.trainable = list(weights)
        self.model = model
        self.optimizer = Adam(
            weights.values(),
            lr=config.learning_rate,
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=all(weight.device.type == "cpu" for weight in weights.values()) or None,
        )
        self.schedule = build_schedule(self.optimizer, config)
        self.history = History()
        self.best_model = _copy(model.state_dict())

    def advance(self, train_loss: float, validation: Evaluation, *, seconds: float) -> None:
        record = EpochRecord(
            epoch=len(self.history) + 1,
            train_loss=train_loss,
            validation_loss=validation.loss,
            validation_dice=validation.dice,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            seconds=seconds,
        )
        self.history.append(record)
        step_schedule(self.schedule, validation_dice=validation.dice)
        if self.history.epochs_since_best == 0:
            self.best_model = _copy(self.model.state_dict())

    def snapshot(self, run: Mapping[str, Any]) -> Checkpoint:
        return Checkpoint(
            run=run,
            model=self.model.state_dict(),
            best_model=self.best_model,
            optimizer=self.optimizer.state_dict(),
            scheduler=self.schedule.state_dict(),
            history=self.history,
        )

    def restore(self, saved: Checkpoint, path: Path) -> None:
        restore_model(self.model, saved.model, path)
        self.optimizer.load_state_dict(dict(saved.optimizer))
        self.schedule.load_state_dict(dict(saved.scheduler))
        self.history, self.best_model = saved.history, dict(saved.best_model)


def _copy(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in state.items()}


class _Progress:
    """A bar of epochs that also tells the batches that went by: an epoch can take minutes."""

    def __init__(self, config: TrainingConfig, history: History, *, shown: bool) -> None:
        self.history = history
        self.bar: tqdm[Any] = tqdm(
            desc="training",
            total=config.epochs,
            initial=len(history),
            unit="epoch",
            miniters=0,  # else tqdm, having seen slow epochs, ignores updates between them
            disable=not shown,
        )

    def __enter__(self) -> _Progress:
        self._show()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def ticking(self, batches: Batches) -> Iterator[tuple[Tensor, Tensor]]:
        for number, batch in enumerate(batches, start=1):
            self._show(batch=number)
            yield batch

    def epoch_done(self) -> None:
        self._show()
        self.bar.update(1)

    def _show(self, **more: object) -> None:
        if self.history:
            more["validation_dice"] = f"{self.history[-1].validation_dice:.4f}"
            more["best"] = f"{self.history.best.validation_dice:.4f}"
        self.bar.set_postfix(more, refresh=False)
        self.bar.update(0)  # draws when the last drawing is old enough
