"""How far two equal networks land apart, from the few seeds that every variant has.

With many seeds of one configuration :func:`~fetalseg_lib.evaluation.stats.components.noise_floor` is the
better tool. A small study has two seeds of each variant; together they still say something.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fetalseg_lib.evaluation.stats.table import scores_by_variant


@dataclass(frozen=True, kw_only=True)
class SeedNoise:
    """Standard deviation of a run's mean between seeds, with its interval and its degrees of freedom."""

    sd: float
    low: float
    high: float
    freedom: int

    def band(self, *, seeds: int, level: float = 0.95) -> float:
        """Half width that holds the difference of two equal variants of ``seeds`` seeds each, in ``level``.

        >>> round(SeedNoise(sd=1.0, low=0.6, high=2.9, freedom=4).band(seeds=2), 3)  # t of 4 degrees
        2.776
        """
        if seeds < 1:
            raise ValueError(f"seeds: expected at least 1, got {seeds}")
        return float(stats.t.ppf(0.5 + level / 2, self.freedom)) * self.sd * math.sqrt(2 / seeds)


def pooled_seed_noise(frame: pd.DataFrame, metric: str, *, level: float = 0.95) -> SeedNoise:
    """Seed noise of ``metric``, pooled over all variants: each seed's mean against the mean of its variant.

    It takes the noise to be the same in every variant; where one is far noisier than the others, look at
    each. Raises ``ValueError`` where no variant has two seeds.
    """
    groups = [scores.seed_means for scores in scores_by_variant(frame, metric).values()]
    freedom = sum(len(means) - 1 for means in groups)
    if freedom == 0:
        raise ValueError(
            "frame: expected a variant with at least two seeds, got one seed of each; train more"
        )
    squares = sum(float(((means - means.mean()) ** 2).sum()) for means in groups)
    sd = math.sqrt(squares / freedom)
    low, high = sd * np.sqrt(freedom / stats.chi2.ppf([0.5 + level / 2, 0.5 - level / 2], freedom))
    return SeedNoise(sd=sd, low=float(low), high=float(high), freedom=freedom)
