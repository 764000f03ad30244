"""Figures of the chapter on the decoder, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from fetalseg_lib.models import build_model

LABELS = {"proposed": "transposed convolution", "bilinear_up": "bilinear"}


def stamps_on_a_pixel(overlap: Mapping[int, Tensor]) -> tuple[Figure, str]:
    """How many stamps fall on each pixel, a panel for each size of the kernel."""
    figure, panels = plt.subplots(1, 3, figsize=(6.4, 2.4))
    told = []
    for axes, (size, stamps) in zip(panels, overlap.items(), strict=True):
        shown = stamps[:6, :6]
        axes.imshow(shown, vmin=0, vmax=4, cmap="Blues")
        for (row, column), count in np.ndenumerate(shown.numpy()):
            colour = "white" if count > 2 else "black"
            axes.text(column, row, count, ha="center", va="center", fontsize=8, color=colour)
        axes.set_title(f"kernel {size}×{size}", fontsize=9)
        axes.axis("off")
        least, most = int(stamps.min()), int(stamps.max())
        how = f"{least} everywhere" if least == most else f"a checkerboard from {least} to {most}"
        told.append(f"kernel {size} by {size}, {how}")
    return figure, f"How many stamps fall on each pixel, at stride 2: {'; '.join(told)}."


def measured_on_the_way(
    variant: str, image: Tensor, measure: Callable[[Tensor], float], *, encoder_weights: str
) -> tuple[Tensor, dict[str, float]]:
    """The logits of a fresh network, and what ``measure`` says behind each upsampling, stage and the head."""
    torch.manual_seed(0)
    network = build_model(variant, encoder_weights=encoder_weights).eval()
    measured: dict[str, float] = {}

    def watch(part: Any, name: str) -> None:
        part.register_forward_hook(lambda _part, _inputs, maps: measured.update({name: measure(maps)}))

    for name, stage in network.stages().items():
        if name.startswith("dec"):
            watch(stage.up, f"{name}, up")
        if name.startswith("dec") or name == "head":
            watch(stage, name)
    with torch.inference_mode():
        return network(image)[0, 0], measured


def grids(fresh: Mapping[str, tuple[Tensor, Mapping[str, float]]]) -> tuple[Figure, str]:
    """The middle of the logits of two fresh networks, and the grid's share behind each of their parts."""
    figure = plt.figure(figsize=(6.8, 4.6))
    grid = figure.add_gridspec(2, 2, height_ratios=[1, 0.9])
    below = figure.add_subplot(grid[1, :])
    told = []
    for k, ((variant, (logits, share)), line) in enumerate(zip(fresh.items(), ("-", "--"), strict=True)):
        middle = len(logits) // 2
        window = slice(middle - 24, middle + 24)
        axes = figure.add_subplot(grid[0, k])
        axes.imshow(logits[window, window])
        axes.set_title(LABELS[variant], fontsize=9)
        axes.axis("off")
        below.plot(list(share), list(share.values()), ls=line, marker=".", label=LABELS[variant])
        parts = ", ".join(f"{name} {value:.2f}" for name, value in share.items())
        told.append(f"{LABELS[variant]} {parts}")
    below.set(ylabel="share of the grid", ylim=(0, 1))
    below.tick_params(axis="x", rotation=40, labelsize=8)
    below.legend(fontsize=8)
    return figure, (
        "Above, a window of the logits of two fresh networks: with transposed convolutions a grid covers it, "
        f"with interpolation it is smooth. Below, the share of the grid behind each part: {'; '.join(told)}."
    )


def restored_outlines(
    image: NDArray[np.uint8], mask: Tensor, restored: Mapping[int, Tensor], dice: Mapping[int, float]
) -> tuple[Figure, str]:
    """A head's outline, and what is left of it after the mask was shrunk to so many rows and enlarged."""
    figure, panels = plt.subplots(1, len(restored), figsize=(6.8, 1.8))
    for axes, (rows, again) in zip(panels, restored.items(), strict=True):
        axes.imshow(image, vmin=0, vmax=255)
        axes.contour(mask, levels=[0.5], colors=["#56B4E9"], linewidths=1)
        axes.contour(again, levels=[0.5], colors=["#E69F00"], linewidths=1, linestyles="--")
        axes.set_title(f"{rows}×{rows}\nDice {100 * dice[rows]:.1f} %", fontsize=8)
        axes.axis("off")
    told = ", ".join(f"{rows} by {rows} {100 * value:.1f} %" for rows, value in dice.items())
    return figure, (
        "The outline of a phantom's head, solid, and what is left of it, dashed, after the mask was "
        f"shrunk and enlarged again. Dice: {told}."
    )
