"""Give BatchNorm its statistics back where a converted file has folded them into the convolutions.

A file made for inference often holds BatchNorm as a mere shift: weight 1, mean 0, variance 1, all the rest
inside the convolution. In eval mode that computes the same. In train mode BatchNorm divides by the batch's
own statistics, which are nowhere near 0 and 1, and the pre-trained function is gone at the first step.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fetalseg_lib.models.random_weights import drawn_features, noise_images


def is_folded(state_dict: Mapping[str, Tensor]) -> bool:
    """Whether every BatchNorm of MobileNetV2's ``features`` has the statistics of a folded one."""
    means = [value for key, value in state_dict.items() if key.endswith("running_mean")]
    variances = [value for key, value in state_dict.items() if key.endswith("running_var")]
    return not any(mean.any() for mean in means) and all(((var - 1).abs() < 1e-3).all() for var in variances)


def unfold(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same function in eval mode, with statistics that a batch of images really has.

    They are taken from images of noise that is as rough at every scale, standing in for the photographs
    that nobody has at hand; weight and bias make up for them, up to rounding.

    >>> is_folded(unfold(drawn_features().state_dict()))
    False
    """
    features = drawn_features().eval()
    features.load_state_dict(state_dict)
    measured: dict[nn.BatchNorm2d, tuple[Tensor, Tensor]] = {}

    def measure(norm: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        variance, mean = torch.var_mean(inputs[0].double(), dim=(0, 2, 3))
        measured[norm] = mean, variance

    for module in features.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(measure)
    with torch.no_grad():
        features(noise_images(generator=torch.Generator().manual_seed(0)))
        for norm, (mean, variance) in measured.items():
            _restate(norm, mean, variance)
    state: dict[str, Tensor] = features.state_dict()
    return state


def _restate(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Write ``scale x + shift``, which is all that BatchNorm does in eval mode, with other statistics."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    shift = norm.bias - norm.running_mean * scale
    norm.weight.copy_(scale * (variance + norm.eps).sqrt())
    norm.bias.copy_(shift + scale * mean)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
