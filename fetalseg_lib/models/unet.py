"""The U-Net that everything is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fetalseg_lib.models.blocks import DoubleConv, UpConvolution, check_image
from fetalseg_lib.models.options import check_options


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """The U-Net's one number: the channels of its first stage, doubled at each of four poolings."""

    base_width: int = 32

    def __post_init__(self) -> None:
        check_options(self, largest=128)


class UNetStage(nn.Module):
    """One step up: transposed convolution, concatenation with the skip, double convolution.

    ``below`` is ``B 2C H W``, ``skip`` is ``B C 2H 2W``, the result ``B C 2H 2W``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = UpConvolution(2 * channels, channels)
        self.block = DoubleConv(2 * channels, channels)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """``B 2C H W`` and ``B C 2H 2W`` → ``B C 2H 2W``."""
        joined = torch.cat([self.up(below), skip], dim=1)  # (B, 2C, 2H, 2W)
        refined: Tensor = self.block(joined)  # (B, C, 2H, 2W)
        return refined


class UNet(nn.Module):
    """The U-Net with four poolings, on a grey image in [0, 1], giving logits.

    ``B 1 H W`` → ``B 1 H W``. With ``base_width=32`` it has 7.76 million parameters, the size of the
    architecture note's comparison. Four poolings need multiples of 16 only; it asks for 32 like every
    network here, so that what runs through one runs through all.

    Raises ``ValueError`` for an image of another shape, see :func:`~fetalseg_lib.models.blocks.check_image`.

    Source: Ronneberger et al. 2015, arXiv:1505.04597, with padding and batch normalisation.

    >>> UNet()(torch.rand(2, 1, 64, 96)).shape
    torch.Size([2, 1, 64, 96])
    """

    def __init__(self, config: UNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or UNetConfig()
        self.encoder_weights_record: dict[str, str | None] = {"source": "none", "sha256": None}
        c = self.config.base_width
        self.enc0 = DoubleConv(1, c)
        self.enc1 = DoubleConv(c, 2 * c)
        self.enc2 = DoubleConv(2 * c, 4 * c)
        self.enc3 = DoubleConv(4 * c, 8 * c)
        self.bottleneck = DoubleConv(8 * c, 16 * c)
        self.dec4 = UNetStage(8 * c)
        self.dec3 = UNetStage(4 * c)
        self.dec2 = UNetStage(2 * c)
        self.dec1 = UNetStage(c)
        self.head = nn.Conv2d(c, 1, 1)

    def stages(self) -> dict[str, nn.Module]:
        """The network's parts by name, in the order of the data's way."""
        return dict(self.named_children())

    def forward(self, image: Tensor) -> Tensor:
        """``B 1 H W`` in [0, 1] → logits ``B 1 H W`` (shapes below at base width C)."""
        check_image(image)
        enc0 = self.enc0(image)  # (B, C, H, W)
        enc1 = self.enc1(F.max_pool2d(enc0, 2))  # (B, 2C, H/2, W/2)
        enc2 = self.enc2(F.max_pool2d(enc1, 2))  # (B, 4C, H/4, W/4)
        enc3 = self.enc3(F.max_pool2d(enc2, 2))  # (B, 8C, H/8, W/8)
        below = self.bottleneck(F.max_pool2d(enc3, 2))  # (B, 16C, H/16, W/16)
        dec4 = self.dec4(below, enc3)  # (B, 8C, H/8, W/8)
        dec3 = self.dec3(dec4, enc2)  # (B, 4C, H/4, W/4)
        dec2 = self.dec2(dec3, enc1)  # (B, 2C, H/2, W/2)
        dec1 = self.dec1(dec2, enc0)  # (B, C, H, W)
        logits: Tensor = self.head(dec1)  # (B, 1, H, W)
        return logits
