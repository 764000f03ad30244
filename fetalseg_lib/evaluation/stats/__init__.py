"""How sure a study is: what its seeds can tell apart, and the word for a comparison.

Every function starts from the per-image records of the runs, as one tidy table with a row for each variant,
seed and image: columns ``variant``, ``seed``, ``name`` (the image), ``exam`` and one column per metric.
"""

from fetalseg_lib.evaluation.stats.decision import PairedMean, decide, holm, paired_mean
from fetalseg_lib.evaluation.stats.noise_floor import NoiseFloor, detectable_difference, noise_floor

__all__ = [
    "NoiseFloor",
    "PairedMean",
    "decide",
    "detectable_difference",
    "holm",
    "noise_floor",
    "paired_mean",
]
