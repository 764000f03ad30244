"""The smallest parts: a convolution with its norm and activation, twice the same, and the input check.

Axes: ``B`` batch, ``C`` channels, ``H`` rows, ``W`` columns.
"""

from __future__ import annotations

from torch import Tensor, nn

from fetalseg_lib import speed

INPUT_MULTIPLE = 32
"""MobileNetV2 halves the image five times, so its sides must divide by 2⁵."""


class ConvBNReLU(nn.Sequential):
    """Convolution without bias, batch normalisation, ReLU; keeps height and width.

    ``B in_channels H W`` → ``B out_channels H W``. The bias is left out because the normalisation that
    follows subtracts it again. ``separable=True`` looks with one kernel a channel first, and mixes the
    channels by a 1×1 convolution afterwards (Chollet 2017, doi:10.1109/CVPR.2017.195).

    >>> import torch
    >>> ConvBNReLU(3, 8)(torch.zeros(2, 3, 5, 7)).shape
    torch.Size([2, 8, 5, 7])
    >>> look, mix, *_ = ConvBNReLU(3, 8, separable=True)
    >>> look.weight.numel(), mix.weight.numel()
    (27, 24)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 3,
        dilation: int = 1,
        separable: bool = False,
    ) -> None:
        looked_at = in_channels if separable else out_channels
        look = nn.Conv2d(
            in_channels,
            looked_at,
            kernel_size,
            padding=dilation * (kernel_size // 2),
            dilation=dilation,
            groups=in_channels if separable else 1,
            bias=False,
        )
        mix = [nn.Conv2d(in_channels, out_channels, 1, bias=False)] if separable else []
        super().__init__(look, *mix, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


class DoubleConv(nn.Sequential):
    """Two 3×3 :class:`ConvBNReLU`, the block of the U-Net (Ronneberger et al. 2015, arXiv:1505.04597).

    ``B in_channels H W`` → ``B out_channels H W``. Padded and batch-normalised, as today's U-Nets are
    and the first one was not.

    >>> import torch
    >>> DoubleConv(3, 8)(torch.zeros(2, 3, 5, 7)).shape
    torch.Size([2, 8, 5, 7])
    """

    def __init__(self, in_channels: int, out_channels: int, *, separable: bool = False) -> None:
        super().__init__(
            ConvBNReLU(in_channels, out_channels, separable=separable),
            ConvBNReLU(out_channels, out_channels, separable=separable),
        )


class UpConvolution(nn.ConvTranspose2d):
    """A transposed convolution of 2×2 and stride 2, which doubles height and width.

    ``B in_channels H W`` → ``B out_channels 2H 2W``.

    >>> import torch
    >>> UpConvolution(16, 8)(torch.zeros(2, 16, 5, 7)).shape
    torch.Size([2, 8, 10, 14])
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=2, stride=2)

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """``B in_channels H W`` → ``B out_channels 2H 2W``."""
        if self.training:
            return speed.bias_apart(self, features)
        return super().forward(features, output_size)


def check_image(image: Tensor) -> None:
    """Raise ``ValueError`` unless ``image`` is floating ``B 1 H W`` with ``H`` and ``W`` multiples of 32.

    Every network here has this one contract, grey values in [0, 1]. Nothing is padded in silence: padding
    invents pixels at the border of the sector, and a head measured in mm deserves to know of it.

    >>> import torch
    >>> check_image(torch.zeros(1, 3, 64, 64))
    Traceback (most recent call last):
    ...
    ValueError: image: expected one grey channel, B 1 H W; got shape (1, 3, 64, 64). Make it grey.
    """
    shape = tuple(image.shape)
    if image.ndim != 4:
        raise ValueError(f"image: expected four axes, B 1 H W; got shape {shape}. Add the missing axes.")
    if shape[1] != 1:
        raise ValueError(f"image: expected one grey channel, B 1 H W; got shape {shape}. Make it grey.")
    if not image.is_floating_point():
        raise ValueError(f"image: expected floating grey values in [0, 1]; got {image.dtype}. Divide by 255.")
    height, width = shape[2:]
    if height == 0 or width == 0 or height % INPUT_MULTIPLE or width % INPUT_MULTIPLE:
        raise ValueError(
            f"image: expected height and width that are multiples of {INPUT_MULTIPLE}; "
            f"got {height} and {width}. Resize or pad the image first: the network does not pad."
        )
