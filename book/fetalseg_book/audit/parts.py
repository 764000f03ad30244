"""The checks that try out a part of the network: a convolution, a branch, a block, a gate, the head."""

from __future__ import annotations

import copy
import itertools
import math
import re
from collections.abc import Callable
from typing import Any, Literal

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fetalseg_book.audit.evidence import Evidence, layers_of_kind
from fetalseg_book.audit.stated import Finding, decided
from fetalseg_book.dilation import dead_weights, extent, live_taps, reach
from fetalseg_book.trace import Trace
from fetalseg_lib.models.aspp import ImagePooling
from fetalseg_lib.models.residual import ResidualBlockSE
from fetalseg_lib.models.se import SEBlock

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


def convolutions_are_separable(evidence: Evidence) -> bool:
    """Each 3×3 convolution of the encoder but the first: a group per channel, then a 1×1."""
    return all(
        spatial.groups == spatial.in_channels and mixing.kernel_size == (1, 1)
        for spatial, mixing in itertools.pairwise(layers_of_kind(evidence.network.encoder, "Conv2d")[1:])
        if spatial.kernel_size == (3, 3)
    )


def separable_pairs(trace: Trace) -> pd.DataFrame:
    """The multiplications of each depthwise convolution with the 1×1 behind it: ``separable``.

    And ``dense``, those of one 3×3 convolution of the same widths, and the ``saving``, their ratio.
    """
    rows = []
    convolutions = [call for call in trace.calls.values() if isinstance(call.module, nn.Conv2d)]
    for depthwise, pointwise in itertools.pairwise(convolutions):
        layer: Any = depthwise.module
        if layer.groups > 1:
            values, taps = math.prod(depthwise.output), math.prod(layer.kernel_size)
            outputs = pointwise.output[0]
            rows.append((values * (taps + outputs), values * taps * outputs))
    pairs = pd.DataFrame(rows, columns=["separable", "dense"])
    return pairs.assign(saving=pairs["dense"] / pairs["separable"])


# ASPP and dilation


def receptive_field_of(network: str, evidence: Evidence) -> int:
    """From the image to enc5, or to the U-Net's lowest stage."""
    if network == "proposed":
        return receptive_field(evidence.features)
    unet = evidence.on_meta("unet")
    pooled = nn.Sequential()
    for stage in (unet.enc0, unet.enc1, unet.enc2, unet.enc3):
        pooled.extend([stage, nn.MaxPool2d(2)])
    return receptive_field(nn.Sequential(pooled, unet.bottleneck))


def receptive_field(layers: nn.Module) -> int:
    """The side, in input pixels, of the square that one output position of a chain of layers can see.

    Counts the longest path: every convolution and pooling of ``layers`` in order. A skip inside a block
    sees less, and so changes nothing.

    >>> receptive_field(nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 3, dilation=6)))
    27
    """
    side, jump = 1, 1
    for layer in layers.modules():
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            kernel, stride, dilation = (
                one if isinstance(one, int) else one[0]
                for one in (layer.kernel_size, layer.stride, layer.dilation)
            )
            side += (kernel - 1) * dilation * jump
            jump *= stride
    return side


def reach_of_kernel(_: Evidence, *, rate: int) -> int:
    """The extent of the kernel's gradient on a map of ample size."""
    return extent(rate)


def formula_of_reach(_: Evidence) -> bool:
    """Against the gradient's extent, for k = 3 and 5 and r = 1 to 8."""
    return all(
        extent(rate, kernel_size=k) == k + (k - 1) * (rate - 1) for k in (3, 5) for rate in range(1, 9)
    )


def pixels_that_a_kernel_reads(_: Evidence, *, rate: int) -> int:
    """Count the pixels with a gradient from one output position."""
    return int(reach(rate).sum())


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
    (conv,) = layers_of_kind(evidence.network.bottleneck.dilated[branch], "Conv2d")
    taps, dead = live_taps(side, conv.dilation[0]), dead_weights(conv, side)
    left = "a 1×1 convolution is left" if dead else "most of the kernel is idle"
    return decided(
        taps >= 4.5,
        f"{taps:.2f} of 9 taps on data, {dead:,} of {conv.weight.numel():,} weights dead",
        f"The rest lies on padding: {left}.",
    )


def pooling_branch_trains_on_one(_: Evidence) -> tuple[bool, bool]:
    """Train mode, a batch of one: does the branch run with GroupNorm, and does BatchNorm in its place."""
    batch_norm = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 32, 1, bias=False), nn.BatchNorm2d(32))
    return _runs(ImagePooling(8, 32)), _runs(batch_norm)


def pooling_branch_sees_all(_: Evidence) -> bool:
    """Change one corner of a map: does the pooling branch answer in the opposite corner."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        branch, features = ImagePooling(8, 32).eval(), torch.rand(1, 8, 8, 8)
        before = branch(features)[0, :, -1, -1].clone()
        features[0, :4, 0, 0] += 10
        return not torch.allclose(before, branch(features)[0, :, -1, -1])


def _runs(branch: nn.Module) -> bool:
    try:
        branch.train()(torch.rand(1, 8, 4, 4))
    except ValueError:  # "Expected more than 1 value per channel when training"
        return False
    return True


# Residual block, squeeze and excitation


def content_of_f(_: Evidence) -> str:
    """On noise, is block(x) less its shortcut what two Conv-BN-ReLU give, or that after SE."""
    block, features = _fresh(lambda: ResidualBlockSE(32, 32), 4, 16)
    f, convs = block(features) - features, block.convs(features)
    if torch.allclose(f, block.se(convs), atol=1e-5):
        return "Conv-BN-ReLU twice, then SE"
    return "Conv-BN-ReLU twice" if torch.allclose(f, convs, atol=1e-5) else "something else"


def f_takes_both_signs(_: Evidence) -> bool:
    """The smallest value of F over noise, in a fresh block."""
    block, features = _fresh(lambda: ResidualBlockSE(32, 32), 4, 16)
    return float(block.se(block.convs(features)).min()) < 0


def shortcut_projects(_: Evidence) -> tuple[bool, ...]:
    """Build a block with other and one with equal channels and look for the convolution."""
    blocks = (ResidualBlockSE(width, 32) for width in (48, 32))
    return tuple(
        any(conv.kernel_size == (1, 1) for conv in layers_of_kind(block, "Conv2d")) for block in blocks
    )


def se_before_concatenation(evidence: Evidence) -> bool:
    """In the trace, SE on each skip gives the skip's channels, and the block takes the sum."""
    calls = evidence.trace.calls
    return all(
        calls[f"dec{k}.block"].inputs[0][0]
        == calls[f"dec{k}.up"].output[0] + calls[f"dec{k}.skip_se"].output[0]
        for k in range(1, 6)
    )


def gates_know_means_only(_: Evidence) -> bool:
    """Gates of a map and of a map that holds its channels' means everywhere."""
    block, features = _fresh(lambda: SEBlock(32), 3, 8)
    flat = features.mean(dim=(2, 3), keepdim=True).expand_as(features)
    return torch.allclose(block.gates(features), block.gates(flat), atol=1e-6)


def formula_of_gates(_: Evidence) -> bool:
    """By hand from the built block's two matrices, with its biases set to zero."""
    block, features = _fresh(lambda: SEBlock(32), 3, 8)
    block.squeeze.bias.zero_()
    block.excite.bias.zero_()
    z = features.mean(dim=(2, 3))
    s = torch.sigmoid(torch.relu(z @ block.squeeze.weight.T) @ block.excite.weight.T)
    return torch.allclose(block.gates(features), s, atol=1e-6)


def reduction_ratios(evidence: Evidence) -> tuple[int, ...]:
    """Channels over hidden channels of all ten SE blocks of the built network."""
    blocks = layers_of_kind(evidence.network, "SEBlock")
    return tuple(sorted({block.squeeze.in_features // block.squeeze.out_features for block in blocks}))


def gates_lie(_: Evidence, *, where: Literal["in 0 to 1", "above 1"]) -> bool:
    """The smallest and largest gate over random maps, small and huge."""
    block, features = _fresh(lambda: SEBlock(32), 3, 8)
    gates = torch.cat([block.gates(scale * features) for scale in (1e-3, 1.0, 1e3, 1e6)])
    within = float(gates.min()) >= 0 and float(gates.max()) <= 1
    return within if where == "in 0 to 1" else float(gates.max()) > 1


def gates_multiply(_: Evidence) -> bool:
    """The block's output over its input, position by position."""
    block, features = _fresh(lambda: SEBlock(32), 3, 8)
    return torch.allclose(block(features) / features, block.gates(features)[:, :, None, None], atol=1e-5)


def _fresh(build: Callable[[], nn.Module], maps: int, side: int) -> tuple[Any, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().eval().requires_grad_(False), torch.randn(maps, 32, side, side)


# Decoder and output


def settings_of_upsampling(evidence: Evidence) -> tuple[str, ...]:
    """Read all five built layers."""
    layers = layers_of_kind(evidence.network, "ConvTranspose2d")
    told = {f"kernel {up.kernel_size[0]}, stride {up.stride[0]}, padding {up.padding[0]}" for up in layers}
    return tuple(told)


def end_of_network(evidence: Evidence) -> str:
    """Noise through the built network with its last bias at -9: does the output fall below zero."""
    model = copy.deepcopy(evidence.network).eval()
    with torch.no_grad():
        model.head.bias.fill_(-9)  # logits follow the bias below zero, probabilities cannot
        output = model(torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)))
    return "logits" if bool((output < 0).any()) else "sigmoid"
