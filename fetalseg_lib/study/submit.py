"""The HC18 challenge's hidden test images, measured by a trained network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from torch import nn
from tqdm import tqdm

from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.evaluation.biometry import HeadMeasurement, measure_head
from fetalseg_lib.models import build_model
from fetalseg_lib.study.evaluate import predict_native
from fetalseg_lib.training.checkpoint import load_weights, read_metadata
from fetalseg_lib.training.device import pick_device, pick_precision


def load_trained(weights: Path) -> tuple[nn.Module, tuple[int, int]]:
    """The network of a run's ``weights.safetensors`` and the input size ``(H, W)`` it was trained at.

    The file carries the run's configuration; no other file is needed. Raises ``ValueError`` for a file
    without one.
    """
    metadata = read_metadata(weights)
    if "config" not in metadata:
        raise ValueError(f"{weights}: expected weights that `fetalseg train` wrote, got others")
    config = json.loads(metadata["config"])
    # Every weight is in the file, so none has to be fetched first.
    model = build_model(config["variant"], encoder_weights="random", **config["network"])
    load_weights(model, weights)
    height, width = config["image_size"]
    return model, (int(height), int(width))


def measure_images(
    model: nn.Module,
    samples: Sequence[Sample],
    *,
    image_size: tuple[int, int],
    device: str = "auto",
    progress: bool = True,
) -> dict[str, HeadMeasurement]:
    """The head of every sample by file name, measured at native resolution."""
    chosen = pick_device(device)
    precision = pick_precision("auto", chosen)
    found = {}
    for sample in tqdm(samples, desc="measuring", unit="image", disable=not progress):
        small = resize_image(sample.image, image_size)[None]
        (probability,) = predict_native(model, small, [sample.shape], device=chosen, precision=precision)
        spacing = (sample.pixel_size_mm, sample.pixel_size_mm)
        found[sample.name] = measure_head(probability, pixel_spacing_mm=spacing)
    return found
