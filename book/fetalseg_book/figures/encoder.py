"""Figures of the chapter on the encoder, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from fetalseg_book.figures.estimation import shown_name


def savings_of_blocks() -> pd.DataFrame:
    """How many times fewer weights each block of MobileNetV2 has than an ordinary 3×3 convolution, by layer.

    ``pair saves`` compares its depthwise and pointwise convolutions with an ordinary one from these channels
    to ``out``; ``block saves`` compares the whole block with an ordinary one from the channels of its input.
    """
    rows = {}
    for layer, block in enumerate(mobilenet_v2().features[1:18], start=1):
        convs = [part for part in block.modules() if isinstance(part, nn.Conv2d)]
        entrance, depthwise, pointwise = convs[0], convs[-2], convs[-1]
        out = pointwise.out_channels
        pair = depthwise.weight.numel() + pointwise.weight.numel()
        rows[layer] = {
            "out": out,
            "pair saves": 9 * depthwise.out_channels * out / pair,
            "block saves": 9 * entrance.in_channels * out / sum(conv.weight.numel() for conv in convs),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def times_fewer_weights(blocks: pd.DataFrame) -> tuple[Figure, str]:
    """The saving of each pair and each block over its output channels ``out``, beside the formula."""
    channels = np.linspace(1, 340, 300)
    per_width = blocks.groupby("out")["pair saves"].first()
    whole = blocks["block saves"]
    figure, axes = plt.subplots()
    axes.axhspan(8, 9, color="0.9", label="8 to 9")
    axes.plot(channels, 9 * channels / (9 + channels), label="9 C / (9 + C)")
    pairs = "a pair, against an ordinary 3×3 between the same channels"
    axes.plot(per_width.index, per_width, "o", label=pairs)
    axes.plot(blocks["out"], whole, "x", label="a whole block, against one ordinary 3×3 from in to out")
    axes.axhline(1, color="black", lw=0.8, ls=":")
    axes.set(xlabel="output channels C", ylabel="times fewer weights", ylim=(0, 12.5))
    axes.legend(fontsize=8, loc="upper right")
    savings = ", ".join(f"{saving:.1f} at {width} channels" for width, saving in per_width.items())
    others = whole.iloc[1:]
    return figure, (
        "Times fewer weights than an ordinary convolution, against the output channels. "
        f"The curve 9 C over 9 plus C rises towards 9. Pairs of MobileNetV2: {savings}. "
        f"Whole blocks: {whole.iloc[0]:.1f} in layer 1, {others.min():.2f} to {others.max():.2f} in all "
        "others."
    )


def stems(
    image: Tensor,
    answers: Mapping[str, Sequence[Tensor]],
    *,
    contrast: Mapping[str, float],
    similar: Mapping[str, float],
) -> tuple[Figure, str]:
    """One channel of each stage with the summed stem and with the averaged one, on the same grey scale."""
    stages = list(contrast)
    figure, grid = plt.subplots(2, 5, figsize=(7.2, 3.1))
    for axes, stem in zip(grid, ("sum", "mean"), strict=True):
        axes[0].imshow(image, vmin=0, vmax=1)
        axes[0].set_ylabel(stem)
        for panel, stage, full, given in zip(axes[1:], stages, answers["sum"], answers[stem], strict=False):
            best = full[0].std(dim=(1, 2)).argmax()
            panel.imshow(given[0, best], vmin=full[0, best].min(), vmax=full[0, best].max())
            panel.set_title(f"{stage}, channel {best}", fontsize=8)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
    told = (f"{stage} {contrast[stage]:.2f} and {similar[stage]:.2f}" for stage in stages)
    return figure, (
        "A phantom, and one channel of each of the first four stages: above with the summed stem, below with "
        "the averaged one, on the same grey scale. The lower row is flatter. Its contrast relative to the "
        f"upper row, and its correlation with it, over all channels: {', '.join(told)}."
    )


def features_moved(drifts: Mapping[str, NDArray[np.float64]], stages: Sequence[str]) -> tuple[Figure, str]:
    """How far the features of each stage (columns) have moved after each step (rows), by training."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3), sharey=True)
    for axes, (training, drift) in zip(panels, drifts.items(), strict=True):
        for stage, values, style in zip(stages, drift.T, ["-", "--", "-.", ":", "-"], strict=True):
            axes.plot(values, style, label=stage, marker="o" if stage == "enc5" else None, ms=3)
        axes.set(title=shown_name(training), xlabel="steps of training")
    panels[0].set(ylabel="features moved by\n(share of their size)")
    panels[0].legend(fontsize=8, ncols=2)
    ends = zip(stages, drifts["frozen_bn_drift"][-1], strict=True)
    told = ", ".join(f"{stage} {value:.2f}" for stage, value in ends)
    return figure, (
        f"How far the features of one unseen phantom have moved after each of {len(drifts['frozen']) - 1} "
        f"steps. Frozen: all five stages stay at {drifts['frozen'][-1].max():.0f}. "
        f"BatchNorm drifting: they rise, at the end to {told}."
    )
