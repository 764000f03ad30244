"""Two variants compared on matched seeds.

The unit of a comparison of methods is the training, not the image: a test over images (such as
Wilcoxon's) compares two checkpoints, and calls two seeds of one method different in a large share of cases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from fetalseg_book.stats.decision import MIN_SEEDS, holm
from fetalseg_book.stats.scores import Scores, scores_by_variant


def compare(
    frame: pd.DataFrame,
    metric: str,
    *,
    baseline: str,
    variants: Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare variants (by default all others) with ``baseline`` on the seeds that they share.

    For each seed the difference of the two means over the same images; over the seeds their mean, a
    t-interval and a t-test; over the family of all comparisons in this call Holm's correction. The interval
    speaks of new trainings judged on these images (for new exams as well: :func:`mean_intervals` of
    :func:`paired_differences`).

    Returns one row per variant: ``variant``, ``baseline``, ``difference`` (variant minus baseline), ``low``,
    ``high``, ``p``, ``p_holm``, ``seeds``, ``images`` and ``verdict``: "significant" or "not significant" at
    ``1 - level`` after Holm, or "descriptive" where that is not to be said: fewer than three seeds, or no
    variation between them at all; there the interval and p are NaN. Raises ``ValueError`` for an unknown
    variant, seeds that do not match, or runs on different images.
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a share between 0 and 1, got {level}")
    scores = scores_by_variant(frame, metric)
    if variants is None:
        variants = [name for name in scores if name != baseline]
    rows = []
    for variant in variants:
        differences = _matched_differences(scores, variant, baseline).mean(axis=1)
        low, high, p = _t_interval(differences, level)
        rows.append(
            {
                "variant": variant,
                "baseline": baseline,
                "difference": float(differences.mean()),
                "low": low,
                "high": high,
                "p": p,
                "seeds": len(differences),
                "images": len(scores[baseline].exams),
            }
        )
    table = pd.DataFrame(rows)
    if table.empty:
        raise ValueError(f"variants: expected at least one to compare with {baseline}, got none")
    table.insert(6, "p_holm", holm(table["p"].to_numpy(np.float64)))
    table["verdict"] = [_verdict(p, 1 - level) for p in table["p_holm"]]
    return table


def paired_differences(frame: pd.DataFrame, metric: str, *, variant: str, baseline: str) -> pd.DataFrame:
    """Variant minus baseline on every matched seed and image, as tidy records of the same metric.

    The result can go wherever records go, for instance into :func:`mean_intervals`.
    """
    scores = scores_by_variant(frame, metric)
    differences = _matched_differences(scores, variant, baseline)
    images = frame[["name", "exam"]].drop_duplicates().sort_values("name", ignore_index=True)
    seeds = scores[baseline].seeds
    return pd.DataFrame(
        {
            "variant": f"{variant} - {baseline}",
            "seed": np.repeat(seeds, len(images)),
            "name": np.tile(images["name"], len(seeds)),
            "exam": np.tile(images["exam"], len(seeds)),
            metric: differences.ravel(),
        }
    )


def _matched_differences(scores: dict[str, Scores], variant: str, baseline: str) -> NDArray[np.float64]:
    """Differences, seeds by images; both variants have the same seeds in the same order, or it raises."""
    for name in (variant, baseline):
        if name not in scores:
            raise ValueError(f"variant: expected one of {', '.join(scores)}; got {name}")
    if variant == baseline:
        raise ValueError(f"variant: expected another one than the baseline, got {variant} twice")
    mine, theirs = scores[variant], scores[baseline]
    if mine.seeds != theirs.seeds:
        raise ValueError(
            f"seed: expected matched seeds, got {mine.seeds} for {variant} and {theirs.seeds} for "
            f"{baseline}; train the missing ones, or select the common seeds and say so"
        )
    return mine.matrix - theirs.matrix


def _t_interval(differences: NDArray[np.float64], level: float) -> tuple[float, float, float]:
    if len(differences) < MIN_SEEDS or np.ptp(differences) == 0:
        return math.nan, math.nan, math.nan
    test = stats.ttest_1samp(differences, 0.0)
    interval = test.confidence_interval(level)
    return float(interval.low), float(interval.high), float(test.pvalue)


def _verdict(p: float, alpha: float) -> str:
    if math.isnan(p):
        return "descriptive"
    return "significant" if p <= alpha else "not significant"
