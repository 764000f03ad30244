"""How much a mean moves with the seed alone, and the smallest difference that a study could detect."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq

from fetalseg_book.stats.scores import scores_of


@dataclass(frozen=True, kw_only=True)
class NoiseFloor:
    """How much the mean of one configuration moves with the seed alone, and what that hides.

    ``sd`` is the standard deviation of the mean between ``measured_seeds`` trainings, with its interval;
    ``detectable`` the smallest true difference that a comparison over ``seeds`` matched seeds finds with
    probability ``power``. Report it before any result.
    """

    sd: float
    sd_low: float
    sd_high: float
    measured_seeds: int
    detectable: float
    seeds: int
    power: float


def noise_floor(
    frame: pd.DataFrame,
    metric: str,
    *,
    variant: str,
    seeds: int,
    comparisons: int = 1,
    power: float = 0.8,
    level: float = 0.95,
) -> NoiseFloor:
    """Measure the noise floor on many seeds of one ``variant``, for a study with ``seeds`` matched seeds.

    Two trainings that share a seed are taken as independent, so a difference has twice the variance of one
    mean. ``comparisons`` is the size of the family (see :func:`detectable_difference`). Raises
    ``ValueError`` for fewer than three measured seeds.
    """
    scores = scores_of(frame, metric, variant)
    measured = len(scores.seeds)
    if measured < 3:
        raise ValueError(f"frame: expected at least three seeds of {variant}, got {measured}; train more")
    sd = float(scores.seed_means.std(ddof=1))
    chi2 = stats.chi2.ppf([0.5 + level / 2, 0.5 - level / 2], measured - 1)
    low, high = sd * np.sqrt((measured - 1) / chi2)
    return NoiseFloor(
        sd=sd,
        sd_low=float(low),
        sd_high=float(high),
        measured_seeds=measured,
        detectable=detectable_difference(
            math.sqrt(2) * sd, seeds=seeds, comparisons=comparisons, power=power, alpha=1 - level
        ),
        seeds=seeds,
        power=power,
    )


def detectable_difference(
    sd_of_differences: float, *, seeds: int, comparisons: int = 1, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Smallest true difference that a paired t-test over ``seeds`` matched seeds finds with ``power``.

    ``sd_of_differences`` is the standard deviation of the per-seed differences. With ``comparisons`` in the
    family the first step of Holm's correction applies, ``alpha / comparisons``. Raises ``ValueError``
    outside: at least three seeds, one comparison, power between alpha and 1.

    >>> round(detectable_difference(1.0, seeds=10), 3)
    0.996
    """
    if seeds < 3:
        raise ValueError(f"seeds: expected at least 3, got {seeds}")
    if not 0 <= sd_of_differences < math.inf:
        raise ValueError(f"sd_of_differences: expected 0 or more, got {sd_of_differences}")
    error = sd_of_differences / math.sqrt(seeds)
    return error * detectable_errors(seeds - 1, comparisons=comparisons, power=power, alpha=alpha)


def detectable_errors(freedom: float, *, comparisons: int, power: float, alpha: float) -> float:
    """How many standard errors a difference must have for a two-sided t-test to find it with ``power``.

    The test has ``freedom`` degrees of freedom and the level ``alpha / comparisons``. Raises ``ValueError``
    outside: one comparison, power between alpha and 1.

    >>> round(detectable_errors(10_000, comparisons=1, power=0.8, alpha=0.05), 2)  # 1.96 + 0.84
    2.8
    """
    if comparisons < 1:
        raise ValueError(f"comparisons: expected at least 1, got {comparisons}")
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha, power: expected 0 < alpha < power < 1, got {alpha} and {power}")
    critical = float(stats.t.isf(alpha / comparisons / 2, freedom))

    def missing_power(errors: float) -> float:
        beyond = float(stats.nct.sf(critical, freedom, errors))
        other_tail = float(stats.nct.cdf(-critical, freedom, errors))  # NaN where it is lost in rounding
        return beyond + (0.0 if math.isnan(other_tail) else other_tail) - power

    return float(brentq(missing_power, 0.0, 4 * critical + 4))
