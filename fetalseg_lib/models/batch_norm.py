"""Give a pre-trained encoder the batch-normalisation statistics of the images that it will meet."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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

    A batch is images ``B 1 H W``; masks are not asked for and no weight is trained, so that this may be done
    with whatever unlabelled images there are of the new kind. While it is done each layer normalises by its
    batch's own statistics, so that a layer sees what the re-estimated layers before it will give; what is
    kept is the mean and the variance over all images. The mode of the model, frozen or training, stays.

    Weights that were folded into the convolutions must be unfolded first: their BatchNorm of mean 0 and
    variance 1 scales nothing, and real statistics would scale twice (:mod:`~fetalseg_lib.models.folding`). A
    network with ``encoder_statistics="reestimated"`` sees to that.

    Returns how many images it saw. Raises ``ValueError`` for a model without batch normalisation and for no
    image.

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
