"""The decoder's block: two convolutions, channel attention, and the input added back."""

from __future__ import annotations

from torch import Tensor, nn

from fetalseg_lib.models.blocks import DoubleConv
from fetalseg_lib.models.se import SEBlock


class ResidualBlockSE(nn.Module):
    """Two Conv-BN-ReLU, then SE, then the addition of the input.

    ``B in_channels H W`` → ``B out_channels H W``. Where the channels differ the input passes a 1×1
    convolution without bias and a batch normalisation on its way to the addition. ``se=False`` leaves the
    attention out, ``residual=False`` the addition (and its projection); without both it is a plain
    :class:`~fetalseg_lib.models.blocks.DoubleConv`. ``separable=True`` makes its convolutions separable.

    Source: He et al. 2016, doi:10.1109/CVPR.2016.90, and Hu et al. 2018, doi:10.1109/CVPR.2018.00745.

    >>> import torch
    >>> ResidualBlockSE(352, 256)(torch.zeros(2, 352, 4, 4)).shape
    torch.Size([2, 256, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        se: bool = True,
        residual: bool = True,
        separable: bool = False,
        reduction: int = 16,
    ) -> None:
        super().__init__()
        self.convs = DoubleConv(in_channels, out_channels, separable=separable)
        self.se = SEBlock(out_channels, reduction=reduction) if se else nn.Identity()
        self.shortcut = _shortcut(in_channels, out_channels) if residual else None

    def forward(self, features: Tensor) -> Tensor:
        """``B in_channels H W`` → ``B out_channels H W``."""
        refined: Tensor = self.se(self.convs(features))  # (B, out_channels, H, W)
        return refined if self.shortcut is None else refined + self.shortcut(features)


def _shortcut(in_channels: int, out_channels: int) -> nn.Module:
    """The way of the input to the addition: nothing at all where the channels agree."""
    if in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels))
