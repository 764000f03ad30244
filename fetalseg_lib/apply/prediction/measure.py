"""One image and a trained network: mask, ellipse, circumference, age, and what to distrust of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fetalseg_lib.apply.gestation import GestationalAge, gestational_age
from fetalseg_lib.apply.reading.image_file import GrayImage
from fetalseg_lib.apply.trained import TrainedNetwork
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.data.training_range import TrainingRange, appearance
from fetalseg_lib.evaluation.biometry import THRESHOLD, HeadMeasurement, Status, measure_head
from fetalseg_lib.growth import GrowthChart
from fetalseg_lib.study.evaluate import PRECISION, predict, to_native

LEVEL = 0.9
"""Of the interval of the gestational age."""

SPECK = 0.01
"""A component smaller than this share of the largest is a speck, not a second head."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """What the network sees in one image: ``mask`` is bool ``H W`` at the image's own pixels.

    Where the image has no pixel spacing, lengths of ``head`` called mm are in px, and there is no ``age``.
    ``age_note`` says why there is none.
    """

    image: GrayImage
    mask: NDArray[np.bool_]
    head: HeadMeasurement
    age: GestationalAge | None
    age_note: str
    flags: tuple[str, ...]


def predict_images(
    trained: TrainedNetwork,
    images: Sequence[GrayImage],
    *,
    chart: GrowthChart,
    device: torch.device,
    precision: str = PRECISION,
) -> list[Prediction]:
    """Predict images of any sizes as one batch, and measure each at its own pixels."""
    if not images:
        return []
    small = np.stack([resize_image(image.pixels, trained.image_size) for image in images])  # (B, H, W)
    maps = predict(trained.model, small, device=device, precision=precision)
    return [
        _measure(image, row, to_native(probability, image.shape), chart, trained.training_range)
        for image, row, probability in zip(images, small, maps, strict=True)
    ]


def _measure(
    image: GrayImage,
    small: NDArray[np.uint8],
    probability: NDArray[np.float32],
    chart: GrowthChart,
    known: TrainingRange | None,
) -> Prediction:
    spacing = image.pixel_spacing_mm
    head, mask = measure_head(probability, pixel_spacing_mm=spacing or (1.0, 1.0)), probability > THRESHOLD
    values = appearance(small, native_shape=image.shape)
    if spacing is not None:
        values |= {"pixel_size_mm": (spacing[0] * spacing[1]) ** 0.5, "hc_mm": head.hc_mm}
    age, note = _age(head, chart) if spacing is not None else (None, "no pixel size: lengths in px only")
    flags = find_flags(mask, head.status, known.outside(values) if known else [])
    return Prediction(image=image, mask=mask, head=head, age=age, age_note=note, flags=flags)


def find_flags(mask: NDArray[np.bool_], status: Status, outside: Sequence[str]) -> tuple[str, ...]:
    """What to distrust, in words: no head, several components, cut by the border, unlike the training images.

    ``outside`` is what :meth:`~fetalseg_lib.data.training_range.TrainingRange.outside` finds.
    """
    flags = []
    if status not in (Status.MEASURED, Status.CUT_BY_BORDER):
        flags.append(f"no head ({status})")
    if status == Status.CUT_BY_BORDER:
        flags.append("cut by the border")
    if (components := count_components(mask)) > 1:
        flags.append(f"several components ({components})")
    if outside:
        flags.append(f"outside the training range: {', '.join(outside)}")
    return tuple(flags)


def count_components(mask: NDArray[np.bool_]) -> int:
    """The 4-connected components of a mask ``H W``, specks not counted (see :data:`SPECK`).

    >>> count_components(np.array([[True, False, True]])), count_components(np.zeros((2, 2), bool))
    (2, 0)
    """
    inside = mask.astype(np.uint8)
    left, top, width, height = cv2.boundingRect(inside)
    if not width:
        return 0
    head = inside[top : top + height, left : left + width]
    _, _, stats, _ = cv2.connectedComponentsWithStats(head, connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]  # label 0 is the background
    return int((areas >= SPECK * areas.max()).sum())


def _age(head: HeadMeasurement, chart: GrowthChart) -> tuple[GestationalAge | None, str]:
    if not head.measured:
        return None, "no head"
    try:
        return gestational_age(head.hc_mm, chart=chart, level=LEVEL), ""
    except ValueError:  # the circumference is the only argument that can be at fault here
        return None, f"outside the chart, which tells {chart.first_week:g} to {chart.last_week:g} weeks"
