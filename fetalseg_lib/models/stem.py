"""The first convolution of an RGB network, made to read one grey channel.

An RGB network sees a grey image ``g`` as three channels ``(g - mean_c) / std_c``, each with its own
ImageNet mean and standard deviation. Its first convolution is linear, so the three kernels can be added
up beforehand. With one grey normalisation ``x = (g - m) / s``,

    (g - mean_c) / std_c = (s / std_c) x + (m - mean_c) / std_c,

so that Σ_c w_c ∗ (g - mean_c) / std_c is one kernel on ``x``, Σ_c (s / std_c) w_c, plus the response to a
constant, Σ_c (m - mean_c) / std_c w_c: grey is not quite neutral to the ImageNet statistics, it has a tint.
Zero padding comes after the normalisation, hence the tint differs where the kernel hangs over the border;
with stride 2 and even sides that is the first row and column only, and a 2×2 map holds all four cases.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Stem = Literal["mean", "sum"]
"""How three colour kernels become a grey one."""

IMAGENET_MEAN = 0.485, 0.456, 0.406
IMAGENET_STD = 0.229, 0.224, 0.225
"""Of red, green and blue, as torchvision's weights of MobileNetV2 expect them."""


class GreyStem(nn.Conv2d):
    """A 3×3 convolution of stride 2 from a grey image in [0, 1], made from kernels for normalised RGB.

    ``B 1 H W`` → ``B C H/2 W/2``; ``rgb_weight`` is ``C 3 3 3``.

    ``stem="sum"`` answers exactly as the RGB convolution does to the grey image repeated in three channels
    and normalised channel by channel, borders included (up to the rounding of the sums). ``stem="mean"``,
    the architecture note's way, answers with a third of that, while the frozen BatchNorm behind it still
    expects the whole.

    Raises ``ValueError`` for another ``stem`` or another shape of ``rgb_weight``.

    >>> GreyStem(torch.ones(32, 3, 3, 3), stem="sum")(torch.rand(2, 1, 64, 96)).shape
    torch.Size([2, 32, 32, 48])
    """

    mean: Tensor
    std: Tensor
    tint: Tensor

    def __init__(self, rgb_weight: Tensor, *, stem: Stem) -> None:
        if stem not in get_args(Stem):
            raise ValueError(f"stem: expected one of {', '.join(get_args(Stem))}; got {stem!r}")
        if rgb_weight.ndim != 4 or rgb_weight.shape[1:] != (3, 3, 3):
            raise ValueError(f"rgb_weight: expected shape (C, 3, 3, 3), got {tuple(rgb_weight.shape)}")
        super().__init__(1, len(rgb_weight), 3, stride=2, padding=1, bias=False)
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer("mean", mean.mean())
        self.register_buffer("std", std.mean())

        share = 1.0 if stem == "sum" else 1 / 3
        kernels = share * rgb_weight.detach() / std[:, None, None]  # (C, 3, 3, 3)
        tint_kernel = (kernels * (self.mean - mean)[:, None, None]).sum(dim=1, keepdim=True)  # (C, 1, 3, 3)
        # Corner, top row, left column, interior: the tint on the smallest image that has all four.
        tint = F.conv2d(torch.ones(1, 1, 4, 4), tint_kernel, stride=2, padding=1)  # (1, C, 2, 2)
        self.register_buffer("tint", tint)
        self.weight = nn.Parameter(self.std * kernels.sum(dim=1, keepdim=True))  # (C, 1, 3, 3)

    def forward(self, grey: Tensor) -> Tensor:
        """``B 1 H W`` in [0, 1] → ``B C H/2 W/2``."""
        response = super().forward((grey - self.mean) / self.std)  # (B, C, H/2, W/2)
        height, width = response.shape[2:]
        tint = F.pad(self.tint, (0, width - 2, 0, height - 2), mode="replicate")  # (1, C, H/2, W/2)
        return response + tint.to(response.dtype)
