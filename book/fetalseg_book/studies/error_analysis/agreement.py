"""Do all trainings fail on the same images, and what do these have in common? From the per-image records.

All functions take the tidy records of :mod:`fetalseg_book.stats`: ``variant``, ``seed``, ``name``,
``exam`` and a column per metric.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, rankdata

from fetalseg_book.stats import mean_intervals
from fetalseg_book.studies.error_analysis.quality import MEASURES


def by_group(frame: pd.DataFrame, groups: pd.Series, metric: str) -> pd.DataFrame:
    """Mean of ``metric`` of each variant in each group of images; its interval counts seeds and exams.

    ``groups`` names the group of each image, by the image's ``name``. One row for each group and variant:
    ``group`` and the columns of :func:`~fetalseg_book.stats.mean_intervals`. A group of a single
    exam has no interval: it is left out.
    """
    found = []
    of_row = frame["name"].map(groups)
    for group in pd.unique(groups.sort_values()):
        part = frame[of_row == group]
        if len(part["exam"].unique()) > 1:
            found.append(mean_intervals(part, metric).assign(group=str(group)))
    return pd.concat(found, ignore_index=True)


def between_runs(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Spearman's rank correlation over the images between every two runs.

    Columns ``first`` and ``second`` (the runs' variants), ``same`` (whether these are one) and ``rho``.
    """
    table = frame.pivot_table(index="name", columns=["variant", "seed"], values=metric)
    rho = np.corrcoef(table.rank().to_numpy().T)
    variants = table.columns.get_level_values("variant")
    rows = []
    for i, j in combinations(range(len(variants)), 2):
        first, second = variants[i], variants[j]
        rows.append({"first": first, "second": second, "same": first == second, "rho": rho[i, j]})
    return pd.DataFrame(rows)


def times_among_worst(frame: pd.DataFrame, metric: str, *, share: float = 0.1) -> pd.Series:
    """In how many runs each image is among the ``share`` of images with the lowest ``metric``.

    >>> rows = [("a", seed, name, value) for seed in (0, 1) for name, value in (("x", 0.1), ("y", 0.9))]
    >>> frame = pd.DataFrame(rows, columns=["variant", "seed", "name", "dice"])
    >>> times_among_worst(frame, "dice", share=0.5).to_dict()
    {'x': 2, 'y': 0}
    """
    if not 0 < share < 1:
        raise ValueError(f"share: expected a share between 0 and 1, got {share}")
    rank = frame.groupby(["variant", "seed"])[metric].rank(method="first")
    count = frame.groupby(["variant", "seed"])[metric].transform("size")
    return (rank <= share * count).groupby(frame["name"]).sum().astype(int)


def times_by_chance(images: int, *, runs: int, share: float = 0.1) -> NDArray[np.float64]:
    """How many images would be among the worst in 0, 1, ... ``runs`` runs, if each run failed anywhere.

    >>> times_by_chance(100, runs=2, share=0.1).round(1).tolist()
    [81.0, 18.0, 1.0]
    """
    expected: NDArray[np.float64] = images * binom.pmf(np.arange(runs + 1), runs, share)
    return expected


def association(
    measure: ArrayLike,
    score: ArrayLike,
    exams: ArrayLike,
    *,
    given: ArrayLike | None = None,
    resamples: int = 1000,
    random_state: int = 0,
) -> tuple[float, float, float]:
    """Spearman's correlation of two values of each image, with a 95 % bootstrap interval over exams.

    With ``given`` what both share with a third value is taken out first (partial correlation of the ranks):
    small heads have other images *and* other errors. Images where one is NaN are left out.

    >>> values = np.arange(8.0)
    >>> association(values, -values, exams=values)
    (-1.0, -1.0, -1.0)
    """
    columns = [np.asarray(values, dtype=np.float64) for values in (measure, score)]
    if given is not None:
        columns.append(np.asarray(given, dtype=np.float64))
    table = np.stack(columns)
    known = np.isfinite(table).all(axis=0)
    table, exam = table[:, known], pd.factorize(np.asarray(exams)[known])[0]
    members = [np.flatnonzero(exam == k) for k in range(exam.max() + 1)]
    rng = np.random.default_rng(random_state)
    drawn = [
        _rank_correlation(table[:, np.concatenate([members[k] for k in draw])])
        for draw in rng.integers(len(members), size=(resamples, len(members)))
    ]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return _rank_correlation(table), float(low), float(high)


def associations(images: pd.DataFrame, score: pd.Series) -> pd.DataFrame:
    """Associate each measure of the images with ``score``, as it is and ``adjusted`` for the heads' size.

    ``images`` has a row for each image, by ``name``, with the measures of
    :mod:`~fetalseg_book.studies.error_analysis.quality`, ``hc_mm`` and ``exam``; ``score`` a value for each.
    """
    score, rows = score.loc[images.index], []
    for name, words in MEASURES.items():
        for given in (None, images["hc_mm"]):
            rho, low, high = association(images[name], score, images["exam"], given=given)
            row = {"measure": words, "adjusted": given is not None, "rho": rho, "low": low, "high": high}
            rows.append(row)
    return pd.DataFrame(rows)


def _rank_correlation(table: NDArray[np.float64]) -> float:
    """Of the first two rows; of what the third, where there is one, does not explain of them."""
    ranks = rankdata(table, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    if len(ranks) == 3:
        third = ranks[2]
        ranks = ranks[:2] - np.outer(ranks[:2] @ third / (third @ third), third)
    first, second = ranks[:2]
    return float((first @ second / np.sqrt((first @ first) * (second @ second))).round(12))
