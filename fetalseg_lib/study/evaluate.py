"""Score a network on whole images: predict small, map back to native pixels, measure in millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from fetalseg_lib.data.cache import Cache
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.evaluation.biometry import HeadMeasurement, measure_head
from fetalseg_lib.evaluation.metrics import segmentation_metrics
from fetalseg_lib.speed import memory_format
from fetalseg_lib.training.device import autocast, pick_device

PRECISION = "float32"
"""In which heads are measured, whatever the hardware is faster in: in bfloat16 they are other heads, by up to
a millimetre."""


MOST_PIXELS = 16 * 512**2
"""Of the images that go through a network at once: a batch of larger ones is taken apart."""


def evaluate(
    model: nn.Module,
    cache: Cache,
    rows: Sequence[int],
    *,
    device: torch.device,
    precision: str = PRECISION,
    batch_size: int = 16,
) -> pd.DataFrame:
    """One row per image: overlap and distances at native resolution, and the head's measurement.

    ``rows`` are positions in the cache. A head that could not be measured is marked ``failed`` and counts
    as a circumference of 0 mm: an error as large as the head, not a gap in the mean. Of these ``one_empty``
    has the empty masks: 1 where one mask is empty and the other is not.
    """
    records = []
    for start in range(0, len(rows), batch_size):
        chosen = list(rows[start : start + batch_size])
        index = cache.index.iloc[chosen]
        shapes = list(zip(index["native_height"], index["native_width"], strict=True))
        images = np.asarray(cache.images[chosen])
        native = predict_native(model, images, shapes, device=device, precision=precision)
        for row, probability in zip(chosen, native, strict=True):
            records.append(_record(cache.index.iloc[row], probability, cache.native_mask(row)))
    return pd.DataFrame(records)


def _record(image: pd.Series, probability: NDArray[np.float32], mask: NDArray[np.bool_]) -> dict[str, Any]:
    pixel_size = float(image["pixel_size_mm"])
    spacing = (pixel_size, pixel_size)
    head = measure_head(probability, pixel_spacing_mm=spacing)
    hc_mm, reference_mm = head.hc_mm if head.measured else 0.0, float(image["hc_mm"])
    ellipse = ("center_x", "center_y", "semi_major", "semi_minor", "angle")
    return {
        "name": image["name"],
        "exam": int(image["exam"]),
        "pixel_size_mm": pixel_size,
        **segmentation_metrics(probability > 0.5, mask, pixel_spacing_mm=spacing),
        "failed": not head.measured,
        "hc_mm": hc_mm,
        "hc_reference_mm": reference_mm,
        "hc_error_mm": hc_mm - reference_mm,
        "status": head.status.value,
        **{f"ellipse_{name}": getattr(head.ellipse_px, name, np.nan) for name in ellipse},
    }


def predict_native(
    model: nn.Module,
    images: NDArray[np.uint8],
    shapes: Sequence[tuple[int, int]],
    *,
    device: torch.device,
    precision: str = PRECISION,
) -> list[NDArray[np.float32]]:
    """Head probability of each image at its native shape ``(H0, W0)``, from images ``B H W``."""
    probabilities = predict(model, images, device=device, precision=precision)
    return [to_native(probability, shape) for probability, shape in zip(probabilities, shapes, strict=True)]


def predict(
    model: nn.Module, images: NDArray[np.uint8], *, device: torch.device, precision: str = PRECISION
) -> Tensor:
    """Head probability at the network's size, ``B 1 H W`` in [0, 1] on the CPU, from images ``B H W``.

    So many images go through the network at once as :data:`MOST_PIXELS` allows, but always one.
    """
    layout = memory_format(device)
    was_training = model.training
    # The layout decides the order of sums: the same one as in training gives the same bits.
    model.eval().to(device=device, memory_format=layout)  # type: ignore[call-overload]
    with torch.inference_mode(), autocast(device, precision):
        parts, at_once = [], max(1, MOST_PIXELS // (images.shape[1] * images.shape[2]))
        for part in torch.split(torch.from_numpy(images), at_once):
            batch = part.unsqueeze(1).to(device, torch.float32) / 255  # (B, 1, H, W)
            logits = model(batch.contiguous(memory_format=layout))  # (B, 1, H, W)
            parts.append(logits.float().sigmoid().cpu())
    model.train(was_training)
    return torch.cat(parts)


def to_native(probability: Tensor, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Bring one probability map ``1 H W`` back to its image's own shape, ``H0 W0``.

    The network's squeezed output is interpolated bilinearly, pixel centre to pixel centre, so that a length
    keeps its true aspect.
    """
    size = (int(shape[0]), int(shape[1]))
    native = F.interpolate(
        probability[None], size=size, mode="bilinear", align_corners=False
    )  # (1, 1, H0, W0)
    found: NDArray[np.float32] = native[0, 0].numpy()
    return found


def measure_images(
    model: nn.Module,
    samples: Sequence[Sample],
    *,
    image_size: tuple[int, int],
    device: str = "auto",
    progress: bool = True,
) -> dict[str, HeadMeasurement]:
    """The head of every sample by file name, measured at native resolution: HC18's test images, say."""
    chosen = pick_device(device)
    found = {}
    for sample in tqdm(samples, desc="measuring", unit="image", disable=not progress):
        small = resize_image(sample.image, image_size)[None]
        (probability,) = predict_native(model, small, [sample.shape], device=chosen)
        spacing = (sample.pixel_size_mm, sample.pixel_size_mm)
        found[sample.name] = measure_head(probability, pixel_spacing_mm=spacing)
    return found
