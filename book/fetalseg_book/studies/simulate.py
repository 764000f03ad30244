"""Studies whose truth is known: the proof that the procedures hold what they promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from fetalseg_book.stats.comparison import compare
from fetalseg_book.stats.means import mean_intervals
from fetalseg_book.stats.scores import scores_by_variant

EXAM_SIZES = {1: 642, 2: 141, 3: 17, 4: 6}
"""How many exams of HC18 have one, two, three and four images."""
TRUE_MEAN = 0.965


def simulate_study(
    *,
    random_state: int | np.random.Generator,
    seeds: int = 5,
    images: int = 200,
    effect: float = 0.0,
    seed_sd: float = 0.002,
    exam_sd: float = 0.012,
    image_sd: float = 0.008,
    residual_sd: float = 0.01,
) -> pd.DataFrame:
    """Records of a baseline and a variant that is better by ``effect``, on images clustered in exams.

    The score of a training on an image is the sum of a mean, what the training adds to every image, what
    the exam and the image add to every training, and a rest, all normal with the given standard
    deviations. Columns ``variant``, ``seed``, ``name``, ``exam``, ``dice``.
    """
    generator = np.random.default_rng(random_state)
    exams = _exams(images, generator)
    difficulty = generator.normal(0, exam_sd, exams.max() + 1)[exams] + generator.normal(0, image_sd, images)
    names = np.array([f"{i:04d}" for i in range(images)])
    parts = []
    for variant, mean in (("baseline", TRUE_MEAN), ("variant", TRUE_MEAN + effect)):
        training = generator.normal(0, seed_sd, (seeds, 1))
        rest = generator.normal(0, residual_sd, (seeds, images))
        parts.append(
            pd.DataFrame(
                {
                    "variant": variant,
                    "seed": np.repeat(np.arange(seeds), images),
                    "name": np.tile(names, seeds),
                    "exam": np.tile(exams, seeds),
                    "dice": (mean + training + difficulty + rest).ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def rejection_rates(
    studies: int,
    *,
    random_state: int,
    effect: float = 0.0,
    level: float = 0.95,
    resamples: int = 500,
    **design: float,
) -> pd.Series:
    """Simulate many studies and count: how often a difference is claimed, and how often intervals cover.

    ``design`` goes to :func:`simulate_study`. Without an ``effect`` the claims are errors of the first kind.
    Returns shares of the studies: ``significant`` (our verdict), ``wilcoxon`` (the naive test over images, on
    the mean over seeds), ``difference_covered`` (its t-interval holds the effect), ``mean_covered`` (the
    two-way interval holds the baseline's true mean).
    """
    found = []
    for generator in np.random.default_rng(random_state).spawn(studies):
        study = simulate_study(random_state=generator, effect=effect, **design)  # type: ignore[arg-type]
        result = compare(study, "dice", baseline="baseline", level=level).iloc[0]
        scores = scores_by_variant(study, "dice")
        by_image = (scores["variant"].matrix - scores["baseline"].matrix).mean(axis=0)
        baseline = study[study["variant"] == "baseline"]
        mean = mean_intervals(baseline, "dice", level=level, resamples=resamples).iloc[0]
        found.append(
            {
                "significant": result["verdict"] == "significant",
                "wilcoxon": stats.wilcoxon(by_image).pvalue < 1 - level,
                "difference_covered": result["low"] <= effect <= result["high"],
                "mean_covered": mean["low"] <= TRUE_MEAN <= mean["high"],
            }
        )
    return pd.DataFrame(found).mean()


def _exams(images: int, generator: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The exam of each image, numbered from 0, with exams as large as those of HC18."""
    weights = np.array(list(EXAM_SIZES.values()), dtype=np.float64)
    sizes = generator.choice(list(EXAM_SIZES), size=images, p=weights / weights.sum())
    return np.repeat(np.arange(images), sizes)[:images]
