"""What the chapters say of runs: intervals, comparisons, variance components and conformal intervals.

All start from the tidy records of :mod:`fetalseg_lib.evaluation.stats`.

==================  ============================================================================
``means``           a variant's mean; its interval counts seeds and exams
``comparison``      two variants on matched seeds; the probability that one beats the other
``components``      where the variance comes from
``conformal``       an interval for one head circumference, and its measured coverage
==================  ============================================================================
"""

from fetalseg_book.stats.comparison import compare, paired_differences, superiority
from fetalseg_book.stats.components import VarianceComponents, variance_components
from fetalseg_book.stats.conformal import ConformalInterval, calibrate, coverage
from fetalseg_book.stats.means import mean_intervals

__all__ = [
    "ConformalInterval",
    "VarianceComponents",
    "calibrate",
    "compare",
    "coverage",
    "mean_intervals",
    "paired_differences",
    "superiority",
    "variance_components",
]
