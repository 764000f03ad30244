"""One step up: double the resolution, filter the skip, join the two and refine."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from fetalseg_lib.models.blocks import UpConvolution
from fetalseg_lib.models.residual import ResidualBlockSE
from fetalseg_lib.models.se import SEBlock

Upsampling = Literal["transposed", "bilinear"]
"""How a decoder stage doubles its resolution."""


class DecoderStage(nn.Module):
    """Upsample by two, weigh the skip's channels by SE, concatenate, refine by a residual SE block.

    ``below`` is ``B in_channels H W``, ``skip`` is ``B skip_channels 2H 2W``, the result
    ``B out_channels 2H 2W``. ``upsampling="transposed"`` is a 2×2 transposed convolution of stride 2,
    ``"bilinear"`` an interpolation and a 1×1 convolution to the same channels.

    Raises ``ValueError`` for another ``upsampling``.

    >>> stage = DecoderStage(512, 96, 256)
    >>> stage(torch.zeros(2, 512, 8, 8), torch.zeros(2, 96, 16, 16)).shape
    torch.Size([2, 256, 16, 16])
    """

    def __init__(
        self,
        in_channels: int,
        skip_channels: int,
        out_channels: int,
        *,
        upsampling: Upsampling = "transposed",
        skip_se: bool = True,
        block_se: bool = True,
        residual: bool = True,
        separable: bool = False,
        reduction: int = 16,
    ) -> None:
        super().__init__()
        self.up = _upsampler(upsampling, in_channels, out_channels)
        self.skip_se = SEBlock(skip_channels, reduction=reduction) if skip_se else nn.Identity()
        self.block = ResidualBlockSE(
            out_channels + skip_channels,
            out_channels,
            se=block_se,
            residual=residual,
            separable=separable,
            reduction=reduction,
        )

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """``B in_channels H W`` and ``B skip_channels 2H 2W`` → ``B out_channels 2H 2W``."""
        up = self.up(below)  # (B, out_channels, 2H, 2W)
        filtered = self.skip_se(skip)  # (B, skip_channels, 2H, 2W)
        joined = torch.cat([up, filtered], dim=1)  # (B, out_channels + skip_channels, 2H, 2W)
        refined: Tensor = self.block(joined)  # (B, out_channels, 2H, 2W)
        return refined


def _upsampler(upsampling: str, in_channels: int, out_channels: int) -> nn.Module:
    if upsampling == "transposed":
        return UpConvolution(in_channels, out_channels)
    if upsampling == "bilinear":
        return nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.Conv2d(in_channels, out_channels, 1),
        )
    raise ValueError(f"upsampling: expected one of {', '.join(get_args(Upsampling))}; got {upsampling!r}")
