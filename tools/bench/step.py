"""How much faster a step of a training is by what is done for speed alone, network by network.

In each round every network takes its turn twice: plainly, and with :func:`~fetalseg_lib.speed.fast_gradients`
and the fused optimizer. A ratio is taken within its round. Nothing else should run meanwhile::

    python -m tools.bench.step -o results/hardware
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch.optim import Adam

from fetalseg_lib.models import build_model
from fetalseg_lib.speed import fast_gradients, freed_memory_kept
from fetalseg_lib.study import records
from fetalseg_lib.training.device import autocast, pick_precision
from fetalseg_lib.training.losses import DiceBCELoss

NETWORKS = ("small_network", "trainable_encoder", "proposed", "unet")
BATCH, STEPS = 16, 3
CPU = torch.device("cpu")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write ``steps.csv``, and print it."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.step", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/hardware"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, nargs="+", default=[128, 256], help="sides of the image, in px")
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    words = "auto, float32, bfloat16: a processor without AMX may be faster in float32 (default: auto)"
    parser.add_argument("--precision", nargs="+", default=["auto"], help=words)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    precisions = [pick_precision(name, CPU) for name in options.precision]
    with freed_memory_kept():
        table = pd.concat(
            [
                measure(options.networks, side, options.rounds, precision=precision)
                for side in options.size
                for precision in precisions
            ]
        )
    records.write_csv(options.out / "steps.csv", table, digits=4)
    print(table.to_string(index=False))


def measure(networks: Sequence[str], side: int, rounds: int, *, precision: str) -> pd.DataFrame:
    """Images a second of each network, plainly and fast, and the ratio: medians over the rounds."""
    rows = []
    for name in networks:
        plain, fast = [], []
        for _ in range(rounds):
            plain.append(_pace(name, side, precision, fast=False))
            fast.append(_pace(name, side, precision, fast=True))
        paces = pd.DataFrame({"plain": plain, "fast": fast})
        ratios = paces["fast"] / paces["plain"]
        low, middle, high = ratios.quantile([0.25, 0.5, 0.75])
        rows.append(
            {
                "network": name,
                "side_px": side,
                "precision": precision,
                "plain_per_s": paces["plain"].median(),
                "fast_per_s": paces["fast"].median(),
                "ratio": middle,
                "ratio_q1": low,
                "ratio_q3": high,
                "rounds": rounds,
            }
        )
    return pd.DataFrame(rows)


def _pace(name: str, side: int, precision: str, *, fast: bool) -> float:
    with _step(name, side, precision, fast=fast) as step:
        step()  # kernels are chosen and memory is taken
        start = time.perf_counter()
        for _ in range(STEPS):
            step()
        return STEPS * BATCH / (time.perf_counter() - start)


@contextlib.contextmanager
def _step(name: str, side: int, precision: str, *, fast: bool) -> Iterator[Callable[[], None]]:
    """A step of a training as :mod:`fetalseg_lib.training.epoch` takes it."""
    torch.manual_seed(0)
    model = build_model(name, encoder_weights="random").to(memory_format=torch.channels_last).train()
    images = torch.rand(BATCH, 1, side, side).to(memory_format=torch.channels_last)
    masks = (torch.rand(BATCH, 1, side, side) > 0.5).float()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = Adam(trained, weight_decay=1e-5, fused=fast or None)
    loss_function = DiceBCELoss(pos_weight=2.3)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with autocast(CPU, precision):
            loss = loss_function(model(images), masks)
        loss.backward()
        optimizer.step()

    with fast_gradients(model, CPU) if fast else contextlib.nullcontext():
        yield step


if __name__ == "__main__":
    main()
