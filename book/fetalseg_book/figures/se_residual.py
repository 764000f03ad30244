"""Figures of the chapter on squeeze and excitation and residual blocks, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

from fetalseg_lib.models.residual import ResidualBlockSE

LOOKS = {"proposed": ("with addition", "C0", "-"), "no_residual": ("without", "C1", "--")}
"""Label, colour and line of the network with residual blocks and of that without."""


def gated_channels(channels: Tensor, gated: Tensor, gates: Mapping[str, float]) -> tuple[Figure, str]:
    """Channels ``(1, C, H, W)`` before and after the named gates, and a row through the middle of each."""
    row = channels.shape[-1] // 2
    figure, panels = plt.subplots(3, len(gates), figsize=(6.4, 5.6), height_ratios=[1, 1, 0.75])
    for k, (name, gate) in enumerate(gates.items()):
        top = float(channels[0, k].max())
        for axes, maps, title in (
            (panels[0, k], channels, name),
            (panels[1, k], gated, f"times {gate:.1f}"),
        ):
            axes.imshow(maps[0, k], vmin=0, vmax=top)
            axes.axhline(row, color="#56B4E9", lw=0.8)
            axes.set_title(title, fontsize=9)
            axes.axis("off")
        panels[2, k].plot(channels[0, k, row], lw=1, label="before")
        panels[2, k].plot(gated[0, k, row], lw=1, ls="--", label="after")
        panels[2, k].set(xlabel="column", yticks=[0], ylim=(0, 1.05 * float(channels[0, k, row].max())))
    panels[2, 0].set_ylabel("value")
    panels[2, 0].legend(fontsize=7)
    return figure, (
        "Three channels of a phantom, above as they are and below after a gate: "
        + ", ".join(f"{name} times {gate:.1f}" for name, gate in gates.items())
        + f". The bottom row shows row {row} of each map: after the gate every value is smaller by one "
        "factor, and peaks stay where they were."
    )


def silent_blocks(
    silent: Mapping[str, float], *, hidden: Mapping[str, int], channels: Mapping[str, int], what: str
) -> tuple[Figure, str]:
    """The share of fresh blocks that are silent, a bar for each skip, beside independent units' share."""
    figure, axes = plt.subplots(figsize=(6.0, 3.0))
    axes.bar(list(silent), [100 * share for share in silent.values()], width=0.6)
    for k, (name, share) in enumerate(silent.items()):
        chance, above = 100 * 0.5 ** hidden[name], 100 * share + 1
        axes.plot([k - 0.4, k + 0.4], [chance] * 2, color="black", lw=1.2, ls="--")
        if above - 1 < chance < above + 4:  # the number would stand on the dashed line
            above = chance + 1
        axes.text(k, above, f"{100 * share:.0f} %", ha="center", fontsize=9)
    axes.plot([], [], color="black", lw=1.2, ls="--", label="each unit off with a chance of one half")
    ticks = [f"{name}\n{channels[name]} channels\n{hidden[name]} hidden" for name in silent]
    axes.set_xticks(range(len(silent)), ticks)
    axes.set(ylabel="silent from the start (%)", ylim=(0, 60))
    axes.legend()
    found = (f"{name} with {hidden[name]} hidden {100 * share:.0f} percent" for name, share in silent.items())
    return figure, (
        f"Share of {what}: {', '.join(found)}. "
        "Dashed: the share if each hidden unit were off with a chance of one half."
    )


def gradients_through(depths: Sequence[int], *, seeds: int = 2) -> dict[bool, NDArray[np.float64]]:
    """How much larger a gradient is after so many blocks (columns), for each seed (rows).

    The keys say whether the blocks add their input.
    """
    return {
        residual: np.array(
            [
                [_gradient_through(depth, residual=residual, seed=seed) for depth in depths]
                for seed in range(seeds)
            ]
        )
        for residual in (True, False)
    }


def _gradient_through(depth: int, *, residual: bool, seed: int) -> float:
    torch.manual_seed(seed)
    stack = nn.Sequential(*(ResidualBlockSE(16, 16, residual=residual) for _ in range(depth)))
    features = torch.randn(4, 16, 16, 16, requires_grad=True)
    output = stack(features)
    direction = torch.randn_like(output)
    (gradient,) = torch.autograd.grad(output, features, direction / direction.norm())
    return float(gradient.norm())


def arriving_gradients(
    arriving: pd.DataFrame, depths: Sequence[int], through: Mapping[bool, NDArray[np.float64]]
) -> tuple[Figure, str]:
    """Gradients in the decoder (rows: variant and seed), and through stacked blocks (rows: seeds)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2), width_ratios=[1.2, 1])
    for variant, (label, colour, line) in LOOKS.items():
        for _, one in arriving.loc[variant].iterrows():
            left.plot(arriving.columns, one, color=colour, ls=line, lw=0.8, marker=".", alpha=0.6)
        left.plot([], [], color=colour, ls=line, label=label)
        right.plot(depths, through[variant == "proposed"].T, color=colour, ls=line, marker=".", lw=1)
    left.set(yscale="log", ylabel="gradient, dec1 = 1", title="the decoder, three seeds")
    left.tick_params(axis="x", rotation=30)
    left.legend()
    right.set(xscale="log", yscale="log", xlabel="blocks in a row", title="the block, stacked")
    right.set_ylabel("gradient, last block = 1")
    right.set_xticks(depths, [str(depth) for depth in depths])
    right.minorticks_off()
    means = arriving["bottleneck"].groupby(level=0).mean()
    kept = (f"{look[0]} {means[name]:.3f}" for name, look in LOOKS.items())
    grown = (
        f"{'with addition' if residual else 'without'} "
        + ", ".join(f"{d} blocks {g:.3g}" for d, g in zip(depths, sizes.mean(axis=0), strict=True))
        for residual, sizes in through.items()
    )
    return figure, (
        f"Left: gradient at the bottleneck relative to dec1, mean of three seeds: {', '.join(kept)}. "
        f"Right: growth of the gradient through stacked blocks: {'; '.join(grown)}."
    )
