"""The statistics of a pre-trained encoder's batch normalisation: taken anew, or given back where none are.

:func:`reestimate_batch_norm` takes them from the images that the encoder will meet. :func:`unfold` gives
them back where a file made for inference holds BatchNorm as a mere shift: weight 1, mean 0, variance 1, all
the rest inside the convolution. In eval mode that computes the same. In train mode BatchNorm divides by the
batch's own statistics, which are nowhere near 0 and 1, and the pre-trained function is gone at the first
step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fetalseg_lib.models.random_weights import drawn_features, noise_images


class _Moments:
    """Count, sum and sum of squares of each channel, over all images and places so far."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = torch.zeros(1, dtype=torch.float64)
        self.squares = torch.zeros(1, dtype=torch.float64)

    def add(self, activations: Tensor) -> tuple[Tensor, Tensor]:
        """Take in ``B C H W``; returns this batch's own mean and (biased) variance."""
        values = activations.detach().double().transpose(0, 1).flatten(1)  # (C, B·H·W)
        self.count += values.shape[1]
        self.sum = self.sum.to(values.device) + values.sum(dim=1)
        self.squares = self.squares.to(values.device) + values.square().sum(dim=1)
        variance, mean = torch.var_mean(values, dim=1, correction=0)
        return mean, variance

    def pooled(self) -> tuple[Tensor, Tensor]:
        """Mean and unbiased variance over everything taken in, as PyTorch keeps them."""
        mean = self.sum / self.count
        spread = (self.squares - self.count * mean.square()).clamp(min=0)
        return mean, spread / max(1, self.count - 1)


def reestimate_batch_norm(model: nn.Module, batches: Iterable[Tensor]) -> int:
    """Replace the running statistics of every ``BatchNorm2d`` in ``model`` by those of ``batches``.

    A batch is images ``B 1 H W``, without masks; no weight is trained. Meanwhile each layer normalises by its
    batch's own statistics, so that a layer sees what the re-estimated ones before it will give; what is kept
    is mean and variance over all images. The model's mode, frozen or training, stays. Folded weights must be
    unfolded first (:func:`unfold`), else real statistics would scale twice.

    Returns how many images it saw; raises ``ValueError`` for none, and for a model without BatchNorm.

    Sources: Li et al. 2016 (AdaBN), arXiv:1603.04779; Wu and Johnson 2021, arXiv:2105.07576.

    >>> norm = nn.BatchNorm2d(1)
    >>> reestimate_batch_norm(norm, [torch.tensor([2.0, 4.0]).reshape(2, 1, 1, 1)])
    2
    >>> norm.running_mean, norm.running_var
    (tensor([3.]), tensor([2.]))
    """
    moments = {module: _Moments() for module in model.modules() if isinstance(module, nn.BatchNorm2d)}
    if not moments:
        raise ValueError("model: expected at least one BatchNorm2d, got none")

    def normalise_by_batch(norm: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> Tensor:
        assert isinstance(norm, nn.BatchNorm2d)
        mean, variance = (value.to(inputs[0].dtype) for value in moments[norm].add(inputs[0]))
        return F.batch_norm(inputs[0], mean, variance, norm.weight, norm.bias, eps=norm.eps)

    mode = {module: module.training for module in model.modules()}
    hooks = [norm.register_forward_hook(normalise_by_batch) for norm in moments]
    images = 0
    try:
        model.eval()  # else PyTorch would move the old statistics too
        with torch.no_grad():
            for batch in batches:
                model(batch)
                images += len(batch)
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in mode.items():
            module.training = training
    if not images:
        raise ValueError("batches: expected at least one batch of images, got none")
    for norm, found in moments.items():
        _keep(norm, *found.pooled())
    return images


def _keep(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


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
    _keep(norm, mean, variance)
