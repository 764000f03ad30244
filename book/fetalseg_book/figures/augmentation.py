"""Figures of the chapter on augmentation, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fetalseg_book.figures.figures import contact_sheet


def moved_heads(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], moved: Mapping[str, Mapping[str, Any]]
) -> tuple[Figure, str]:
    """An image with its mask, and after each movement: results of albumentations."""
    figure = contact_sheet(
        [image, *(result["image"] for result in moved.values())],
        [mask > 0, *(result["mask"] > 0 for result in moved.values())],
        ["as it is", *moved],
        columns=5,
    )
    areas = (f"{name} {result['mask'].sum() / mask.sum():.2f}" for name, result in moved.items())
    return figure, (
        "One phantom with the outline of its mask in blue, as it is and after four movements. It lies "
        f"on the skull each time. Area of the mask, as it is 1: {', '.join(areas)}."
    )


def movements_at_once(
    fell: Mapping[str, NDArray[np.float64]], fair: NDArray[np.float64]
) -> tuple[Figure, str]:
    """The share of draws with 0 to 4 movements: a bar for each way of seeding, ``fair`` coins as a mark."""
    figure, axes = plt.subplots(figsize=(6.0, 2.8))
    for k, (name, shares) in enumerate(fell.items()):
        axes.bar(np.arange(5) + 0.35 * k - 0.18, 100 * shares, width=0.33, label=name)
    axes.plot(range(5), 100 * fair, "D", color="black", ms=5, label="four fair coins")
    axes.set(xlabel="movements at once", ylabel="share of the draws (%)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
    told = (
        f"{name}: " + ", ".join(f"{n} in {100 * share:.0f} %" for n, share in enumerate(shares))
        for name, shares in {**fell, "four fair coins": fair}.items()
    )
    return figure, f"How many of four movements happen at once. {'; '.join(told)}."
