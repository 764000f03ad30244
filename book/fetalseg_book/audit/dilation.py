"""Which taps of a dilated 3×3 kernel see data at all: torch is asked, nothing is derived."""

from __future__ import annotations

import pandas as pd
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


def parameters_by_part(model: nn.Module, *, side: int = 8) -> pd.DataFrame:
    """Parameters of each part of the note's network, with the branches of its ASPP apart.

    The index names the parts; ``dead`` are weights that lie on padding at every position of a ``side`` ×
    ``side`` bottleneck, ``live`` all others.
    """
    parts = {
        "encoder (frozen)": model.get_submodule("encoder"),
        "initial convolution": model.get_submodule("init_conv"),
        "ASPP: 1×1": model.get_submodule("bottleneck.pointwise"),
        **{
            f"ASPP: rate {branch.get_submodule('0').dilation[0]}": branch  # type: ignore[index]
            for branch in model.get_submodule("bottleneck.dilated").children()
        },
        "ASPP: pooling": model.get_submodule("bottleneck.pooling"),
        "ASPP: projection": model.get_submodule("bottleneck.projection"),
        **{name: model.get_submodule(name) for name in ("dec5", "dec4", "dec3", "dec2", "dec1", "head")},
    }
    rows = {}
    for name, part in parts.items():
        total = sum(parameter.numel() for parameter in part.parameters())
        dead = sum(
            dead_weights(conv, side)
            for conv in part.modules()
            if isinstance(conv, nn.Conv2d) and max(conv.dilation) > 1
        )
        rows[name] = {"live": total - dead, "dead": dead}
    return pd.DataFrame.from_dict(rows, orient="index")


def extent(rate: int, *, kernel_size: int = 3, side: int = 63) -> int:
    """The side of the square that a dilated kernel spans, read off its gradient on a map of ample size.

    >>> extent(6), extent(12), extent(18)
    (13, 25, 37)
    """
    columns = _gradient(rate, kernel_size, side).sum(dim=0).nonzero().flatten()
    return int(columns[-1] - columns[0]) + 1


def pixels_read(rate: int) -> int:
    """The number of pixels that a dilated 3×3 kernel reads, of all those that it spans.

    >>> pixels_read(1), pixels_read(6)
    (9, 9)
    """
    return int((_gradient(rate, 3, 63) != 0).sum())


def _gradient(rate: int, kernel_size: int, side: int) -> Tensor:
    """Of the response in the middle of a map, ``side side``."""
    image = torch.zeros(1, 1, side, side, requires_grad=True)
    reach = rate * (kernel_size // 2)
    response = F.conv2d(image, torch.ones(1, 1, kernel_size, kernel_size), padding=reach, dilation=rate)
    response[0, 0, side // 2, side // 2].backward()  # type: ignore[no-untyped-call]
    assert image.grad is not None
    return image.grad[0, 0]
