"""The checks that try out a part of the network: a convolution, a branch, a block, the head."""

from __future__ import annotations

import copy
import re
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fetalseg_book.audit.evidence import Evidence, layers, with_one_seed
from fetalseg_book.audit.stated import Finding, decided
from fetalseg_book.dilation import dead_weights, live_taps
from fetalseg_lib.models.aspp import ImagePooling

# Encoder


def trained_parts(evidence: Evidence) -> tuple[str, ...]:
    """List the parts of the built network that have trainable parameters."""
    parts = {
        "initial convolution": r"init_conv\.",
        "encoder": r"encoder\.",
        "bottleneck": r"bottleneck\.",
        "decoder": r"dec\d\.(?!skip_se)",
        "skip SE": r"dec\d\.skip_se",
        "head": r"head\.",
    }
    trained = [name for name, weights in evidence.network.named_parameters() if weights.requires_grad]
    return tuple(part for part, path in parts.items() if any(re.match(path, name) for name in trained))


def stem_ratio(_: Evidence) -> float:
    """A grey image through averaged kernels, and in three equal channels through the colour kernels."""
    generator = torch.Generator().manual_seed(0)
    kernels = torch.randn(32, 3, 3, 3, generator=generator)  # red, green, blue
    grey = torch.rand(1, 1, 32, 32, generator=generator)
    averaged = F.conv2d(grey, kernels.mean(dim=1, keepdim=True))
    whole = F.conv2d(grey.expand(-1, 3, -1, -1), kernels)
    return float((averaged * whole).sum() / whole.square().sum())


# ASPP and dilation


def way_down(unet: Any) -> nn.Sequential:
    """The U-Net's layers from the image to its lowest stage, its poolings among them."""
    stages = (unet.enc0, unet.enc1, unet.enc2, unet.enc3)
    return nn.Sequential(*(layer for one in stages for layer in (one, nn.MaxPool2d(2))), unet.bottleneck)


def receptive_field(chain: nn.Module) -> int:
    """The side, in input pixels, of the square that one output position of a chain of layers can see.

    Counts the longest path: every convolution and pooling of ``chain`` in order. A skip inside a block
    sees less, and so changes nothing.

    >>> receptive_field(nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 3, dilation=6)))
    27
    """
    side, jump = 1, 1
    for layer in chain.modules():
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            kernel, stride, dilation = (
                one if isinstance(one, int) else one[0]
                for one in (layer.kernel_size, layer.stride, layer.dilation)
            )
            side += (kernel - 1) * dilation * jump
            jump *= stride
    return side


def zeros_between_taps(_: Evidence, *, rate: int) -> bool:
    """A dilated kernel and the same kernel filled up with zeros, on noise."""
    generator = torch.Generator().manual_seed(0)
    image, kernel = (torch.randn(1, 1, side, side, generator=generator) for side in (40, 3))
    filled = torch.zeros(1, 1, 2 * rate + 1, 2 * rate + 1)
    filled[..., ::rate, ::rate] = kernel
    return torch.allclose(F.conv2d(image, kernel, dilation=rate), F.conv2d(image, filled), atol=1e-5)


def taps_on_the_bottleneck(evidence: Evidence, *, branch: int) -> Finding:
    """Positions of the traced map where each of the nine taps reads data: most of them, on average?"""
    side = evidence.trace.calls["enc5"].output[1]
    (conv,) = layers(evidence.network.bottleneck.dilated[branch], "Conv2d")
    taps, dead = live_taps(side, conv.dilation[0]), dead_weights(conv, side)
    left = "a 1×1 convolution is left" if dead else "most of the kernel is idle"
    return decided(
        taps >= 4.5,
        f"{taps:.2f} of 9 taps on data, {dead:,} of {conv.weight.numel():,} weights dead",
        f"The rest lies on padding: {left}.",
    )


def pooling_branch_trains_on_one(evidence: Evidence) -> tuple[bool, bool]:
    """Train mode, a batch of one: does the branch run with GroupNorm, and does BatchNorm in its place."""
    branch = with_one_seed(lambda: ImagePooling(32, 32))
    batch_norm = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(32))
    return _trains_on(evidence.maps[:1], branch), _trains_on(evidence.maps[:1], batch_norm)


def pooling_branch_sees_all(evidence: Evidence) -> bool:
    """Change one corner of a map: does the pooling branch answer in the opposite corner."""
    branch, changed = with_one_seed(lambda: ImagePooling(32, 32)), evidence.maps.clone()
    changed[:, :16, 0, 0] += 10
    return not torch.allclose(branch(evidence.maps)[..., -1, -1], branch(changed)[..., -1, -1])


def _trains_on(features: Tensor, branch: nn.Module) -> bool:
    try:
        branch.train()(features)
    except ValueError:  # "Expected more than 1 value per channel when training"
        return False
    return True


# Residual block and output


def content_of_f(evidence: Evidence) -> str:
    """On noise, is block(x) less its shortcut what two Conv-BN-ReLU give, or that after SE."""
    block, features = evidence.block, evidence.maps
    f, convs = block(features) - features, block.convs(features)
    if torch.allclose(f, block.se(convs), atol=1e-5):
        return "Conv-BN-ReLU twice, then SE"
    return "Conv-BN-ReLU twice" if torch.allclose(f, convs, atol=1e-5) else "something else"


def end_of_network(evidence: Evidence) -> str:
    """Noise through the built network with its last bias at -9: does the output fall below zero."""
    model = copy.deepcopy(evidence.network).eval()
    with torch.no_grad():
        model.head.bias.fill_(-9)  # logits follow the bias below zero, probabilities cannot
        output = model(torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)))
    return "logits" if bool((output < 0).any()) else "sigmoid"
