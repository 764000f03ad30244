"""The checks that try out how the note trains: its loss, optimiser, schedule and augmentation."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Adam

from fetalseg_book.audit.evidence import Evidence
from fetalseg_lib.data.augment import apply_augmentation, build_augmentation
from fetalseg_lib.training.config import TrainingConfig
from fetalseg_lib.training.losses import DiceBCELoss
from fetalseg_lib.training.schedule import build_schedule, step_schedule

NOTE = TrainingConfig()

# Loss


def loss_is_the_formula(evidence: Evidence, *, dice: float, bce: float) -> bool:
    """The formula worked out in float64 on a random image, against the loss that trains."""
    logits, mask = evidence.logits, evidence.mask
    x, y, eps = logits.double().sigmoid(), mask.double(), NOTE.smooth
    dice_loss = 1 - (2 * (x * y).sum() + eps) / (x.sum() + y.sum() + eps)
    cross_entropy = -(NOTE.pos_weight * y * x.log() + (1 - y) * (1 - x).log()).mean()
    loss = DiceBCELoss(dice_weight=dice, bce_weight=bce, pos_weight=NOTE.pos_weight, smooth=eps)(logits, mask)
    return torch.allclose(loss.double(), dice * dice_loss + bce * cross_entropy, rtol=1e-5)


def cost_of_a_missed_pixel(_: Evidence) -> float:
    """Gradient of the loss at an undecided foreground pixel over that at a background pixel."""
    truth, weight = torch.tensor([1.0, 0.0]), torch.tensor(NOTE.pos_weight)
    loss = partial(F.binary_cross_entropy_with_logits, target=truth, pos_weight=weight)
    missed, false_alarm = torch.func.grad(loss)(torch.zeros(2))
    return abs(float(missed / false_alarm))


def dice_share(foreground: float, *, pos_weight: float = NOTE.pos_weight) -> float:
    """The Dice term's share of the note's loss where every probability is one half.

    >>> round(dice_share(0.3, pos_weight=1.0), 2), round(dice_share(0.3, pos_weight=200.0), 2)
    (0.78, 0.06)
    """
    mask = torch.zeros(1, 1, 100, 100)
    mask.view(-1)[: round(foreground * mask.numel())] = 1
    weights = {"dice_weight": NOTE.dice_weight, "pos_weight": pos_weight}
    dice, whole = (DiceBCELoss(bce_weight=bce, **weights)(0 * mask, mask) for bce in (0.0, NOTE.bce_weight))
    return float(dice / whole)


# Optimiser, schedule, augmentation


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
    schedule = build_schedule(optimizer, NOTE)
    rates, dice = [NOTE.learning_rate], 0.5
    for _epoch in range(epochs):
        step_schedule(schedule, validation_dice=dice)
        rates.append(float(optimizer.param_groups[0]["lr"]))
        if better_after_halving and rates[-1] < rates[-2]:
            dice += 0.01
    return rates[1:]


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
