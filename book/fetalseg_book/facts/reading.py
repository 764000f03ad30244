"""What an interval of a change of the error says, beside a change that would matter."""

from __future__ import annotations

from typing import Any

import pandas as pd

MATTERS_MM = 0.5
"""A change of the mean error that the book would act on; chosen late, and said so."""

BIGGER, SMALLER, NONE, UNKNOWN = "is worse", "is better", "too small to matter", "cannot tell"


def read(row: Any, matters_mm: float = MATTERS_MM) -> str:
    """Read the interval of a change of the error in mm, from its ``low`` to its ``high``.

    >>> read({"low": 0.1, "high": 0.2}), read({"low": -0.3, "high": 0.4}), read({"low": -0.3, "high": 0.6})
    ('is worse', 'too small to matter', 'cannot tell')
    """
    if row["low"] > 0:
        return BIGGER
    if row["high"] < 0:
        return SMALLER
    return NONE if max(-row["low"], row["high"]) < matters_mm else UNKNOWN


def readings(table: pd.DataFrame, matters_mm: float = MATTERS_MM) -> pd.Series[str]:
    """The reading of each row."""
    return table[["low", "high"]].apply(read, axis=1, matters_mm=matters_mm)
