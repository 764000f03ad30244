"""What the chapters say of runs: intervals, comparisons, and how sure a study is.

Every function starts from the per-image records of the runs, as one tidy table with a row for each variant,
seed and image: columns ``variant``, ``seed``, ``name`` (the image), ``exam`` and one column per metric.

==================  ============================================================================
``scores``          the records as one matrix of seeds by images for each variant
``means``           a variant's mean; its interval counts seeds and exams
``comparison``      two variants on matched seeds
``decision``        paired differences against zero and a margin, and the word for a comparison
``noise_floor``     how far a mean moves with the seed alone, and what a study could detect
``conformal``       an interval for one head circumference, and its measured coverage
==================  ============================================================================
"""

from fetalseg_book.stats.comparison import compare, paired_differences
from fetalseg_book.stats.conformal import ConformalInterval, calibrate, coverage
from fetalseg_book.stats.decision import PairedMean, decide, holm, paired_mean
from fetalseg_book.stats.means import mean_intervals
from fetalseg_book.stats.noise_floor import NoiseFloor, detectable_difference, noise_floor

__all__ = [
    "ConformalInterval",
    "NoiseFloor",
    "PairedMean",
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
]
