"""Figures of the chapter on the pyramid of dilated convolutions, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from fetalseg_book.explorers.receptive_field import KernelView

Map = NDArray[np.floating]
MAPS = {8: "8: this network, 256 px", 16: "16: 512 px", 33: "33: DeepLabv3, 513 px at stride 16"}
"""What a map of so many rows and columns belongs to."""


def looks_in_the_image(
    image: Tensor, looks: Mapping[str, Tensor], widths: Mapping[str, int]
) -> tuple[Figure, str]:
    """Where the middle position of each stage looks, by the gradient; nine tenths lie in ``widths`` px."""
    figure, panels = plt.subplots(1, 4, figsize=(7.2, 2.2))
    panels[0].imshow(image, vmin=0, vmax=1)
    panels[0].set_title("a phantom", fontsize=9)
    for axes, (name, look) in zip(panels[1:], looks.items(), strict=True):
        axes.imshow(look.sqrt(), cmap="viridis")
        axes.set_title(f"{name}: 90 % in {widths[name]} px", fontsize=9)
    _bare(panels)
    told = ", ".join(f"{width} px at {name}" for name, width in widths.items())
    return figure, (
        "A phantom, and where the middle position of three stages looks in it: a spot that grows. "
        f"Nine tenths of the gradient lie in a square of {told}, of {image.shape[-1]} px in all."
    )


def taps_by_rate(curves: Mapping[int, Sequence[float]], tried: tuple[int, ...]) -> tuple[Figure, str]:
    """The mean number of taps that see data at rates 1, 2, ..., a curve for each of :data:`MAPS`."""
    figure, axes = plt.subplots()
    told = []
    for (side, curve), style, marker in zip(curves.items(), ["-", "--", "-."], ["o", "s", "^"], strict=True):
        means = {rate: curve[rate - 1] for rate in tried}
        (line,) = axes.plot(np.arange(1, len(curve) + 1), curve, style, label=MAPS[side])
        axes.plot(tried, list(means.values()), marker, color=line.get_color())
        at_rates = ", ".join(f"{taps:.2f} at rate {rate}" for rate, taps in means.items())
        told.append(f"Map of {side}: {at_rates}.")
    axes.set(xlabel="rate", ylabel="taps that see data, on average", ylim=(0, 9.2), xticks=tried)
    axes.legend(title="rows and columns of the map", fontsize=8)
    start = "Mean number of the nine taps that see data, against the rate, for three maps. "
    return figure, start + " ".join(told)


def gradients_of_taps(gradients: Mapping[int, Map]) -> tuple[Figure, str]:
    """Size of the gradient at each of the nine taps, relative to the largest, a panel for each rate."""
    figure, panels = plt.subplots(1, len(gradients), figsize=(1.2 * len(gradients), 1.7))
    for axes, (rate, size) in zip(panels, gradients.items(), strict=True):
        relative = size / size.max()
        axes.imshow(relative, vmin=0, vmax=1, cmap="viridis")
        for row, column in product(range(3), range(3)):
            value = relative[row, column]
            text = "0" if value == 0 else f"{value:.2f}".lstrip("0")
            colour = "black" if value > 0.6 else "white"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
        axes.set_title(f"rate {rate}")
    _bare(panels)
    zeros = ", ".join(f"rate {rate} {int((size == 0).sum())}" for rate, size in gradients.items())
    return figure, (
        "Size of the gradient at each of the nine taps, relative to the largest, "
        f"on a map of 8 by 8. Taps whose gradient is exactly zero: {zeros}. "
        "Where taps are dead, the one in the middle is left."
    )


def squares_seen(rates: Sequence[int], row: int, column: int, *, side: int = 8) -> NDArray[np.bool_]:
    """The squares of a map that 3×3 kernels of these rates read between them, centred on one position.

    >>> int(squares_seen((6, 12, 18), 3, 3).sum()), int(squares_seen((6, 12, 18), 0, 0).sum())
    (1, 4)
    """
    seen = np.zeros((side, side), dtype=bool)
    for rate in rates:
        view = KernelView(side=side, rate=rate, row=row, column=column)
        for tap, sees in zip(view.taps, view.sees, strict=True):
            if sees:
                seen[tap] = True
    return seen


def mean_squares_seen(rates: Sequence[int], *, side: int = 8) -> float:
    """How many squares these kernels read, on average over all positions of the map."""
    positions = product(range(side), repeat=2)
    return float(np.mean([squares_seen(rates, *position, side=side).sum() for position in positions]))


def squares_read(pyramids: Mapping[str, Sequence[int]]) -> tuple[Figure, str]:
    """Squares of a map of 8 by 8 that pyramids of some rates read for two positions, a panel for each."""
    places = list(product(pyramids, ((3, 3), (1, 1))))
    shown = {(name, at): squares_seen(pyramids[name], *at) for name, at in places}
    figure, panels = plt.subplots(1, len(shown), figsize=(7.2, 2.2))
    for axes, ((name, (row, column)), seen) in zip(panels, shown.items(), strict=True):
        axes.imshow(seen, cmap="Blues", vmax=1.6)
        axes.plot(column, row, "o", color="black", ms=5)
        axes.set_title(f"{name}:\n{seen.sum()} of 64", fontsize=9)
        axes.set(xticks=np.arange(-0.5, 8), yticks=np.arange(-0.5, 8), xticklabels=[], yticklabels=[])
        axes.tick_params(length=0)
        axes.grid(color="0.7")
    told = " ".join(
        f"{name}, row {row + 1}, column {column + 1}: {seen.sum()} of 64."
        for (name, (row, column)), seen in shown.items()
    )
    return (
        figure,
        f"Squares of a map of 8 by 8 that the dilated branches read for one position (a dot). {told}",
    )


def _bare(panels: NDArray[np.object_]) -> None:
    for axes in panels:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
