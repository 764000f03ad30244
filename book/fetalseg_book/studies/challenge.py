"""The HC18 challenge's four measures of one image.

Source: van den Heuvel et al. 2018, doi:10.1371/journal.pone.0200412. The reference for the challenge's test
images is hidden; a measure on any other images is no challenge result.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.evaluation.biometry import HeadMeasurement
from fetalseg_lib.evaluation.metrics import segmentation_metrics
from fetalseg_lib.geometry import rasterize


def challenge_measures(
    measurement: HeadMeasurement,
    reference: NDArray[np.bool_],
    *,
    reference_hc_mm: float,
    pixel_spacing_mm: tuple[float, float],
) -> dict[str, float]:
    """The challenge's measures of one image: ``df_mm``, ``adf_mm``, ``dsc``, ``hd_mm`` and ``failed``.

    ``df_mm`` is the measured minus the reference head circumference, ``adf_mm`` its absolute value; Dice
    and Hausdorff distance compare the measured ellipse with ``reference`` (bool ``H W``, native). A head
    that could not be measured counts with circumference 0, Dice 0 and the image diagonal, ``failed`` 1.
    Raises ``ValueError`` where ``reference_hc_mm`` is no positive length.
    """
    if not 0 < reference_hc_mm < math.inf:
        raise ValueError(f"reference_hc_mm: expected a positive length in mm, got {reference_hc_mm}")
    if measurement.ellipse_px is None:
        found, hc_mm = np.zeros_like(reference), 0.0
    else:
        height, width = reference.shape
        found, hc_mm = rasterize(measurement.ellipse_px, (height, width)), measurement.hc_mm
    metrics = segmentation_metrics(found, reference, pixel_spacing_mm=pixel_spacing_mm)
    return {
        "df_mm": hc_mm - reference_hc_mm,
        "adf_mm": abs(hc_mm - reference_hc_mm),
        "dsc": metrics["dice"],
        "hd_mm": metrics["hd_mm"],
        "failed": float(not measurement.measured),
    }
