"""Squeeze and excitation: weigh the channels by what the whole image holds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fetalseg_lib import speed


class SEBlock(nn.Module):
    """Scale each channel by a gate in (0, 1) that all channels' means decide together.

    ``B C H W`` → ``B C H W``. Two layers with bias, ``C → max(1, C // reduction) → C``, ReLU between,
    sigmoid at the end.

    Source: Hu et al. 2018, Squeeze-and-Excitation Networks, doi:10.1109/CVPR.2018.00745.

    >>> block = SEBlock(96)
    >>> block.squeeze.out_features
    6
    >>> block(torch.ones(2, 96, 4, 4)).shape
    torch.Size([2, 96, 4, 4])
    """

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        # Sixteen or twenty-four channels still need one hidden unit.
        hidden = max(1, channels // reduction)
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def gates(self, features: Tensor) -> Tensor:
        """The gate of each channel, ``B C H W`` → ``B C``."""
        means = speed.channel_means(features)  # (B, C)
        hidden = torch.relu(self.squeeze(means))  # (B, C / reduction)
        return torch.sigmoid(self.excite(hidden))  # (B, C)

    def forward(self, features: Tensor) -> Tensor:
        """``B C H W`` → ``B C H W``."""
        return features * self.gates(features)[:, :, None, None]
