"""How sure a study is: intervals, comparisons, variance components and conformal intervals.

Every function starts from the per-image records of the runs, as one tidy table with a row for each variant,
seed and image: columns ``variant``, ``seed``, ``name`` (the image), ``exam`` and one column per metric.

==================  ============================================================================
``means``           records as matrices; a variant's mean, its interval counts seeds and exams
``comparison``      two variants on matched seeds; the probability that one beats the other
``components``      where the variance comes from; the smallest difference the study can detect
``decision``        one word for a comparison, by a rule that is fixed before the results
``conformal``       an interval for one head circumference, and its measured coverage
==================  ============================================================================
"""

from fetalseg_lib.evaluation.stats.comparison import compare, holm, paired_differences, superiority
from fetalseg_lib.evaluation.stats.components import (
    NoiseFloor,
    VarianceComponents,
    detectable_difference,
    noise_floor,
    variance_components,
)
from fetalseg_lib.evaluation.stats.conformal import ConformalInterval, calibrate, coverage
from fetalseg_lib.evaluation.stats.decision import PairedMean, decide, paired_mean
from fetalseg_lib.evaluation.stats.means import mean_intervals

__all__ = [
    "ConformalInterval",
    "NoiseFloor",
    "PairedMean",
    "VarianceComponents",
    "calibrate",
    "compare",
    "coverage",
    "decide",
    "detectable_difference",
    "holm",
    "mean_intervals",
    "noise_floor",
    "paired_differences",
    "paired_mean",
    "superiority",
    "variance_components",
]
