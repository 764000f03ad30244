"""What pre-training asks at every pixel, and what a wrong answer costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class DenseTargets(NamedTuple):
    """Edges 0 or 1 ``B 1 H W``, clean image in [0, 1] ``B 1 H W``, texture class ``B H W`` (int64)."""

    edges: Tensor
    clean: Tensor
    texture: Tensor


def dense_losses(answer: tuple[Tensor, Tensor, Tensor], targets: DenseTargets) -> dict[str, Tensor]:
    """Cross-entropy of edges and of textures, mean absolute error of the clean image, each a scalar.

    >>> zeros, ones = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    >>> textures = torch.zeros(1, 4, 2, 2)
    >>> losses = dense_losses((zeros, zeros, textures), DenseTargets(ones, ones, ones[:, 0].long()))
    >>> {name: round(loss.item(), 3) for name, loss in losses.items()}  # ln 2, 1, ln 4
    {'edges': 0.693, 'clean': 1.0, 'texture': 1.386}
    """
    edges, clean, texture = (part.float() for part in answer)
    return {
        "edges": F.binary_cross_entropy_with_logits(edges, targets.edges),
        "clean": F.l1_loss(clean, targets.clean),
        "texture": F.cross_entropy(texture, targets.texture),
    }


LOSS_WEIGHTS: Mapping[str, float] = {"edges": 1.0, "clean": 4.0, "texture": 0.5}
"""Of the three losses: about equal shares at the beginning."""


def weighted(losses: Mapping[str, Tensor]) -> Tensor:
    """The one scalar that is minimised.

    >>> weighted({"edges": torch.tensor(0.5), "clean": torch.tensor(0.1), "texture": torch.tensor(1.0)})
    tensor(1.4000)
    """
    return torch.stack([LOSS_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()
