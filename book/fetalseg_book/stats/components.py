"""Where the variance of a score comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fetalseg_book.stats.scores import scores_of


@dataclass(frozen=True, kw_only=True)
class VarianceComponents:
    """Variances, in the square of the metric's unit, of the score of one training on one image.

    ``seed``: between trainings; ``exam``: between exams; ``image``: between images of one exam;
    ``residual``: what a training does to one image but not to the others.
    """

    seed: float
    exam: float
    image: float
    residual: float


def variance_components(frame: pd.DataFrame, metric: str, *, variant: str) -> VarianceComponents:
    """Split the variance of ``variant`` into seed, exam, image within exam, and the rest.

    Analysis of variance: every mean square equals its expectation under random effects, seeds crossed with
    images, images nested in exams of any size; negative estimates become 0 (Searle, Casella and McCulloch
    1992, Variance Components). Raises ``ValueError`` for fewer than two seeds or exams, or where no exam
    has two images.
    """
    scores = scores_of(frame, metric, variant)
    values = scores.matrix
    seeds, images = values.shape
    sizes = np.bincount(scores.exams)
    if seeds < 2 or len(sizes) < 2 or images == len(sizes):
        raise ValueError(
            f"frame: expected at least two seeds, two exams and an exam of two images for {variant}, "
            f"got {seeds} seeds, {len(sizes)} exams and {images} images"
        )
    image_means, seed_means, mean = values.mean(axis=0), values.mean(axis=1), values.mean()
    interaction = values - image_means - seed_means[:, None] + mean
    residual = float((interaction**2).sum() / ((seeds - 1) * (images - 1)))
    seed = float(seed_means.var(ddof=1)) - residual / images

    exam_means = np.bincount(scores.exams, weights=image_means) / sizes
    within = float(((image_means - exam_means[scores.exams]) ** 2).sum() / (images - len(sizes)))
    between = float((sizes * (exam_means - mean) ** 2).sum() / (len(sizes) - 1))
    typical_size = (images - (sizes**2).sum() / images) / (len(sizes) - 1)
    return VarianceComponents(
        seed=max(seed, 0.0),
        exam=max((between - within) / float(typical_size), 0.0),
        image=max(within - residual / seeds, 0.0),
        residual=residual,
    )
