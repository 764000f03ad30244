"""Atrous spatial pyramid pooling: the bottleneck looks at several scales at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fetalseg_lib.models.blocks import ConvBNReLU


class Projection(nn.Sequential):
    """1×1 Conv-BN-ReLU and dropout, ``B in_channels H W`` → ``B out_channels H W``.

    The last step of :class:`ASPP`, and all that is left of the bottleneck in a network without it.
    """

    def __init__(self, in_channels: int, out_channels: int, *, dropout: float = 0.5) -> None:
        super().__init__(ConvBNReLU(in_channels, out_channels, kernel_size=1), nn.Dropout(dropout))


class ImagePooling(nn.Module):
    """The mean of the whole map, mixed by a 1×1 convolution and spread over the map again.

    ``B in_channels H W`` → ``B out_channels H W``. GroupNorm instead of BatchNorm: after the pooling there
    is one value per image and channel, so a batch of one would leave nothing to normalise over.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        # Thirty-two groups (Wu & He 2018, arXiv:1803.08494), fewer where a group would hold one value only.
        groups = math.gcd(32, out_channels // 2)
        self.mix = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.GroupNorm(groups, out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, features: Tensor) -> Tensor:
        """``B in_channels H W`` → ``B out_channels H W``."""
        pooled: Tensor = self.mix(features.mean(dim=(2, 3), keepdim=True))  # (B, out_channels, 1, 1)
        return pooled.expand(-1, -1, *features.shape[2:])  # (B, out_channels, H, W)


class ASPP(nn.Module):
    """A 1×1 convolution, dilated 3×3 convolutions and image pooling side by side, joined and projected.

    ``B in_channels H W`` → ``B out_channels H W``, for any ``H`` and ``W``. Each branch but the pooling
    gives ``branch_channels``, the pooling gives ``pool_channels``: as the note has it,
    4 × 128 + 256 = 768 channels come together. ``separable=True`` makes the dilated convolutions separable.
    What is out of range :class:`~fetalseg_lib.models.network.NetworkConfig` refuses.

    Source: Chen et al. 2017, Rethinking Atrous Convolution, arXiv:1706.05587.

    >>> ASPP(1280, 512)(torch.zeros(2, 1280, 8, 8)).shape
    torch.Size([2, 512, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        rates: Sequence[int] = (6, 12, 18),
        branch_channels: int = 128,
        pool_channels: int = 256,
        separable: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.pointwise = ConvBNReLU(in_channels, branch_channels, kernel_size=1)
        self.dilated = nn.ModuleList(
            ConvBNReLU(in_channels, branch_channels, dilation=rate, separable=separable) for rate in rates
        )
        self.pooling = ImagePooling(in_channels, pool_channels)
        joined_channels = (1 + len(rates)) * branch_channels + pool_channels
        self.projection = Projection(joined_channels, out_channels, dropout=dropout)

    def forward(self, features: Tensor) -> Tensor:
        """``B in_channels H W`` → ``B out_channels H W``."""
        branches = [
            self.pointwise(features),  # (B, branch_channels, H, W)
            *(dilated(features) for dilated in self.dilated),  # (B, branch_channels, H, W) each
            self.pooling(features),  # (B, pool_channels, H, W)
        ]
        joined = torch.cat(branches, dim=1)  # (B, joined_channels, H, W)
        projected: Tensor = self.projection(joined)  # (B, out_channels, H, W)
        return projected
