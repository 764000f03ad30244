"""Two trainings of the studies against each other, seed by seed, on the test images of both."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.figures.described import in_words
from fetalseg_book.stats import compare
from fetalseg_lib.study.tables import collect_per_image

Training = tuple[str, str]
"""A variant and the study that trained it: ``("proposed", "published")``."""


def matched(
    results: Path, one: Training, other: Training, *, seeds: Collection[int] | None = None
) -> pd.DataFrame:
    """The per-image records of both as ``variant`` ``"one"`` and ``"other"``, on ``seeds`` or those of both.

    ``hc_abs_error_mm`` is added, the absolute error of the circumference in mm.
    Raises ``ValueError`` where they share no seed.
    """
    mine, theirs = (
        collect_per_image(results / "one_fold" / study / "hc18" / variant) for variant, study in (one, other)
    )
    common = set(mine["seed"]) & set(theirs["seed"]) & set(mine["seed"] if seeds is None else seeds)
    if not common:
        raise ValueError(f"seeds: expected one that {one} and {other} share, got none")
    frame = pd.concat([mine.assign(variant="one"), theirs.assign(variant="other")])
    frame = frame[frame["seed"].isin(common)]
    return frame.assign(hc_abs_error_mm=frame["hc_error_mm"].abs())


def paired(
    results: Path, one: Training, other: Training, metric: str, *, seeds: Collection[int] | None = None
) -> pd.Series[Any]:
    """``one`` minus ``other``: ``difference`` with its 95 % interval, ``low`` to ``high``, over the seeds.

    The interval speaks of new trainings, judged on these images, as that of
    :func:`~fetalseg_book.stats.compare`. Raises ``ValueError`` where they share no seed.
    """
    return compare(matched(results, one, other, seeds=seeds), metric, baseline="other").iloc[0]


def told(row: Any, scale: float = 1) -> str:
    """A difference with its interval, in words.

    >>> told({"difference": 0.0012, "low": -0.0003, "high": 0.0027}, 100)
    '+0.12 (−0.03 to +0.27)'
    """
    mean, low, high = (in_words([scale * row[name]]) for name in ("difference", "low", "high"))
    return f"{mean} ({low} to {high})"


def by_seed(
    results: Path, one: Training, other: Training, *, seeds: Collection[int] | None = None
) -> pd.DataFrame:
    """``one`` minus ``other``, a row for each seed.

    ``median``: over the images, of the paired Dice difference in points, which no few images decide; ``mean``
    of the same; ``better``: share of images with the higher Dice, in %; ``hc``: difference of the mean
    absolute error of the circumference, in mm. Raises ``ValueError`` where they share no seed.
    """
    frame = matched(results, one, other, seeds=seeds)
    table = frame.pivot_table(index=["seed", "name"], columns="variant", values=["dice", "hc_abs_error_mm"])
    change: Any = table.xs("one", axis=1, level=1) - table.xs("other", axis=1, level=1)
    dice = (100 * change["dice"]).groupby("seed")
    return pd.DataFrame(
        {
            "median": dice.median(),
            "mean": dice.mean(),
            "better": 100 * (change["dice"] > 0).groupby("seed").mean(),
            "hc": change["hc_abs_error_mm"].groupby("seed").mean(),
        }
    )
