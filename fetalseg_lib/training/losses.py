"""The loss of the architecture note: soft Dice and weighted cross-entropy.

Axes: ``B`` batch, ``C`` channels (one), ``H`` rows, ``W`` columns.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DiceBCELoss(nn.Module):
    r"""Weighted sum of a Dice loss and binary cross-entropy, from logits.

    With :math:`p = \sigma(x)` for logits :math:`x`, masks :math:`y`, and sums over the pixels of one image,

    .. math::
        L = w_\text{Dice} \, \frac{1}{B} \sum_{b=1}^{B} \Bigl( 1 -
            \frac{2 \sum p y + \epsilon}{\sum p + \sum y + \epsilon} \Bigr)
          - w_\text{BCE} \, \frac{1}{N} \sum_{i=1}^{N} \bigl[
            w_\text{pos} \, y_i \log p_i + (1 - y_i) \log (1 - p_i) \bigr]

    Dice is taken per image and then averaged over the batch, so that a small head counts as much as a large
    one; the cross-entropy is the mean over all :math:`N` pixels of the batch. ``pos_weight`` multiplies the
    error of the foreground pixels: 200 suits an unfilled outline, 1 leaves both classes as they are.

    Shapes: logits and masks ``B C H W``, masks in [0, 1]. Returns a scalar, computed in float32 at least,
    whatever autocast made of the logits: in bfloat16 a sum over 65,536 pixels would keep two digits.
    Raises ``ValueError`` when the shapes differ or there is no pixel.

    Source: V-Net for the soft Dice (Milletari et al. 2016, doi:10.1109/3DV.2016.79), here with plain sums in
    the denominator instead of squares; the sum with cross-entropy is section 8.1 of the architecture note.

    >>> loss = DiceBCELoss(dice_weight=1, bce_weight=0)
    >>> round(loss(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).item(), 6)  # 1 - 2·2 / (2 + 4)
    0.333333
    """

    def __init__(
        self,
        *,
        dice_weight: float = 0.8,
        bce_weight: float = 0.2,
        pos_weight: float = 200.0,
        smooth: float = 1e-6,
    ) -> None:
        super().__init__()
        self.dice_weight = dice_weight
        self.bce_weight = bce_weight
        self.pos_weight = pos_weight
        self.smooth = smooth

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        """Logits and masks, both ``B C H W``, to the scalar loss."""
        if logits.shape != masks.shape or logits.ndim != 4 or logits.numel() == 0:
            raise ValueError(
                f"logits, masks: expected one shape B C H W with at least one pixel, "
                f"got {tuple(logits.shape)} and {tuple(masks.shape)}"
            )
        dtype = torch.promote_types(logits.dtype, torch.float32)
        logits, masks = logits.to(dtype), masks.to(dtype)
        dice = soft_dice(logits.sigmoid(), masks, smooth=self.smooth)  # (B,)
        cross_entropy = F.binary_cross_entropy_with_logits(
            logits, masks, pos_weight=logits.new_full((), self.pos_weight)
        )
        return self.dice_weight * (1 - dice).mean() + self.bce_weight * cross_entropy


def soft_dice(probabilities: Tensor, masks: Tensor, *, smooth: float) -> Tensor:
    """Dice coefficient of each image, with probabilities in place of a hard mask: ``B C H W`` to ``(B,)``.

    ``smooth`` stands in numerator and denominator, so that two empty masks agree (1) instead of giving 0/0.

    >>> soft_dice(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2), smooth=1e-6)
    tensor([1.])
    """
    overlap = (probabilities * masks).sum(dim=(1, 2, 3))
    sizes = probabilities.sum(dim=(1, 2, 3)) + masks.sum(dim=(1, 2, 3))
    return (2 * overlap + smooth) / (sizes + smooth)
