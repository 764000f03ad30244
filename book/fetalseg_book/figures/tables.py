"""Result tables as a reader sees them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from pandas.io.formats.style import Styler

from fetalseg_book.figures.estimation import shown_name


def decimals(digits: int, *, unit: str = "", signed: bool = False) -> Callable[[float], str]:
    """How a table's ``Styler.format`` writes numbers: with so many digits and a true minus.

    >>> decimals(1)(-0.46), decimals(2, unit=" mm", signed=True)(0.5)
    ('−0.5', '+0.50 mm')
    """
    spec = f"{'+' if signed else ''}.{digits}f"
    return lambda value: f"{value:{spec}}{unit}".replace("-", "−")


def variant_table(variants: pd.DataFrame) -> Styler:
    """Mean ± standard deviation of the seeds' means, one row per variant (the frame's index)."""
    shown = pd.DataFrame(
        {
            "variant": variants.index.map(shown_name),
            "seeds": variants["seeds"],
            "Dice (%)": _mean_and_spread(variants, "dice", scale=100),
            "absolute HC error (mm)": _mean_and_spread(variants, "hc_abs_error_mm"),
            "heads not found": variants["failures"],
        }
    )
    return (
        shown.style.hide(axis="index")
        .set_table_styles([{"selector": "td", "props": "white-space: nowrap"}])
        .set_table_attributes('class="table"')
    )


def _mean_and_spread(variants: pd.DataFrame, name: str, *, scale: float = 1) -> list[str]:
    pairs = zip(scale * variants[f"{name}_mean"], scale * variants[f"{name}_std"], strict=True)
    return [f"{mean:.2f}" if pd.isna(std) else f"{mean:.2f} ± {std:.2f}" for mean, std in pairs]
