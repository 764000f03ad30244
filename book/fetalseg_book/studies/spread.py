"""A few images of one of HC18's folds, from the smallest head to the largest."""

from __future__ import annotations

import numpy as np

from fetalseg_lib.data import splits
from fetalseg_lib.data.hc18 import HC18
from fetalseg_lib.study.profile import FOLDS


def spread_rows(samples: HC18, n: int, *, fold: str) -> list[int]:
    """At most ``n`` rows of one of HC18's folds, spread evenly over the ranks of head circumference.

    Raises ``ValueError`` for fewer than one, for another fold, and for images that are not HC18's.
    """
    if n < 1:
        raise ValueError(f"images: expected at least one, got {n}")
    if fold not in FOLDS:
        raise ValueError(f"fold: expected one of {', '.join(FOLDS)}; got {fold!r}")
    hc_mm = samples.table["hc_mm"].to_numpy()
    rows = np.array(splits.hc18_rows(samples.table, fold), dtype=np.int64)
    ranked = rows[np.argsort(hc_mm[rows], kind="stable")]
    chosen = np.unique(np.linspace(0, len(ranked) - 1, min(n, len(ranked))).astype(int))
    return [int(row) for row in ranked[chosen]]
