"""Turn one knob at a time on the same heads, predict, and keep one row an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from fetalseg_book.studies.robustness.degrade import IMAGE_KNOBS, degrade
from fetalseg_lib.apply.prediction.measure import Prediction, predict_images
from fetalseg_lib.apply.reading.image_file import GrayImage
from fetalseg_lib.apply.trained import TrainedNetwork
from fetalseg_lib.data import phantom
from fetalseg_lib.data.phantom import KNOBS, Severity
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.evaluation.metrics import dice, overlap_counts
from fetalseg_lib.growth import INTERGROWTH_21ST

USUAL = "usual"
"""The knob's name where none is turned."""

LEVELS = (0.5, 1.0)
"""The severities of each knob, beside 0, which is the same image for all knobs."""

_BATCH = 10


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One knob turned to one severity; ``USUAL`` and 0 stand for the image as it is."""

    knob: str = USUAL
    level: float = 0.0

    @property
    def severity(self) -> Severity:
        """As the phantom module takes it."""
        return Severity() if self.knob == USUAL else Severity(**{self.knob: self.level})


def conditions(knobs: Sequence[str], levels: Sequence[float] = LEVELS) -> list[Condition]:
    """The images as they are, then every knob at every level, one at a time.

    >>> [(c.knob, c.level) for c in conditions(["gain", "blur"], [1.0])]
    [('usual', 0.0), ('gain', 1.0), ('blur', 1.0)]
    """
    turned = [Condition(knob=knob, level=float(level)) for knob in knobs for level in levels]
    return [Condition(), *turned]


def measure_real(
    trained: TrainedNetwork, samples: Sequence[Sample], *, progress: bool = False
) -> pd.DataFrame:
    """Lay each of ``IMAGE_KNOBS`` over labelled images and measure; rows as of :func:`measure_phantoms`.

    An image has the same shadows and grains at every severity, and others than the next image.
    """
    rows: list[dict[str, object]] = []
    for condition in tqdm(conditions(IMAGE_KNOBS), desc="real", disable=not progress):
        images = [degrade(sample.image, condition.severity, seed=row) for row, sample in enumerate(samples)]
        rows += _measure(trained, images, samples, condition, kind="real")
    return pd.DataFrame(rows)


def measure_phantoms(
    trained: TrainedNetwork,
    n: int,
    *,
    seed: int,
    size: tuple[int, int] = (540, 800),
    progress: bool = False,
) -> pd.DataFrame:
    """Draw the same ``n`` phantoms at every severity of all ``KNOBS``, predict and measure them.

    One row an image and condition: ``kind`` (``"real"`` or ``"phantom"``), ``knob``, ``severity``, ``name``,
    ``exam``, ``dice``, ``failed``, ``status``, ``hc_mm`` (0 where no head was found), ``hc_reference_mm``,
    ``hc_error_mm`` and ``flags``, the warnings of the prediction, empty where there is none.
    """
    rows: list[dict[str, object]] = []
    for condition in tqdm(conditions(KNOBS), desc="phantoms", disable=not progress):
        drawn = list(phantom.generate(n, seed=seed, size=size, severity=condition.severity))
        rows += _measure(trained, [sample.image for sample in drawn], drawn, condition, kind="phantom")
    return pd.DataFrame(rows)


def _measure(
    trained: TrainedNetwork,
    images: Sequence[NDArray[np.uint8]],
    samples: Sequence[Sample],
    condition: Condition,
    *,
    kind: str,
) -> Iterator[dict[str, object]]:
    for start in range(0, len(samples), _BATCH):
        batch = samples[start : start + _BATCH]
        given = [
            GrayImage(
                pixels=image,
                pixel_spacing_mm=(sample.pixel_size_mm, sample.pixel_size_mm),
                sha256="",
            )
            for image, sample in zip(images[start : start + _BATCH], batch, strict=True)
        ]
        found = predict_images(
            trained, given, chart=INTERGROWTH_21ST, device=torch.device("cpu"), precision="float32"
        )
        for sample, prediction in zip(batch, found, strict=True):
            yield {
                "kind": kind,
                "knob": condition.knob,
                "severity": condition.level,
                **judge(prediction, sample),
            }


def judge(prediction: Prediction, sample: Sample) -> dict[str, object]:
    """What a prediction is worth beside the sample's own mask and circumference, and what it warns of.

    Raises ``ValueError`` for a sample without a mask or a circumference.
    """
    if sample.mask is None or sample.hc_mm is None:
        raise ValueError(f"{sample.name}: expected a mask and a circumference to judge by, got none")
    head = prediction.head
    hc_mm = head.hc_mm if head.measured else 0.0
    return {
        "name": sample.name,
        "exam": sample.exam,
        "dice": dice(overlap_counts(prediction.mask, sample.mask)),
        "failed": not head.measured,
        "status": head.status.value,
        "hc_mm": hc_mm,
        "hc_reference_mm": sample.hc_mm,
        "hc_error_mm": hc_mm - sample.hc_mm,
        "flags": "; ".join(prediction.flags),
    }
