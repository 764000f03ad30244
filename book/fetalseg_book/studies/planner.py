"""Plan a comparison of two networks: seeds, exams, measure, and the smallest difference it can detect.

A paired difference between two networks varies with the training (its seed), with the exams tested, and
with what one training happens to do on one exam. More seeds shrink the first, more exams the second, and
both the third. :func:`paired_spread` finds the three in records of your own, and
:func:`smallest_detectable` plans with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fetalseg_book.stats.noise_floor import detectable_errors

Floats = NDArray[np.float64]
Measure = Callable[..., Any]
"""What is taken over the images: ``numpy.median`` or ``numpy.mean``, with an ``axis``."""


@dataclass(frozen=True, kw_only=True)
class PairedSpread:
    """Variances of a paired difference for a single seed and exam, in the measure's unit squared."""

    seed: float
    """What all exams of a seed share."""
    exam: float
    """What all seeds share on an exam."""
    both: float
    """What one seed does on one exam."""

    def squared_errors(self, seeds: int, exams: int) -> tuple[float, float]:
        """The squared standard error of so many seeds and exams: as far as it is the seeds', and the exams'.

        >>> PairedSpread(seed=0.04, exam=4.0, both=8.0).squared_errors(4, 100)
        (0.03, 0.04)
        """
        return (self.seed + self.both / exams) / seeds, self.exam / exams


def paired_spread(
    differences: Floats, exams: NDArray[Any], *, measure: Measure = np.mean, resamples: int = 1000
) -> PairedSpread:
    """The three variances from ``differences``, matched seeds (rows) by images (columns).

    ``exams`` names each image's exam. Whole exams are drawn anew ``resamples`` times, which works for any
    ``measure``. One seed's measure varies so by ``exam + both``, the mean of all seeds by ``exam`` and a
    part of ``both``; between seeds it varies by ``seed`` and ``both``. A negative variance becomes 0.
    Raises ``ValueError`` for fewer than two seeds, fewer than two exams, or an image without an exam.

    >>> differences = np.array([[1.0, 3.0, 1.0, 3.0], [2.0, 4.0, 2.0, 4.0]])
    >>> spread = paired_spread(differences, np.arange(4))
    >>> spread.seed, spread.both
    (0.5, 0.0)
    """
    seeds, images = differences.shape
    numbers, which = np.unique(exams, return_inverse=True)
    if seeds < 2 or len(numbers) < 2 or len(exams) != images:
        raise ValueError(
            "differences, exams: expected two seeds, two exams and an exam for each image, "
            f"got {seeds} seeds, {len(numbers)} exams and {len(exams)} exams' names for {images} images"
        )
    columns = [np.flatnonzero(which == number) for number in range(len(numbers))]
    rng = np.random.default_rng(0)
    drawn = np.empty((resamples, seeds))
    for sample in drawn:
        chosen = np.concatenate([columns[number] for number in rng.integers(len(numbers), size=len(numbers))])
        sample[:] = measure(differences[:, chosen], axis=1)
    # Drawing from n exams shows n - 1 of n parts of their variance.
    per_exam = len(numbers) ** 2 / (len(numbers) - 1)
    one_seed = float(drawn.var(axis=0).mean()) * per_exam
    all_seeds = float(drawn.mean(axis=1).var()) * per_exam
    both = max((one_seed - all_seeds) * seeds / (seeds - 1), 0.0)
    between = float(np.var(measure(differences, axis=1), ddof=1))
    return PairedSpread(
        seed=max(between - both / len(numbers), 0.0),
        exam=max(one_seed - both, 0.0),
        both=0.0 if both < 1e-12 * one_seed else both,
    )


def smallest_detectable(
    spread: PairedSpread,
    *,
    seeds: int,
    exams: int,
    comparisons: int = 1,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """The smallest true difference found with ``power`` by a two-sided test at ``alpha / comparisons``.

    The test is for new trainings *and* new exams. Its degrees of freedom are Satterthwaite's: near those of
    the seeds where seeds decide the error, near those of the exams where exams do.
    Raises ``ValueError`` outside: three seeds, three exams, one comparison, power between alpha and 1.

    >>> spread = PairedSpread(seed=0.04, exam=4.0, both=8.0)
    >>> round(smallest_detectable(spread, seeds=4, exams=100), 2)
    0.79
    """
    if seeds < 3 or exams < 3:
        raise ValueError(f"seeds, exams: expected at least 3 and 3, got {seeds} and {exams}")
    by_seeds, by_exams = spread.squared_errors(seeds, exams)
    error = by_seeds + by_exams
    if error == 0:
        return 0.0
    freedom = error**2 / (by_seeds**2 / (seeds - 1) + by_exams**2 / (exams - 1))
    errors = detectable_errors(freedom, comparisons=comparisons, power=power, alpha=alpha)
    return errors * math.sqrt(error)
