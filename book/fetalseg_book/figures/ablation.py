"""The figures of the chapter on the ablation, each shown with the words that a screen reader says instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from fetalseg_book.facts.core import signed
from fetalseg_book.figures import agreement
from fetalseg_book.figures.style import show
from fetalseg_lib.models import get_variant


def errors_by_size(per_image: pd.DataFrame, order: Sequence[str]) -> None:
    """The signed error of each image against the size of its head."""
    bias = per_image.groupby("variant")["hc_error_mm"].mean()
    figure = agreement.error_by_size(per_image, order=order)
    for axes, name in zip(figure.axes, order, strict=True):
        axes.set_title(get_variant(name).shown_as, fontsize=9)
    show(
        figure,
        caption="The error of each image against the size of its head, and the median of heads of like size.",
        alt="Signed error of the head circumference against its annotated size, a panel for each variant. "
        "Mean signed error: "
        + "; ".join(f"{get_variant(name).shown_as} {signed(bias[name], 1)} mm" for name in order)
        + ".",
    )


def bland_altman(per_image: pd.DataFrame, variant: str) -> None:
    """The error of every image and seed of ``variant`` against the size of the head."""
    own = per_image[per_image["variant"] == variant]
    limits = agreement.limits_of_agreement(own).set_index("group")
    rows: list[Any] = list(limits.itertuples())
    show(
        agreement.bland_altman(own),
        caption="Error against size for the note's network, every test image and seed. Solid lines are "
        "the bias, dashed lines the limits of agreement, for each trimester.",
        alt=f"Bland-Altman plot of the head circumference by the {get_variant(variant).shown_as.lower()}. "
        "Bias and 95 percent limits of agreement: "
        + "; ".join(
            f"{row.Index}: {signed(row.bias, 1)} mm ({signed(row.low, 1)} to {signed(row.high, 1)})"
            for row in rows
        )
        + ".",
    )
