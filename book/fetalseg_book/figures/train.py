"""Figures of the chapter on training, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fetalseg_book.figures.figures import contact_sheet
from fetalseg_lib.data.cache import Cache


def first_images(cache: Cache, rows: Sequence[int], *, count: int = 4) -> tuple[Figure, str]:
    """The first of these rows of a cache, each with the outline of its mask."""
    first = list(rows[:count])
    images = cache.images[first]
    height, width = images.shape[1:]
    return contact_sheet(list(images), list(cache.masks[first] > 0)), (
        f"{len(first)} training images of {height} by {width} pixels, each with the outline of its head mask "
        "in blue."
    )


def training_curves(history: pd.DataFrame) -> tuple[Figure, str]:
    """Loss and validation Dice over the epochs, with the epoch whose weights are kept."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
    left.plot(history["epoch"], history["train_loss"], marker="o", ms=3, label="training")
    left.plot(history["epoch"], history["validation_loss"], marker="s", ms=3, label="validation")
    left.set(xlabel="epoch", ylabel="loss")
    left.legend()
    best = history.iloc[int(history["validation_dice"].argmax())]
    right.plot(history["epoch"], history["validation_dice"], marker="o", ms=3, color="C2")
    right.plot(best["epoch"], best["validation_dice"], "o", ms=9, mfc="none", color="black", label="kept")
    right.set(xlabel="epoch", ylabel="validation Dice (%)")
    right.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}")
    right.legend(loc="lower right")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    return figure, (
        f"Left, training and validation loss over {len(history)} epochs. Right, validation Dice, highest in "
        f"epoch {best['epoch']:.0f} with {100 * best['validation_dice']:.1f} %."
    )
