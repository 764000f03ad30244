"""The mean of several looks at one image: of networks that differ by their seed, and of its mirror image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_SURE = 1e-7
"""A probability nearer to 0 or 1 than this has no finite logit in float32."""


class Average(nn.Module):
    """The mean probability of ``networks``, as logits ``B 1 H W`` of images ``B 1 H W``.

    With ``mirrored`` each network also sees the image with left and right exchanged, and its answer is turned
    back: twice the work. The mean is that of probabilities, so one network that is sure counts no more than
    one that doubts. Source: Lakshminarayanan et al., *Simple and Scalable Predictive Uncertainty Estimation
    using Deep Ensembles*, 2017, doi:10.48550/arXiv.1612.01474. Raises ``ValueError`` without a network.

    >>> sure, doubtful = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)
    >>> for network, logit in ((sure, 4.0), (doubtful, 0.0)):
    ...     _ = nn.init.zeros_(network.weight), nn.init.constant_(network.bias, logit)
    >>> round(float(Average([sure, doubtful])(torch.zeros(1, 1, 2, 2)).sigmoid().mean()), 3)
    0.741
    """

    def __init__(self, networks: Sequence[nn.Module], *, mirrored: bool = False) -> None:
        super().__init__()
        if not networks:
            raise ValueError("networks: expected at least one, got none")
        self.networks, self.mirrored = nn.ModuleList(networks), mirrored

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``B 1 H W`` of images ``B 1 H W``."""
        looks = [network(images).float().sigmoid() for network in self.networks]
        if self.mirrored:
            turned = images.flip(-1)
            looks += [network(turned).float().sigmoid().flip(-1) for network in self.networks]
        return torch.stack(looks).mean(0).logit(eps=_SURE)
