"""Which taps of a dilated 3×3 kernel see data at all: torch is asked, nothing is derived."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def taps_on_data(side: int, rate: int) -> Tensor:
    """How often each tap of a 3×3 kernel of dilation ``rate`` lies on the map, not on its padding.

    Returns ``3 3 side side``, 1 where the tap, for the kernel centred on that position, reads the map.

    >>> taps_on_data(8, 12).sum(dim=(2, 3)).int()
    tensor([[ 0,  0,  0],
            [ 0, 64,  0],
            [ 0,  0,  0]], dtype=torch.int32)
    """
    if side < 1 or rate < 1:
        raise ValueError(f"side, rate: expected at least 1, got {side} and {rate}")
    ones = torch.ones(1, 1, side, side)
    taps = torch.eye(9).reshape(9, 1, 3, 3)  # nine kernels, one tap each
    seen = F.conv2d(ones, taps, padding=rate, dilation=rate)  # (1, 9, side, side)
    return seen.reshape(3, 3, side, side)


def live_taps(side: int, rate: int) -> float:
    """The number of a kernel's nine taps that see data, averaged over the positions of the map.

    >>> live_taps(8, 6), live_taps(8, 18), live_taps(8, 1)
    (2.25, 1.0, 7.5625)
    """
    return float(taps_on_data(side, rate).sum()) / side**2


def dead_weights(conv: nn.Conv2d, side: int) -> int:
    """Weights of a dilated 3×3 convolution that no image can reach on a ``side`` × ``side`` map.

    A tap is dead when it lies on padding wherever the kernel stands: nothing that passes forward depends
    on it, and its gradient is zero.

    >>> dead_weights(nn.Conv2d(10, 4, 3, padding=12, dilation=12, bias=False), 8)
    320
    """
    if conv.kernel_size != (3, 3) or conv.padding != conv.dilation:
        raise ValueError(f"conv: expected a 3×3 kernel padded by its dilation, got {conv}")
    dead = (taps_on_data(side, conv.dilation[0]).sum(dim=(2, 3)) == 0).sum()
    return int(dead) * conv.in_channels * conv.out_channels // conv.groups


def reach(rate: int, *, kernel_size: int = 3, side: int = 63) -> Tensor:
    """Where the response in the middle of a map of ample size has a gradient, ``side side``.

    >>> int(reach(6).sum())
    9
    """
    image = torch.zeros(1, 1, side, side, requires_grad=True)
    padding = rate * (kernel_size // 2)
    response = F.conv2d(image, torch.ones(1, 1, kernel_size, kernel_size), padding=padding, dilation=rate)
    response[0, 0, side // 2, side // 2].backward()  # type: ignore[no-untyped-call]
    assert image.grad is not None
    return image.grad[0, 0] != 0


def extent(rate: int, *, kernel_size: int = 3, side: int = 63) -> int:
    """The side of the square that a dilated kernel spans, read off its gradient.

    >>> extent(6), extent(12), extent(18)
    (13, 25, 37)
    """
    columns = reach(rate, kernel_size=kernel_size, side=side).any(dim=0).nonzero()
    return int(columns[-1] - columns[0]) + 1
