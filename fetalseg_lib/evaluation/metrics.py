"""Segmentation metrics of one image: overlap counts first, then pure functions of the counts.

The distances between outlines have the same two stages in :mod:`fetalseg_lib.evaluation.surface`;
:func:`segmentation_metrics` calls both. Masks are bool ``H W`` at native resolution.

Edge cases, the same everywhere:

- both masks empty: the prediction is right (overlap 1, distances 0). HC18 has no image without a head,
  but a score of 0 or NaN would punish the only correct answer.
- exactly one mask empty: a failure, which counts. Overlap 0, distances the diagonal of the image, never a
  NaN that would drop out of a mean and reward the model for not answering.
- a mask that touches the image border: outside is background, so its outline follows the border.
- several components or holes: all of them belong to the mask; nothing is cleaned up first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.evaluation import surface

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class OverlapCounts:
    """Pixels that both masks have, that only the prediction has, and that only the reference has."""

    true_positive: int
    false_positive: int
    false_negative: int


def overlap_counts(prediction: Mask, reference: Mask) -> OverlapCounts:
    """Count the agreement of two bool ``H W`` masks; raises ``ValueError`` on any other input.

    >>> overlap_counts(np.array([[True, True, False]]), np.array([[False, True, True]]))
    OverlapCounts(true_positive=1, false_positive=1, false_negative=1)
    """
    check_masks(prediction, reference)
    both = int(np.count_nonzero(prediction & reference))
    return OverlapCounts(
        true_positive=both,
        false_positive=int(np.count_nonzero(prediction)) - both,
        false_negative=int(np.count_nonzero(reference)) - both,
    )


def dice(counts: OverlapCounts) -> float:
    """Dice similarity coefficient (DSC), ``2 TP / (2 TP + FP + FN)``; 1 where both masks are empty.

    >>> dice(OverlapCounts(true_positive=1, false_positive=1, false_negative=1))
    0.5
    """
    union = counts.true_positive + counts.false_positive + counts.false_negative
    return 2 * counts.true_positive / (counts.true_positive + union) if union else 1.0


def iou(counts: OverlapCounts) -> float:
    """Intersection over union (Jaccard index), ``TP / (TP + FP + FN)``; 1 where both masks are empty."""
    union = counts.true_positive + counts.false_positive + counts.false_negative
    return counts.true_positive / union if union else 1.0


def precision(counts: OverlapCounts) -> float:
    """Share of the prediction that is right, ``TP / (TP + FP)``.

    An empty prediction predicts nothing rightly: 0, or 1 where the reference is empty too.
    """
    predicted = counts.true_positive + counts.false_positive
    return counts.true_positive / predicted if predicted else float(counts.false_negative == 0)


def recall(counts: OverlapCounts) -> float:
    """Share of the reference that was found (sensitivity), ``TP / (TP + FN)``.

    Of an empty reference nothing can be found: 0, or 1 where the prediction is empty too.
    """
    existing = counts.true_positive + counts.false_negative
    return counts.true_positive / existing if existing else float(counts.false_positive == 0)


def one_empty(counts: OverlapCounts) -> bool:
    """Whether exactly one of the two masks is empty."""
    predicted = counts.true_positive + counts.false_positive
    existing = counts.true_positive + counts.false_negative
    return (predicted == 0) != (existing == 0)


def segmentation_metrics(
    prediction: Mask,
    reference: Mask,
    *,
    pixel_spacing_mm: tuple[float, float],
    nsd_tolerance_mm: float = 1.0,
) -> dict[str, float]:
    """All metrics of one image: overlaps in [0, 1], distances in mm, every value finite.

    ``prediction`` and ``reference`` are bool ``H W`` of the same shape, ``pixel_spacing_mm`` is the height
    and width of a pixel ``(rows, columns)``. ``nsd`` is the share of the outlines closer than
    ``nsd_tolerance_mm``. ``one_empty`` is 1 where exactly one mask is empty, so that its mean is the rate
    of empty answers. Raises ``ValueError`` on masks of another type or of
    different shapes, and on a spacing that is not two positive numbers.

    >>> reference = np.zeros((20, 20), dtype=bool)
    >>> reference[5:15, 5:15] = True
    >>> shifted = np.roll(reference, 2, axis=1)
    >>> found = segmentation_metrics(shifted, reference, pixel_spacing_mm=(0.5, 0.25))
    >>> found["dice"], found["hd_mm"], found["one_empty"]
    (0.8, 0.5, 0.0)
    """
    check_spacing(pixel_spacing_mm)
    counts = overlap_counts(prediction, reference)
    distances = surface.surface_distances(prediction, reference, pixel_spacing_mm=pixel_spacing_mm)
    return {
        "dice": dice(counts),
        "iou": iou(counts),
        "precision": precision(counts),
        "recall": recall(counts),
        "hd_mm": surface.hausdorff(distances),
        "hd95_mm": surface.hausdorff(distances, percentile=95),
        "assd_mm": surface.average_symmetric(distances),
        "nsd": surface.normalized_surface_distance(distances, tolerance_mm=nsd_tolerance_mm),
        "one_empty": float(one_empty(counts)),
    }


def check_masks(prediction: Mask, reference: Mask) -> None:
    """Raise ``ValueError`` unless both are bool ``H W`` of one shape (a cast hides a forgotten threshold)."""
    for name, mask in (("prediction", prediction), ("reference", reference)):
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.ndim != 2:
            kind = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
            raise ValueError(f"{name}: expected a bool array of shape (H, W), got {kind}; threshold it first")
    if prediction.shape != reference.shape:
        raise ValueError(
            f"prediction, reference: expected one shape, got {prediction.shape} and {reference.shape}; "
            "resize the prediction to native resolution first"
        )


def check_spacing(pixel_spacing_mm: tuple[float, float]) -> None:
    """Raise ``ValueError`` unless the spacing is two positive, finite numbers."""
    spacing = np.asarray(pixel_spacing_mm, dtype=np.float64)
    if spacing.shape != (2,) or not np.isfinite(spacing).all() or not (spacing > 0).all():
        raise ValueError(
            f"pixel_spacing_mm: expected two positive numbers (rows, columns) in mm, got {pixel_spacing_mm}"
        )
