"""An encoder that has seen nothing: random weights whose activations still arrive at the other end."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fetalseg_lib.models.stem import IMAGENET_MEAN, IMAGENET_STD


def drawn_features() -> nn.Sequential:
    """MobileNetV2's ``features`` for RGB, with weights as torchvision draws them."""
    # Here, and not above: torchvision brings a compiler's front end, seconds for those who only read results.
    from torchvision.models import mobilenet_v2

    features: nn.Sequential = mobilenet_v2().features
    return features


def random_features() -> dict[str, Tensor]:
    """Random weights for MobileNetV2's ``features``, drawn from torch's global generator.

    Frozen as torchvision draws them, with BatchNorm's running mean 0 and variance 1, each depthwise
    convolution shrinks the signal and the last tap is constant to nine digits. So BatchNorm's statistics are
    taken once from images of noise, which know nothing of ultrasound.

    >>> _ = torch.manual_seed(0)
    >>> features = drawn_features().eval()
    >>> _ = features.load_state_dict(random_features())
    >>> bool(features(torch.randn(2, 3, 64, 64)).std() > 0.1)
    True
    """
    features = drawn_features()
    for module in features.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # the statistics of the one batch, not a blend with the dummies
    with torch.no_grad():
        features.train()(noise_images())
    state: dict[str, Tensor] = features.state_dict()
    return state


def noise_images(n: int = 16, *, size: int = 96, generator: torch.Generator | None = None) -> Tensor:
    """Grey noise with as much contrast at coarse scales as at fine ones, as ImageNet input ``n 3 H W``."""
    octaves = [
        F.interpolate(torch.rand(n, 1, side, side, generator=generator), size=(size, size), mode="bilinear")
        for side in (3, 6, 12, 24, 48, 96)
    ]
    grey = torch.stack(octaves).mean(dim=0)  # (n, 1, H, W)
    grey = (grey - grey.min()) / (grey.max() - grey.min())
    return (grey - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(IMAGENET_STD)[:, None, None]
