"""The note's loss, worked out by hand on small images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fetalseg_lib.training.config import TrainingConfig
from fetalseg_lib.training.losses import DiceBCELoss, soft_dice

_NOTE = TrainingConfig()


def dice_share(foreground: float, *, pos_weight: float) -> float:
    """The Dice term's share of the note's loss where every probability is one half.

    >>> round(dice_share(0.3, pos_weight=1.0), 2), round(dice_share(0.3, pos_weight=200.0), 2)
    (0.78, 0.06)
    """
    side = 100
    mask = torch.zeros(1, 1, side, side)
    mask.view(-1)[: round(foreground * side**2)] = 1
    logits = torch.zeros_like(mask)
    dice, whole = (
        DiceBCELoss(dice_weight=_NOTE.dice_weight, bce_weight=bce, pos_weight=pos_weight)(logits, mask).item()
        for bce in (0.0, _NOTE.bce_weight)
    )
    return float(dice / whole)


def _random_image() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 1, 16, 16, generator=generator)
    return logits, (torch.rand(1, 1, 16, 16, generator=generator) < 0.3).float()


def same_as_formula(dice_weight: float, bce_weight: float) -> bool:
    """Whether the loss that trains is the note's formula, on a random image."""
    logits, mask = _random_image()
    x, y, eps = logits.double().sigmoid(), mask.double(), _NOTE.smooth
    dice = 1 - (2 * (x * y).sum() + eps) / (x.sum() + y.sum() + eps)
    bce = -(_NOTE.pos_weight * y * x.log() + (1 - y) * (1 - x).log()).mean()
    loss = DiceBCELoss(
        dice_weight=dice_weight, bce_weight=bce_weight, pos_weight=_NOTE.pos_weight, smooth=eps
    )(logits, mask)
    return torch.allclose(loss.double(), dice_weight * dice + bce_weight * bce, rtol=1e-5)


def smooths() -> bool:
    """Whether ε makes 0/0 a 1 and else changes nothing that shows."""
    empty, full = torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    moved = soft_dice(full.double() / 2, full.double(), smooth=_NOTE.smooth) - 2 / 3
    return bool(soft_dice(empty, empty, smooth=_NOTE.smooth) == 1) and float(moved.abs()) < 1e-6


def missed_over_false(pos_weight: float) -> float:
    """Gradient of a missed foreground pixel over that of a false one, at a probability of one half."""
    logits = torch.zeros(2, requires_grad=True)
    F.binary_cross_entropy_with_logits(
        logits, torch.tensor([1.0, 0.0]), pos_weight=torch.tensor(pos_weight)
    ).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    return float((logits.grad[0] / logits.grad[1]).abs())


def is_the_metric() -> bool:
    """Whether the soft Dice of a binary prediction is the Dice coefficient."""
    logits, mask = _random_image()
    prediction = logits > 0
    metric = 2 * (prediction & mask.bool()).sum() / (prediction.sum() + mask.sum())
    return torch.allclose(soft_dice(prediction.float(), mask, smooth=_NOTE.smooth), metric)


def ignores_background() -> bool:
    """Whether padding by background leaves the Dice loss and dilutes the cross-entropy."""
    logits, mask = _random_image()
    padded = F.pad(logits, (0, 64), value=-60.0), F.pad(mask, (0, 64))
    dice = [soft_dice(x.sigmoid(), y, smooth=_NOTE.smooth) for x, y in ((logits, mask), padded)]
    bce = [F.binary_cross_entropy_with_logits(x, y) for x, y in ((logits, mask), padded)]
    return torch.allclose(dice[0], dice[1]) and bool(bce[1] < bce[0] / 2)
