"""How far two equal networks land apart, from the few seeds that every variant has.

With many seeds of one configuration :func:`~fetalseg_book.stats.noise_floor.noise_floor` is the
better tool. A small study has two seeds of each variant; together they still say something.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fetalseg_book.stats.scores import scores_by_variant


@dataclass(frozen=True, kw_only=True)
class SeedNoise:
    """Standard deviation of a run's mean between seeds, with its interval and its degrees of freedom."""

    sd: float
    low: float
    high: float
    freedom: int

    def band(self, *, seeds: int, against: int | None = None, level: float = 0.95) -> float:
        """Half width that holds the difference of two equal variants, in ``level``.

        One has ``seeds`` seeds, the other ``against``, by default as many.

        >>> noise = SeedNoise(sd=1.0, low=0.6, high=2.9, freedom=4)
        >>> round(noise.band(seeds=2), 3)  # t of 4 degrees
        2.776
        >>> round(noise.band(seeds=1, against=3), 3)  # that times the root of 1 + 1/3
        3.206
        """
        for name, count in {"seeds": seeds, "against": against}.items():
            if count is not None and count < 1:
                raise ValueError(f"{name}: expected at least 1, got {count}")
        spread = math.sqrt(1 / seeds + 1 / (against or seeds))
        return float(stats.t.ppf(0.5 + level / 2, self.freedom)) * self.sd * spread


def pooled_seed_noise(
    frame: pd.DataFrame, metric: str, *, variants: Sequence[str] | None = None, level: float = 0.95
) -> SeedNoise:
    """Seed noise of ``metric``, pooled over ``variants`` (by default all of them).

    Each seed's mean counts against the mean of its variant. It takes the noise to be the same in all of
    them: a recipe may well be noisier than another, so pool no more than belongs together. Raises
    ``ValueError`` for an unknown variant, and where none has two seeds.
    """
    scores = scores_by_variant(frame, metric)
    unknown = sorted(set(variants or ()) - set(scores))
    if unknown:
        raise ValueError(f"variants: expected some of {', '.join(scores)}; got {', '.join(unknown)}")
    groups = [scores[name].seed_means for name in variants or scores]
    freedom = sum(len(means) - 1 for means in groups)
    if freedom == 0:
        raise ValueError("frame: expected a variant with two seeds or more, got one seed of each; train more")
    squares = sum(float(((means - means.mean()) ** 2).sum()) for means in groups)
    sd = math.sqrt(squares / freedom)
    low, high = sd * np.sqrt(freedom / stats.chi2.ppf([0.5 + level / 2, 0.5 - level / 2], freedom))
    return SeedNoise(sd=sd, low=float(low), high=float(high), freedom=freedom)
