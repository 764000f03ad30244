"""A variant's mean over seeds and images; its interval counts both the seeds and the exams."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from fetalseg_book.stats.scores import Scores, scores_by_variant

BLOCK = 500
"""Resamples worked on at once, to bound the memory."""


def mean_intervals(
    frame: pd.DataFrame, metric: str, *, level: float = 0.95, resamples: int = 2000, random_state: int = 0
) -> pd.DataFrame:
    """Mean of each variant over seeds and images, with an interval from a two-way cluster bootstrap.

    Seeds and exams (with all images of an exam) are drawn independently with replacement (Owen 2007,
    doi:10.1214/07-AOAS122), one fewer than there are, which makes the variance of a small sample unbiased
    (Rao and Wu 1988). The interval is the mean ± t times the bootstrap's standard error, with the degrees
    of freedom of Satterthwaite, so that five seeds do not pass for fifty. It speaks of new trainings
    judged on new exams.

    Returns one row per variant: ``variant``, ``mean``, ``low``, ``high``, ``seeds``, ``exams``, ``images``,
    ``counts_seeds`` (false with a single seed, whose interval counts exams only) and, where the frame has
    a column ``failed``, ``failures``: how many image results failed. Raises ``ValueError`` as
    :func:`~fetalseg_book.stats.scores.scores_by_variant`, and for fewer than two exams.
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a share between 0 and 1, got {level}")
    rows = []
    for variant, scores in scores_by_variant(frame, metric).items():
        mean = float(scores.matrix.mean())
        half = _half_width(scores, level, resamples, np.random.default_rng(random_state))
        row = {
            "variant": variant,
            "mean": mean,
            "low": mean - half,
            "high": mean + half,
            "seeds": len(scores.seeds),
            "exams": int(scores.exams.max()) + 1,
            "images": len(scores.exams),
            "counts_seeds": len(scores.seeds) > 1,
        }
        if "failed" in frame.columns:
            row["failures"] = int(frame.loc[frame["variant"] == variant, "failed"].sum())
        rows.append(row)
    return pd.DataFrame(rows)


def _half_width(scores: Scores, level: float, resamples: int, generator: np.random.Generator) -> float:
    seeds, exams = len(scores.seeds), int(scores.exams.max()) + 1
    if exams < 2:
        raise ValueError(f"frame: expected at least two exams to tell how they differ, got {exams}")
    sums = np.zeros((seeds, exams))
    np.add.at(sums.T, scores.exams, scores.matrix.T)
    images = np.bincount(scores.exams, minlength=exams).astype(np.float64)
    means = np.concatenate(
        [
            _resampled_means(sums, images, min(BLOCK, resamples - start), generator)
            for start in range(0, resamples, BLOCK)
        ]
    )
    quantile = float(stats.t.ppf(0.5 + level / 2, _degrees_of_freedom(sums, images)))
    return quantile * float(means.std(ddof=1))


def _resampled_means(
    sums: NDArray[np.float64], images: NDArray[np.float64], n: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    seeds, exams = sums.shape
    seed_draws = generator.multinomial(max(seeds - 1, 1), np.full(seeds, 1 / seeds), size=n)
    exam_draws = generator.multinomial(exams - 1, np.full(exams, 1 / exams), size=n)
    totals = np.einsum("rs,se,re->r", seed_draws, sums, exam_draws, optimize=True)
    return np.asarray(totals / (seed_draws.sum(axis=1) * (exam_draws @ images)))


def _degrees_of_freedom(sums: NDArray[np.float64], images: NDArray[np.float64]) -> float:
    """Satterthwaite's, from the variance of the mean over seeds and over exams, each on its own."""
    seeds, exams = sums.shape
    total = images.sum()
    over_exams = sums.mean(axis=0)
    deviations = (over_exams - images * over_exams.sum() / total) / total
    parts = [(exams / (exams - 1) * float(deviations @ deviations), exams - 1)]
    if seeds > 1:
        parts.append((float(np.var(sums.sum(axis=1) / total, ddof=1)) / seeds, seeds - 1))
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return math.inf
    return float(variance**2 / sum(part**2 / freedom for part, freedom in parts))
