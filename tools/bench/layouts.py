"""Time a training step in both memory layouts, turn by turn, on this machine's processor.

``python -m tools.bench.layouts -o results/hardware`` says whether what
:func:`~fetalseg_lib.speed.memory_format` chooses is the faster one here.
Both go the fast way that a training goes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fetalseg_lib.models import build_model
from fetalseg_lib.speed import fast_gradients, freed_memory_kept
from fetalseg_lib.study.records import describe_environment, write_json
from fetalseg_lib.training.device import deterministic
from fetalseg_lib.training.losses import DiceBCELoss
from tools.bench.pace import Plan, limits

FILE = "layouts.json"
VARIANTS = ("proposed", "trainable_encoder", "small_network", "unet")
SIZES = (64, 128, 256)
WARM_UP = Plan.warm_up
"""Steps before the timed ones: until then memory is still asked from the system."""

LAYOUTS: Mapping[str, torch.memory_format] = {
    "channels_last": torch.channels_last,
    "plain": torch.contiguous_format,
}


def measure(
    *, sizes: Sequence[int] = SIZES, batch_size: int = 8, rounds: int = 3, threads: int = 1
) -> dict[str, Any]:
    """Seconds a float32 step takes in each layout, as medians, and the ratio of the two in each round."""
    torch.set_num_threads(threads)
    steps: dict[str, dict[str, Any]] = {}
    for size, variant in itertools.product(sizes, VARIANTS):
        steps.setdefault(str(size), {})[variant] = _at_size(variant, size, batch_size, rounds)
    environment = describe_environment()
    return {
        "step_seconds": steps,
        "batch_size": batch_size,
        "rounds": rounds,
        "threads": threads,
        **limits(),
        **{name: environment[name] for name in ("processor", "cores", "packages", "git_commit")},
    }


def _at_size(variant: str, size: int, batch_size: int, rounds: int) -> dict[str, Any]:
    images = torch.rand(batch_size, 1, size, size)
    models = {
        name: build_model(variant, encoder_weights="random").train().to(memory_format=layout)
        for name, layout in LAYOUTS.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in LAYOUTS}
    cpu = torch.device("cpu")
    with deterministic(cpu), freed_memory_kept(), ExitStack() as ways:
        for model in models.values():
            ways.enter_context(fast_gradients(model, cpu))
        for _ in range(WARM_UP + rounds):
            for name, model in models.items():
                taken[name].append(_step_seconds(model, images.contiguous(memory_format=LAYOUTS[name])))
    seconds = {name: np.array(values[WARM_UP:]) for name, values in taken.items()}
    ratio = seconds["channels_last"] / seconds["plain"]
    return {
        **{name: float(np.median(values)) for name, values in seconds.items()},
        "channels_last_to_plain": {
            "median": float(np.median(ratio)),
            "least": float(ratio.min()),
            "most": float(ratio.max()),
        },
    }


def _step_seconds(model: nn.Module, images: torch.Tensor) -> float:
    """One forward and one backward pass; what Adam adds is the same in both layouts."""
    model.zero_grad(set_to_none=True)
    started = time.perf_counter()
    DiceBCELoss()(model(images), images.round()).backward()
    return time.perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write ``layouts.json`` and print it."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.layouts", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/hardware"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    options = parser.parse_args(arguments)
    if options.rounds < 1 or any(size < 32 or size % 32 for size in options.sizes):
        parser.error("expected at least one round, and sizes that are multiples of 32")
    found = measure(sizes=options.sizes, rounds=options.rounds)
    write_json(options.out / FILE, found)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
