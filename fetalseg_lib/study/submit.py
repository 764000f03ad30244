"""The HC18 challenge's hidden test images, measured by a trained network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn
from tqdm import tqdm

from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.evaluation.biometry import HeadMeasurement, measure_head
from fetalseg_lib.study.evaluate import predict_native
from fetalseg_lib.study.trained import read_network
from fetalseg_lib.training.device import pick_device


def load_trained(weights: Path) -> tuple[nn.Module, tuple[int, int]]:
    """The network of a run's ``weights.safetensors`` and the input size ``(H, W)`` it was trained at.

    Raises what :func:`~fetalseg_lib.study.trained.read_network` raises.
    """
    trained = read_network(weights)
    return trained.model, trained.image_size


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
    found = {}
    for sample in tqdm(samples, desc="measuring", unit="image", disable=not progress):
        small = resize_image(sample.image, image_size)[None]
        (probability,) = predict_native(model, small, [sample.shape], device=chosen)
        spacing = (sample.pixel_size_mm, sample.pixel_size_mm)
        found[sample.name] = measure_head(probability, pixel_spacing_mm=spacing)
    return found
