"""One word for a comparison, by a rule fixed before the results: better, worse, equivalent or undecided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

MIN_SEEDS = 3
"""With fewer matched seeds nothing is called significant."""


@dataclass(frozen=True, kw_only=True)
class PairedMean:
    """The mean of paired differences, in the unit of the measure.

    ``low`` and ``high`` bound its t-interval; ``p`` is that of no difference, ``p_margin`` that of a true
    difference outside the margin (two one-sided tests). All four are NaN for fewer than three pairs.
    """

    mean: float
    low: float
    high: float
    p: float
    p_margin: float
    pairs: int


def paired_mean(
    differences: ArrayLike, *, margin: float, overlap: float = 0.0, level: float = 0.95
) -> PairedMean:
    """Test paired differences, one of each (fold, seed), against zero and against a margin.

    Two folds train on largely the same images, so their differences are not quite independent. ``overlap`` is
    the ratio of test to training images by which the variance is then enlarged: Nadeau and Bengio 2003,
    doi:10.1023/A:1024068626366. At 0 it is the plain paired t-test. Equivalence is that of Schuirmann 1987,
    doi:10.1007/BF01068419. Raises ``ValueError`` for a margin that is not positive, or no difference at all.

    >>> found = paired_mean([0.1, 0.0, -0.1, 0.05, -0.05], margin=0.2)
    >>> round(found.mean, 3), round(found.low, 3), round(found.high, 3), found.p_margin < 0.05
    (0.0, -0.098, 0.098, True)
    """
    values = np.asarray(differences, dtype=np.float64)
    if not margin > 0 or not overlap >= 0:
        raise ValueError(f"margin, overlap: expected above 0 and at least 0, got {margin} and {overlap}")
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError("differences: expected a row of finite numbers, got others or none")
    mean, pairs = float(values.mean()), len(values)
    error = math.sqrt((1 / pairs + overlap) * float(values.var(ddof=1))) if pairs >= MIN_SEEDS else 0.0
    if error == 0:
        return PairedMean(mean=mean, low=math.nan, high=math.nan, p=math.nan, p_margin=math.nan, pairs=pairs)
    freedom = pairs - 1
    half = float(stats.t.ppf(0.5 + level / 2, freedom)) * error
    return PairedMean(
        mean=mean,
        low=mean - half,
        high=mean + half,
        p=2 * float(stats.t.sf(abs(mean) / error, freedom)),
        p_margin=float(stats.t.sf((margin - abs(mean)) / error, freedom)),
        pairs=pairs,
    )


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down correction over the p-values that there are; a family of one needs none.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.

    >>> holm(np.array([0.01, 0.04, np.nan])).tolist()
    [0.02, 0.04, nan]
    """
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = np.arange(len(order), 0, -1)
    corrected = p.copy()
    corrected[order] = np.minimum(np.maximum.accumulate(steps * p[order]), 1)
    return corrected


def decide(
    gains: Sequence[float], *, p: Sequence[float], p_margin: Sequence[float], level: float = 0.95
) -> str:
    """The word for one comparison, from all its primary measures together.

    ``gains`` are the mean differences with a sign that makes a gain positive, ``p`` their p-values after
    correction for the family, ``p_margin`` those of equivalence. *Equivalent*: every measure lies within its
    margin. Else *better* or *worse*: at least one measure differs that way, and none the other way. Else, and
    where a p-value is missing, *undecided*.

    >>> decide([0.3, 0.4], p=[0.001, 0.2], p_margin=[0.9, 0.8])
    'better'
    >>> decide([0.05, -0.01], p=[0.01, 0.8], p_margin=[0.001, 0.001])
    'equivalent'
    """
    alpha = 1 - level
    if all(value <= alpha for value in p_margin):
        return "equivalent"
    signs = {math.copysign(1, gain) for gain, value in zip(gains, p, strict=True) if value <= alpha}
    if len(signs) != 1:
        return "undecided"
    return "better" if signs == {1.0} else "worse"
