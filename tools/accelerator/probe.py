"""What a training step costs on this accelerator: time, memory, and both against the U-Net's, in one run.

    python tools/accelerator/probe.py CARRIED.zip -o results/hardware/accelerator.json

Every variant takes the same step: batch 16, forward, loss, backward, Adam. ``plain`` is the float32 loop that
a beginner would write; ``library`` is this library's, in bfloat16 and channels last. Times are medians of
synchronised steps with nothing else on the device; memory is the most that PyTorch held at a time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import graph
import torch
from carry import CACHE, WEIGHTS, unpack
from torch.optim import Adam

from fetalseg_lib.data.cache import open_folder
from fetalseg_lib.data.dataset import SegmentationDataset
from fetalseg_lib.models import build_model, get_variant
from fetalseg_lib.models.weights import WEIGHTS_VARIABLE
from fetalseg_lib.speed import memory_format
from fetalseg_lib.study import records
from fetalseg_lib.training.device import autocast, seed_everything
from fetalseg_lib.training.losses import DiceBCELoss

VARIANTS = (
    "unet",
    "proposed",
    "trainable_encoder",
    "mobilenet_unet",
    "budget",
    "peer_unet",
    "peer_deeplabv3plus",
)
BATCH, WARM_UP, STEPS = 16, 4, 15


def step_costs(variant: str, batch: tuple[torch.Tensor, torch.Tensor], *, plain: bool) -> dict[str, float]:
    """Median ms and peak MiB of a training step, and median ms of a forward pass without gradients.

    The library's step is timed as a CUDA graph too, and the losses of both are compared.
    """
    device = torch.device("cuda")
    layout = torch.contiguous_format if plain else memory_format(device)
    precision = "float32" if plain else "bfloat16"
    seed_everything(0)
    chosen = get_variant(variant)
    options = {"stem": "sum", **chosen.network} if chosen.architecture == "mobilenet" else chosen.network
    model: Any = build_model(variant, encoder_weights="imagenet", **options)
    model = model.to(device=device, memory_format=layout).train()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer, loss_function = Adam(weights, lr=1e-4), DiceBCELoss(pos_weight=2.3)
    images, masks = (part.to(device, memory_format=layout) for part in batch)
    torch.cuda.reset_peak_memory_stats()

    losses: list[float] = []

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with autocast(device, precision):
            loss = loss_function(model(images), masks)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()

    def look() -> None:
        with torch.inference_mode(), autocast(device, precision):
            model(images)

    trained = _median_ms(step)
    peak = torch.cuda.max_memory_allocated() / 2**20
    costs = {"step_ms": trained, "peak_mib": peak, "first_loss": losses[0], "last_loss": losses[-1]}
    if not plain:
        recorded = graph.GraphedStep(
            model, images, masks, loss_function=loss_function, device=device, precision=precision
        )

        def replay() -> None:
            losses.append(recorded(images, masks).item())
            optimizer.step()

        costs["graph_step_ms"] = _median_ms(replay)
        costs["graph_last_loss"] = losses[-1]
    model.eval()
    costs["forward_ms"] = _median_ms(look)
    torch.cuda.empty_cache()
    return {name: round(value, 3) for name, value in costs.items()}


def _median_ms(action: Any) -> float:
    times = []
    for number in range(WARM_UP + STEPS):
        torch.cuda.synchronize()
        started = time.perf_counter()
        action()
        torch.cuda.synchronize()
        if number >= WARM_UP:
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def probe(carried: Path, variants: Sequence[str]) -> dict[str, Any]:
    """Every variant both ways, on the first images of a carried cache."""
    with tempfile.TemporaryDirectory() as name:
        commit = unpack(carried, Path(name))
        os.environ[WEIGHTS_VARIABLE] = str(Path(name) / WEIGHTS)
        cache = open_folder(Path(name) / CACHE)
        batch = SegmentationDataset(cache, range(BATCH)).take(range(BATCH))
        costs = {}
        for variant in variants:
            costs[variant] = {
                "library": step_costs(variant, batch, plain=False),
                "plain": step_costs(variant, batch, plain=True),
            }
            print(variant, costs[variant], flush=True)
    environment = records.describe_environment()
    kept = {name: environment[name] for name in ("gpu", "processor", "packages")}
    return {
        "batch_size": BATCH,
        "image_size": list(cache.image_size),
        "steps": STEPS,
        "git_commit": commit,
        "environment": kept,
        "variants": costs,
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("carried", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", default=VARIANTS)
    options = parser.parse_args()
    records.write_json(options.out, probe(options.carried, options.variants))


if __name__ == "__main__":
    main()
