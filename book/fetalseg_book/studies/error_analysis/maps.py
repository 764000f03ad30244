"""Class activation maps of a segmentation, and a test whether they tell anything of the network.

Grad-CAM (Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74) weighs the channels of a layer by the mean
gradient of a score; for a segmentation the score is the sum of the logits over a region (Vinogradova et al.
2020, arXiv:2002.11434). The test draws weights anew and looks whether the map changes (Adebayo et al. 2018,
arXiv:1810.03292).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from fetalseg_lib.models.network import DECODER, MobileNetASPPUNet

Map = NDArray[np.float32]

CASCADE = ("head", *reversed(DECODER), "bottleneck")
"""The stages from the output backwards, as the test draws them anew, one after the other."""


def activation_maps(
    model: MobileNetASPPUNet, images: Tensor, region: Tensor, *, layers: Sequence[str]
) -> dict[str, Map]:
    """A map ``B h w``, at its own size, for each of the ``layers``: names of the network's stages.

    ``images`` are ``B 1 H W`` in [0, 1]; ``region`` is bool ``B 1 H W``, the pixels whose logits are summed.
    The maps are signed: Grad-CAM's ReLU is left to whoever draws them, so that no map is empty. Raises
    ``ValueError`` for a name that is no stage.
    """
    stages = model.stages()
    if unknown := [name for name in layers if name not in stages]:
        raise ValueError(f"layers: expected some of {', '.join(stages)}; got {', '.join(unknown)}")
    kept: dict[str, Tensor] = {}

    def keep(name: str) -> RemovableHandle:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            kept[name] = output if output.requires_grad else output.requires_grad_()
            return kept[name]

        return stages[name].register_forward_hook(hook)

    hooks = [keep(name) for name in layers]
    try:
        model.eval()
        score = model(images)[region].sum()
        gradients = torch.autograd.grad(score, [kept[name] for name in layers])
    finally:
        for hook in hooks:
            hook.remove()
    maps = {}
    for name, gradient in zip(layers, gradients, strict=True):
        weights = gradient.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
        maps[name] = (weights * kept[name]).sum(dim=1).detach().numpy()  # (B, h, w)
    return maps


def randomised(model: MobileNetASPPUNet, stages: Sequence[str], *, seed: int) -> MobileNetASPPUNet:
    """A copy of the network whose ``stages`` have the weights of a network that was never trained."""
    changed = copy.deepcopy(model)
    parts = changed.stages()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in stages:
            for module in parts[name].modules():
                if callable(reset := getattr(module, "reset_parameters", None)):
                    reset()
    return changed


def rank_agreement(first: Map, second: Map) -> NDArray[np.float64]:
    """Spearman's correlation over the pixels of two maps ``B h w``, for each of the ``B``.

    >>> ramp = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    >>> rank_agreement(ramp, -ramp).tolist()
    [-1.0]
    """
    pairs = zip(first.reshape(len(first), -1), second.reshape(len(second), -1), strict=True)
    return np.array([spearmanr(one, other).statistic for one, other in pairs], dtype=np.float64)


def shrink(pictures: Tensor, size: tuple[int, int]) -> Map:
    """Pictures ``B 1 H W`` as maps ``B h w`` of a layer's size, by the mean of what falls together."""
    shrunk: Map = F.adaptive_avg_pool2d(pictures, size)[:, 0].numpy()
    return shrunk
