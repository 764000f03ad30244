"""An encoder that begins without colours, and its weights in the layout of one that had them."""

from __future__ import annotations

import torch
from torch import Tensor

from fetalseg_lib.models.encoder import MobileNetV2Encoder
from fetalseg_lib.models.random_weights import random_features
from fetalseg_lib.models.stem import IMAGENET_STD
from fetalseg_lib.models.weights import EncoderWeights

_FEATURES = "features."
_FIRST = "0.0.weight"


def grey_encoder() -> MobileNetV2Encoder:
    """A trainable encoder with random weights whose first convolution has no memory of colours."""
    state = random_features()
    state[_FIRST] = rgb_kernels(state[_FIRST].sum(dim=1, keepdim=True))
    weights = EncoderWeights(state_dict=state, source="random", sha256=None)
    return MobileNetV2Encoder(weights, stem="sum", training="trainable")


def features_of(encoder: MobileNetV2Encoder) -> dict[str, Tensor]:
    """The encoder's weights in torchvision's layout, ready for a ``.safetensors`` file.

    Read back with ``stem="sum"`` they compute what the encoder computes. Raises ``ValueError`` for an encoder
    that was not made by :func:`grey_encoder`: the tint of its stem has no place in that layout.

    >>> sorted(features_of(grey_encoder()))[:2]
    ['features.0.0.weight', 'features.0.1.bias']
    """
    # "enc2.3.conv..." is torchvision's "features.3.conv...".
    state = {name.partition(".")[2]: value.detach().cpu() for name, value in encoder.state_dict().items()}
    tint = float(state.pop("0.0.tint").abs().max())
    if tint > 1e-5:
        raise ValueError(
            f"encoder: expected a stem without tint, made by grey_encoder, got one of {tint:.2g}"
        )
    del state["0.0.mean"], state["0.0.std"]  # the normalisation is every grey stem's
    state[_FIRST] = rgb_kernels(state[_FIRST])
    return {_FEATURES + name: value for name, value in state.items()}


def rgb_kernels(grey_weight: Tensor) -> Tensor:
    """Kernels for normalised RGB, ``C 3 3 3``, that ``stem="sum"`` takes back to ``C 1 3 3``, without a tint.

    For a network that was trained on grey images: so its first convolution can be kept in the layout of one
    trained on photographs. Each colour carries a third of the weight, times its own standard deviation.
    ``stem="mean"`` makes a third of the trained response out of it, as it does of every network's.

    >>> from fetalseg_lib.models.stem import GreyStem
    >>> grey = torch.randn(8, 1, 3, 3)
    >>> torch.allclose(GreyStem(rgb_kernels(grey), stem="sum").weight, grey)
    True
    """
    std = torch.tensor(IMAGENET_STD, device=grey_weight.device)
    return grey_weight.detach() * std[:, None, None] / (3 * std.mean())
