"""The records of the runs as one matrix of seeds by images for each variant, and a variant's mean.

The mean's interval counts both the seeds and the exams.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

RUN = ("variant", "seed")
IMAGE = ("name", "exam")


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """One metric of one variant: ``matrix[s, i]`` is the score of seed ``s`` on image ``i``.

    ``exams[i]`` is the number, from 0, of the exam that image ``i`` belongs to.
    """

    matrix: NDArray[np.float64]
    seeds: tuple[int, ...]
    exams: NDArray[np.intp]

    @property
    def seed_means(self) -> NDArray[np.float64]:
        """Mean over the images, for each seed."""
        return np.asarray(self.matrix.mean(axis=1))


def scores_by_variant(frame: pd.DataFrame, metric: str) -> dict[str, Scores]:
    """Bring the tidy records into a :class:`Scores` for each variant, in order of appearance.

    Raises ``ValueError`` where the runs cannot be compared or averaged: a missing column, values that are
    not finite, an image twice in a run or in two exams, or runs on different images (another split).
    """
    _check_columns(frame, metric)
    column, names = pd.factorize(frame["name"], sort=True)
    exam, _ = pd.factorize(frame["exam"])
    exam_of = np.zeros(len(names), dtype=np.intp)
    exam_of[column] = exam
    if (exam_of[column] != exam).any():
        name = names[column[exam_of[column] != exam][0]]
        raise ValueError(f"frame: the image {name} is in two exams; the runs come from different splits")
    exams, _ = pd.factorize(exam_of)  # in the order of the names, whatever the order of the records
    values = frame[metric].to_numpy(np.float64)
    variant_of, variants = pd.factorize(frame["variant"])
    found: dict[str, Scores] = {}
    for k, variant in enumerate(variants):
        rows = variant_of == k
        line, seeds = pd.factorize(frame.loc[rows, "seed"], sort=True)
        counts = np.zeros((len(seeds), len(names)), dtype=np.intp)
        np.add.at(counts, (line, column[rows]), 1)
        _check_complete(counts, variant, seeds, names)
        matrix = np.empty(counts.shape)
        matrix[line, column[rows]] = values[rows]
        found[str(variant)] = Scores(matrix=matrix, seeds=tuple(seeds), exams=exams)
    return found


def _check_complete(counts: NDArray[np.intp], variant: str, seeds: pd.Index, names: pd.Index) -> None:
    """Every run must have every image once."""
    if (counts > 1).any():
        s, i = np.argwhere(counts > 1)[0]
        raise ValueError(f"frame: {variant}, seed {seeds[s]} has the image {names[i]} twice; keep one record")
    if (counts == 0).any():
        s, i = np.argwhere(counts == 0)[0]
        raise ValueError(
            f"frame: {variant}, seed {seeds[s]} lacks {int((counts[s] == 0).sum())} of {len(names)} images, "
            f"first {names[i]}; runs on different splits cannot be compared"
        )


def _check_columns(frame: pd.DataFrame, metric: str) -> None:
    missing = [column for column in (*RUN, *IMAGE, metric) if column not in frame.columns]
    if missing:
        raise ValueError(
            f"frame: expected the columns {', '.join((*RUN, *IMAGE, metric))}; {', '.join(missing)} missing"
        )
    if frame.empty:
        raise ValueError("frame: expected at least one record, got none; has no run finished?")
    splits = frame["split"].unique() if "split" in frame.columns else ()
    if len(splits) > 1:
        raise ValueError(f"frame: expected runs on one split, got {', '.join(map(str, splits))}")
    bad = ~np.isfinite(frame[metric].to_numpy(np.float64))
    if bad.any():
        row = frame[bad].iloc[0]
        raise ValueError(
            f"{metric}: {row['variant']}, seed {row['seed']} has no finite value for {row['name']} "
            f"({int(bad.sum())} such records); a failure must count: fill in what it costs, and count the "
            "failures beside the mean"
        )


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
    :func:`~fetalseg_lib.evaluation.stats.means.scores_by_variant`, and for fewer than two exams.
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
