"""An interval for one head circumference: "HC 182 ± 4 mm, 90 %", calibrated, and its coverage measured.

Split conformal prediction promises its coverage when a new image and the calibration images are
exchangeable. Images of one exam are not: they share the head and often the error. What is exchangeable are
the exams, and the images within one. So every exam counts once, its images share its weight, and the
promise is for an image of a new exam (hierarchical conformal prediction: Lee, Barber and Willett 2023,
arXiv:2306.06342). Two things remain outside the promise, which is why the coverage is measured as well: a
validation fold that chose the checkpoint is a little too friendly, and women can be in two exams.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.proportion import proportion_confint

Lengths = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ConformalInterval:
    """Half widths in mm for measured heads, one for each size class that ``edges_mm`` cut.

    Without edges there is one class. ``exams`` counts the calibration exams of each class.
    """

    level: float
    edges_mm: tuple[float, ...]
    half_widths_mm: tuple[float, ...]
    exams: tuple[int, ...]

    def half_width(self, hc_mm: ArrayLike) -> Lengths:
        """Half width in mm for each measured head circumference."""
        size_class = np.digitize(np.asarray(hc_mm), self.edges_mm)
        return np.asarray(np.take(self.half_widths_mm, size_class), dtype=np.float64)

    def describe(self, hc_mm: float) -> str:
        """The interval in words.

        >>> ConformalInterval(level=0.9, edges_mm=(), half_widths_mm=(4.2,), exams=(80,)).describe(182.3)
        'HC 182 ± 4 mm, 90 %'
        """
        return f"HC {hc_mm:.0f} ± {float(self.half_width(hc_mm)):.0f} mm, {100 * self.level:.0f} %"


def calibrate(
    predicted_mm: ArrayLike,
    reference_mm: ArrayLike,
    exams: ArrayLike,
    *,
    level: float = 0.9,
    edges_mm: tuple[float, ...] = (),
) -> ConformalInterval:
    """Calibrate on images that trained nothing: measured and true circumference, and exam, of each, ``(n,)``.

    ``edges_mm`` cuts classes by the *measured* size, the one that is known when the interval is given; each
    class then keeps the level by itself. Heads that could not be measured (NaN) get no interval and take no
    part. Raises ``ValueError`` where a class has too few exams for the level.

    >>> calibrate([10, 20, 30], [11, 22, 33], [1, 2, 3], level=0.5).half_widths_mm
    (2.0,)
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a share between 0 and 1, got {level}")
    if list(edges_mm) != sorted(set(edges_mm)):
        raise ValueError(f"edges_mm: expected rising lengths, got {edges_mm}")
    predicted, reference, exam = _checked(predicted_mm, reference_mm, exams)
    measured = np.isfinite(predicted)
    errors = np.abs(predicted - reference)
    size_class = np.digitize(predicted, edges_mm)
    half_widths, counts = [], []
    for k in range(len(edges_mm) + 1):
        inside = measured & (size_class == k)
        counts.append(len(np.unique(exam[inside])))
        needed = math.ceil(level / (1 - level) - 1e-9)
        if counts[-1] < needed:
            raise ValueError(
                f"exams: expected at least {needed} in each size class for a level of {level:g}, got "
                f"{counts[-1]} in class {k} of the edges {edges_mm}; lower the level or merge classes"
            )
        half_widths.append(_grouped_quantile(errors[inside], exam[inside], level))
    return ConformalInterval(
        level=level, edges_mm=tuple(edges_mm), half_widths_mm=tuple(half_widths), exams=tuple(counts)
    )


def coverage(
    interval: ConformalInterval,
    predicted_mm: ArrayLike,
    reference_mm: ArrayLike,
    exams: ArrayLike,
    *,
    groups: ArrayLike | None = None,
) -> pd.DataFrame:
    """Measure how often the interval holds the truth on other images: over all, and in each of ``groups``.

    One row per group: ``group``, ``coverage`` (each exam counts once; a head that could not be measured
    counts as not covered), ``low`` and ``high`` (Wilson's 95 % interval over exams), ``exams``, ``images``,
    ``failures``.
    """
    predicted, reference, exam = _checked(predicted_mm, reference_mm, exams)
    measured = np.isfinite(predicted)
    known = np.where(measured, predicted, 0.0)
    covered = measured & (np.abs(known - reference) <= interval.half_width(known))
    frame = pd.DataFrame({"exam": exam, "covered": covered, "failed": ~measured})
    parts = [("all", frame)]
    if groups is not None:
        parts += [(str(name), part) for name, part in frame.groupby(np.asarray(groups))]
    rows = []
    for name, part in parts:
        by_exam = part.groupby("exam")["covered"].mean()
        low, high = proportion_confint(by_exam.sum(), len(by_exam), method="wilson")
        rows.append(
            {
                "group": name,
                "coverage": float(by_exam.mean()),
                "low": float(low),
                "high": float(high),
                "exams": len(by_exam),
                "images": len(part),
                "failures": int(part["failed"].sum()),
            }
        )
    return pd.DataFrame(rows)


def _grouped_quantile(errors: Lengths, exams: NDArray[np.intp], level: float) -> float:
    """Quantile of the errors with a weight of 1 an exam, and of 1 for the unseen exam at infinity."""
    _, position, sizes = np.unique(exams, return_inverse=True, return_counts=True)
    weights = 1 / sizes[position] / (len(sizes) + 1)
    order = np.argsort(errors)
    reached = np.cumsum(weights[order])
    place = int(np.searchsorted(reached, level - 1e-12))  # sums of equal weights may fall short by rounding
    return float(errors[order][min(place, len(errors) - 1)])


def _checked(
    predicted_mm: ArrayLike, reference_mm: ArrayLike, exams: ArrayLike
) -> tuple[Lengths, Lengths, NDArray[np.intp]]:
    predicted = np.asarray(predicted_mm, dtype=np.float64)
    reference = np.asarray(reference_mm, dtype=np.float64)
    exam = pd.factorize(np.asarray(exams))[0]
    if predicted.ndim != 1 or not predicted.shape == reference.shape == exam.shape or len(exam) == 0:
        raise ValueError(
            "predicted_mm, reference_mm, exams: expected one value each for every image, got shapes "
            f"{predicted.shape}, {reference.shape} and {np.shape(exams)}"
        )
    if not np.isfinite(reference).all() or not (reference > 0).all():
        raise ValueError("reference_mm: expected positive lengths in mm for every image")
    return predicted, reference, exam
