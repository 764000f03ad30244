"""The figures of the chapter on optimisation, each shown with the words that a screen reader says instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fetalseg_book.figures.estimation import shown_name
from fetalseg_book.figures.style import show

Histories = Mapping[tuple[str, int], pd.DataFrame]
"""The history of each variant and seed."""


def walks(ways: Mapping[float, NDArray[Any]], heights: Mapping[float, NDArray[Any]]) -> None:
    """Three walks in a valley, by learning rate, and their loss."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0))
    x, y = np.meshgrid(np.linspace(-1.6, 1.6, 80), np.linspace(-1.5, 2.5, 80))
    left.contour(x, y, 10 * x**2 + y**2 / 10, levels=np.geomspace(0.05, 30, 10), colors="0.8", linewidths=0.8)
    for lr, style in zip(ways, ("o-", "s--", "^:"), strict=True):
        left.plot(*ways[lr][:25].T, style, ms=2.5, lw=0.9, label=f"rate {lr:g}")
        right.semilogy(heights[lr], style[1:], label=f"rate {lr:g}")
    left.set(xlabel="steep direction", ylabel="flat direction")
    left.grid(visible=False)
    right.set(xlabel="step", ylabel="loss")
    right.legend(fontsize=8)
    show(
        figure,
        caption="Small steps are slow. Large ones come down at once, and then cannot settle.",
        alt="Left: three walks of Adam in a narrow valley, with small, middle and large steps. Right: their "
        f"loss over {len(next(iter(heights.values()))) - 1} steps; the mean of the last 50 is "
        + ", ".join(f"{height[-50:].mean():.2g} at rate {lr:g}" for lr, height in heights.items())
        + ".",
    )


def rates(courses: Mapping[str, Sequence[float]]) -> None:
    """The learning rate over the epochs, by each schedule."""
    figure, axes = plt.subplots(figsize=(6.0, 2.8))
    plateau = courses["plateau"]
    for (name, course), style in zip(courses.items(), ("-", "--", ":"), strict=True):
        axes.plot(range(1, len(course) + 1), course, style, drawstyle="steps-mid", label=name)
    axes.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
    axes.legend(fontsize=8)
    show(
        figure,
        alt=f"Learning rate over {len(plateau)} epochs. The plateau schedule stays at {plateau[0]:g} and is "
        f"halved {int(np.sum(np.diff(plateau) < 0))} times late; the cosine falls smoothly to nearly 0; "
        "with a warm-up it first rises for five epochs.",
    )


def validation_courses(histories: Histories) -> None:
    """Validation Dice over the epochs, a panel a variant, with a dot at the epoch that is kept."""
    variants = sorted({variant for variant, _ in histories})
    columns = min(3, len(variants))
    rows = -(-len(variants) // columns)
    size = (2.4 * columns, 1.9 * rows)
    figure, panels = plt.subplots(rows, columns, figsize=size, sharex=True, squeeze=False)
    for axes in panels.flat[len(variants) :]:
        axes.set_visible(False)
    kept: dict[str, list[int]] = {}
    for axes, variant in zip(panels.flat, variants, strict=False):
        for history in (history for (name, _), history in histories.items() if name == variant):
            at: Any = history["validation_dice"].idxmax()
            best: Any = history.loc[at]
            (line,) = axes.plot(history["epoch"], 100 * history["validation_dice"], lw=1, alpha=0.8)
            axes.plot(best["epoch"], 100 * best["validation_dice"], "o", ms=5, color=line.get_color())
            kept.setdefault(variant, []).append(int(best["epoch"]))
        axes.set_title(shown_name(variant))
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.supxlabel("epoch", fontsize=10)
    figure.supylabel("validation Dice (%), each panel with its own scale", fontsize=10)
    show(
        figure,
        alt="Validation Dice over the epochs, one line a seed, one panel a variant; a dot marks the epoch "
        "whose weights are kept: "
        + "; ".join(f"{variant} {', '.join(map(str, best))}" for variant, best in kept.items())
        + ".",
    )
