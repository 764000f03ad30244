"""Section 8.2 of the note: optimiser and schedule."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import ReduceLROnPlateau

from fetalseg_book.audit.checks import judged, measured, verdict_of
from fetalseg_book.audit.record import Claim, Finding
from fetalseg_book.audit.stated import Exactly, Number
from fetalseg_lib.training.config import TrainingConfig

SECTION = "8.2"
_NOTE = TrainingConfig()


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield from _optimiser()
    yield from _schedule()


def _optimiser() -> Iterator[Claim]:
    yield measured(
        SECTION,
        "betas of Adam",
        "Adam with β₁ = 0.9, β₂ = 0.999",
        value=Exactly((0.9, 0.999)),
        how="read the library's recipe, and that Adam's own defaults are no others",
        measure=lambda _: _NOTE.betas if _NOTE.betas == _adam("betas") else (_NOTE.betas, _adam("betas")),
    )
    yield measured(
        SECTION,
        "learning rate below the standard",
        "3×10⁻⁴ is lower than standard",
        value=Exactly(True),
        how="against the default of torch's Adam",
        measure=lambda _: _NOTE.learning_rate < _adam("lr"),
    )
    yield measured(
        SECTION,
        "weight decay is L2",
        "weight decay 10⁻⁴ is L2 regularisation",
        value=Exactly(True),
        how="one step of torch's Adam with it, against one step on the loss plus ½·10⁻⁴·|w|²",
        measure=lambda _: _decay_is_l2(),
    )


def _schedule() -> Iterator[Claim]:
    yield measured(
        SECTION,
        "halvings in one plateau",
        "after 10 epochs without a better Dice the learning rate is halved",
        value=Number("1", unit="halving"),
        how="torch's scheduler on a Dice that stands still, until early stopping ends it after 15 epochs",
        measure=lambda _: _halvings_until_stop(),
        why="A second halving would take 22 epochs: early stopping comes first.",
    )
    yield judged(
        SECTION,
        "lowest learning rate",
        "the learning rate has a floor of 10⁻⁶",
        how="torch's scheduler over 100 epochs, with a better Dice only where early stopping would end it",
        check=lambda _: _floor(),
    )


def _floor() -> Finding:
    lowest = lowest_learning_rate()
    return Finding(
        verdict=verdict_of(lowest <= _NOTE.min_learning_rate),
        measured=f"{1e6 * lowest:.2f}×10⁻⁶",
        why="100 epochs end before the floor is reached: it has no effect.",
    )


def lowest_learning_rate() -> float:
    """The lowest learning rate that the note's schedule can reach in its 100 epochs.

    The fastest descent without being stopped: no better Dice until the rate has been halved, then one
    better epoch, which sets early stopping back, and so on.
    """
    scheduler, rate = _scheduler()
    dice = 0.5
    for _ in range(_NOTE.epochs):
        before = rate()
        scheduler.step(dice)
        if rate() < before:
            dice += 0.01
    return rate()


def _halvings_until_stop() -> int:
    scheduler, rate = _scheduler()
    rates = []
    for _ in range(1 + _NOTE.early_stopping_patience):
        scheduler.step(0.5)
        rates.append(rate())
    return len(set(rates)) - 1


def _scheduler() -> tuple[ReduceLROnPlateau, Callable[[], float]]:
    optimizer = Adam([nn.Parameter(torch.zeros(1))], lr=_NOTE.learning_rate)
    scheduler = ReduceLROnPlateau(
        optimizer,
        mode="max",
        factor=_NOTE.plateau_factor,
        patience=_NOTE.plateau_patience,
        min_lr=_NOTE.min_learning_rate,
    )
    return scheduler, lambda: float(optimizer.param_groups[0]["lr"])


def _adam(option: str) -> Any:
    return inspect.signature(Adam).parameters[option].default


def _decay_is_l2() -> bool:
    stepped = []
    for decay, penalty in ((_NOTE.weight_decay, 0.0), (0.0, _NOTE.weight_decay)):
        weight = nn.Parameter(torch.linspace(-1, 1, 7))
        optimizer = Adam([weight], lr=_NOTE.learning_rate, weight_decay=decay)
        for _ in range(3):
            optimizer.zero_grad()
            ((weight - 0.3).pow(4).sum() + penalty / 2 * weight.square().sum()).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        stepped.append(weight.detach())
    return torch.allclose(stepped[0], stepped[1], atol=1e-7)
