"""The checks that try out how the note trains: its loss, optimiser, schedule and augmentation."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import ReduceLROnPlateau

from fetalseg_book.audit.evidence import Evidence
from fetalseg_lib.data.augment import apply_augmentation, build_augmentation
from fetalseg_lib.training.config import TrainingConfig
from fetalseg_lib.training.losses import DiceBCELoss, soft_dice

NOTE = TrainingConfig()

# Loss


def loss_applies_the_sigmoid(_: Evidence) -> bool:
    """Compare it on random logits with a sigmoid followed by plain cross-entropy."""
    logits, mask = _random_image()
    with_logits = F.binary_cross_entropy_with_logits(logits, mask)
    return bool(torch.isclose(with_logits, F.binary_cross_entropy(logits.sigmoid(), mask)))


def stable_at_large_logits(_: Evidence) -> bool:
    """The loss of a logit of 120 against a mask of 0 must be 120; after a float32 sigmoid it is lost."""
    logit, mask = torch.tensor([120.0]), torch.zeros(1)
    naive = -torch.log(1 - logit.sigmoid())
    return F.binary_cross_entropy_with_logits(logit, mask).item() == 120 and not bool(naive.isfinite())


def loss_is_the_formula(_: Evidence, *, dice: float, bce: float) -> bool:
    """The formula worked out in float64 on a random image, against the loss that trains."""
    logits, mask = _random_image()
    x, y, eps = logits.double().sigmoid(), mask.double(), NOTE.smooth
    dice_loss = 1 - (2 * (x * y).sum() + eps) / (x.sum() + y.sum() + eps)
    cross_entropy = -(NOTE.pos_weight * y * x.log() + (1 - y) * (1 - x).log()).mean()
    loss = DiceBCELoss(dice_weight=dice, bce_weight=bce, pos_weight=NOTE.pos_weight, smooth=eps)(logits, mask)
    return torch.allclose(loss.double(), dice * dice_loss + bce * cross_entropy, rtol=1e-5)


def epsilon_smooths(_: Evidence) -> bool:
    """Two empty masks have a Dice of 1 (0/0 without ε); elsewhere ε moves it by less than 10⁻⁶."""
    empty, full = torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    moved = soft_dice(full.double() / 2, full.double(), smooth=NOTE.smooth) - 2 / 3
    return bool(soft_dice(empty, empty, smooth=NOTE.smooth) == 1) and float(moved.abs()) < 1e-6


def cost_of_a_missed_pixel(_: Evidence) -> float:
    """Gradient of the loss at an undecided foreground pixel over that at a background pixel."""
    logits = torch.zeros(2, requires_grad=True)
    weight = torch.tensor(NOTE.pos_weight)
    F.binary_cross_entropy_with_logits(logits, torch.tensor([1.0, 0.0]), pos_weight=weight).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    return float((logits.grad[0] / logits.grad[1]).abs())


def dice_loss_is_the_metric(_: Evidence) -> bool:
    """On binary predictions, 1 - loss against the Dice coefficient of the masks."""
    logits, mask = _random_image()
    prediction = logits > 0
    metric = 2 * (prediction & mask.bool()).sum() / (prediction.sum() + mask.sum())
    return torch.allclose(soft_dice(prediction.float(), mask, smooth=NOTE.smooth), metric)


def dice_loss_ignores_background(_: Evidence) -> bool:
    """Pad an image with well-predicted background: Dice loss stays, mean cross-entropy falls."""
    logits, mask = _random_image()
    padded = F.pad(logits, (0, 64), value=-60.0), F.pad(mask, (0, 64))
    dice = [soft_dice(x.sigmoid(), y, smooth=NOTE.smooth) for x, y in ((logits, mask), padded)]
    bce = [F.binary_cross_entropy_with_logits(x, y) for x, y in ((logits, mask), padded)]
    return torch.allclose(dice[0], dice[1]) and bool(bce[1] < bce[0] / 2)


def dice_share(foreground: float, *, pos_weight: float) -> float:
    """The Dice term's share of the note's loss where every probability is one half.

    >>> round(dice_share(0.3, pos_weight=1.0), 2), round(dice_share(0.3, pos_weight=200.0), 2)
    (0.78, 0.06)
    """
    mask = torch.zeros(1, 1, 100, 100)
    mask.view(-1)[: round(foreground * mask.numel())] = 1
    weights = {"dice_weight": NOTE.dice_weight, "pos_weight": pos_weight}
    dice, whole = (DiceBCELoss(bce_weight=bce, **weights)(0 * mask, mask) for bce in (0.0, NOTE.bce_weight))
    return float(dice / whole)


def _random_image() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 1, 16, 16, generator=generator)
    return logits, (torch.rand(1, 1, 16, 16, generator=generator) < 0.3).float()


# Optimiser, schedule, augmentation


def betas_of_adam(_: Evidence) -> tuple[Any, ...]:
    """Read the library's recipe, and that Adam's own defaults are no others."""
    return NOTE.betas if NOTE.betas == _adam("betas") else (NOTE.betas, _adam("betas"))


def learning_rate_is_low(_: Evidence) -> bool:
    """Against the default of torch's Adam."""
    return bool(NOTE.learning_rate < _adam("lr"))


def weight_decay_is_l2(_: Evidence) -> bool:
    """One step of torch's Adam with it, against one step on the loss plus the sum of ½·10⁻⁴·w²."""
    stepped = []
    for decay, penalty in ((NOTE.weight_decay, 0.0), (0.0, NOTE.weight_decay)):
        weight = nn.Parameter(torch.linspace(-1, 1, 7))
        optimizer = Adam([weight], lr=NOTE.learning_rate, weight_decay=decay)
        for _step in range(3):
            optimizer.zero_grad()
            ((weight - 0.3).pow(4).sum() + penalty / 2 * weight.square().sum()).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        stepped.append(weight.detach())
    return torch.allclose(stepped[0], stepped[1], atol=1e-7)


def learning_rates(epochs: int, *, better_after_halving: bool = False) -> list[float]:
    """The learning rate after each epoch by the note's schedule, with a validation Dice that stands still.

    The fastest descent that early stopping lets live has one better epoch after each halving.
    """
    optimizer = Adam([nn.Parameter(torch.zeros(1))], lr=NOTE.learning_rate)
    scheduler = ReduceLROnPlateau(
        optimizer,
        mode="max",
        factor=NOTE.plateau_factor,
        patience=NOTE.plateau_patience,
        min_lr=NOTE.min_learning_rate,
    )
    rates, dice = [NOTE.learning_rate], 0.5
    for _epoch in range(epochs):
        scheduler.step(dice)
        rates.append(float(optimizer.param_groups[0]["lr"]))
        if better_after_halving and rates[-1] < rates[-2]:
            dice += 0.01
    return rates[1:]


def _adam(option: str) -> Any:
    return inspect.signature(Adam).parameters[option].default


def augmentation(_: Evidence, *, of: str) -> tuple[str, ...]:
    """Read the built augmentation."""
    for transform in build_augmentation().transforms:
        if type(transform).__name__ == of:
            return (f"p {transform.p}",)
        setting = getattr(transform, of, None) or (0, 0)
        low, high = map(float, setting["x"] if isinstance(setting, dict) else setting)
        if low < high:
            return f"{low:g} to {high:g}", f"p {transform.p}"
    return ("absent",)


def image_and_mask_move_together(_: Evidence) -> bool:
    """Augment an image that is its own mask, a hundred times."""
    image = np.zeros((128, 128), np.uint8)
    image[40:80, 50:90] = 255
    augmentation = build_augmentation()
    for k in range(100):
        moved, mask = apply_augmentation(augmentation, image, image, seed=(0, k))
        moved_in, mask_in = moved > 127, mask > 127
        if 2 * (moved_in & mask_in).sum() < 0.97 * (moved_in.sum() + mask_in.sum()):
            return False  # linear against nearest interpolation explains less than 3 % of such a square
    return True
