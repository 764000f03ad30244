"""Figures of the chapter on the loss, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray


def millimetres(value: float) -> str:
    """Write a signed error, with a true minus.

    >>> [millimetres(value) for value in (1.24, -3.0, -0.01)]
    ['+1.2 mm', '−3.0 mm', '0.0 mm']
    """
    return f"{value:+.1f} mm".replace("-", "−").replace("−0.0", "0.0").replace("+0.0", "0.0")


def losses_by_radius(radii: NDArray[np.int_], missed: NDArray[np.float64]) -> tuple[Figure, str]:
    """Dice loss and cross-entropy, the columns of ``missed``, over the radius of a head in px."""
    figure, axes = plt.subplots(figsize=(6.0, 2.8))
    for column, (label, style) in enumerate((("Dice loss", "o-"), ("cross-entropy", "s--"))):
        axes.plot(radii, missed[:, column], style, ms=4, label=label)
    axes.set(xlabel="radius of the head (px of 128)", ylabel="loss", ylim=(0, None))
    axes.legend()
    return figure, (
        "Loss of a round head that is found one tenth too small, over its radius. "
        f"Dice loss stays between {missed[:, 0].min():.2f} and {missed[:, 0].max():.2f}; "
        f"cross-entropy grows from {missed[0, 1]:.2f} at radius {radii[0]} to {missed[-1, 1]:.2f} "
        f"at radius {radii[-1]}."
    )


def best_answers(
    weights: Sequence[float], tried: Sequence[float], found: Mapping[str, Sequence[float]]
) -> tuple[Figure, str]:
    """The formula's best answer for each weight, and the minima ``found`` at the shares ``tried``."""
    figure, axes = plt.subplots(figsize=(6.0, 3.0))
    share = np.linspace(0, 1, 1001)
    for w, style in zip(weights, ("-", "--", "-."), strict=True):
        (line,) = axes.plot(share, w * share / (w * share + 1 - share), style, label=f"weight {w:.3g}")
        axes.plot(tried, found[f"w = {w:.3g}"], "o", color=line.get_color(), ms=5)
    axes.axhline(0.5, color="black", lw=0.8, ls=":")
    axes.set(xlabel="share of the drawings that say head", ylabel="best answer of the network")
    axes.legend(loc="lower right")
    halves = ", ".join(f"{1 / (1 + w):.3f} for weight {w:.3g}" for w in weights)
    return figure, (
        "Best answer against the share of drawings that say head, for three weights; dots are minima found "
        f"numerically, and lie on the lines. One half is reached at a share of {halves}."
    )


def errors_by_size(errors: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """Each image's error over its size, in mm, a marker for each weight of ``errors``."""
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    parts = []
    for (label, frame), marker in zip(errors.items(), ("o", "^"), strict=True):
        error = frame["hc_error_mm"]
        axes.plot(frame["hc_reference_mm"], error, marker, ms=3, alpha=0.6, label=label)
        span = f"from {error.min():+.0f} to {error.max():+.0f} mm"
        parts.append(f"{label}: mean {millimetres(error.mean())}, {span}")
    axes.axhline(0, color="black", lw=0.8)
    axes.set(xlabel="true head circumference (mm)", ylabel="error (mm)")
    axes.legend(loc="upper left")
    start = "Error of the head circumference of each real test image over its size. "
    return figure, start + "; ".join(parts) + "."
