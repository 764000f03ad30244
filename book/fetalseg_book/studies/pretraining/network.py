"""An encoder to be pre-trained, with a light decoder that answers three questions at every pixel."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from fetalseg_book.studies.pretraining.grey_encoder import grey_encoder
from fetalseg_lib.models.blocks import ConvBNReLU, check_image
from fetalseg_lib.models.encoder import TAP_CHANNELS


class DenseAnswer(NamedTuple):
    """Logits of edges ``B 1 H W``, the clean image ``B 1 H W``, logits of textures ``B T H W``."""

    edges: Tensor
    clean: Tensor
    texture: Tensor


class DensePretraining(nn.Module):
    """A MobileNetV2 encoder from scratch, and a feature pyramid of few channels on its five taps.

    ``B 1 H W`` in [0, 1] → :class:`DenseAnswer`. The decoder is light so that the encoder has to do the
    work; it is thrown away afterwards. Source of the pyramid: Lin et al. 2017, doi:10.1109/CVPR.2017.106.

    >>> import torch
    >>> answer = DensePretraining(textures=4)(torch.rand(2, 1, 64, 64))
    >>> [tuple(part.shape) for part in answer]
    [(2, 1, 64, 64), (2, 1, 64, 64), (2, 4, 64, 64)]
    """

    def __init__(self, *, textures: int, width: int = 32) -> None:
        super().__init__()
        self.encoder = grey_encoder()
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in TAP_CHANNELS)
        self.smooth = nn.ModuleList(ConvBNReLU(width, width) for _ in TAP_CHANNELS)
        self.head = nn.Conv2d(width, 2 + textures, 1)

    def forward(self, image: Tensor) -> DenseAnswer:
        """From the coarsest tap to the finest, at half the image's size, then to its full size."""
        check_image(image)
        taps = self.encoder(image)
        levels = list(zip(taps, self.lateral, self.smooth, strict=True))[::-1]  # coarsest first
        tap, lateral, smooth = levels[0]
        below = smooth(lateral(tap))  # (B, width, H/32, W/32)
        for tap, lateral, smooth in levels[1:]:
            below = smooth(lateral(tap) + F.interpolate(below, scale_factor=2.0, mode="nearest"))
        answer = self.head(below)  # (B, 2 + T, H/2, W/2)
        answer = F.interpolate(answer.float(), scale_factor=2.0, mode="bilinear", align_corners=False)
        edges, clean, texture = answer[:, :1], answer[:, 1:2], answer[:, 2:]
        return DenseAnswer(edges, clean, texture)
