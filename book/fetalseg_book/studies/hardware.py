"""Time the two networks in turns on this machine, for the claims that name a graphics card.

The ratio is what can be compared between machines, so it is taken round by round and any other load of
the machine falls on both::

    python -m fetalseg_book.studies.hardware --out results/hardware
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fetalseg_book.audit.evidence import HARDWARE
from fetalseg_book.studies.costs import measure_latency
from fetalseg_lib.models import build_model
from fetalseg_lib.study.records import describe_environment, write_json

VARIANTS = ("unet", "proposed")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write ``latency.json``."""
    parser = argparse.ArgumentParser(prog="python -m fetalseg_book.studies.hardware", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("results", *HARDWARE.parts[:-1]))
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(arguments)
    write_json(options.out / HARDWARE.name, measure_side_by_side(rounds=options.rounds))


def measure_side_by_side(
    *, rounds: int = 15, image_size: tuple[int, int] = (256, 256), threads: int = 1
) -> dict[str, Any]:
    """Median forward pass of ``unet`` and ``proposed`` in ms, and the median over rounds of their ratio.

    >>> 0 < measure_side_by_side(rounds=1, image_size=(32, 32))["proposed_to_unet"]
    True
    """
    if rounds < 1:
        raise ValueError(f"rounds: expected at least 1, got {rounds}")
    models = {name: build_model(name, encoder_weights="random") for name in VARIANTS}
    times = np.array(
        [
            [
                measure_latency(
                    models[name], image_size=image_size, threads=threads, warmup=1, repeats=3
                ).median_ms
                for name in VARIANTS
            ]
            for _ in range(rounds)
        ]
    )
    lower, median, upper = np.percentile(times, [25, 50, 75], axis=0)
    environment = describe_environment()
    return {
        "latency": {
            name: {
                "median_ms": float(median[k]),
                "lower_quartile_ms": float(lower[k]),
                "upper_quartile_ms": float(upper[k]),
            }
            for k, name in enumerate(VARIANTS)
        },
        "proposed_to_unet": float(np.median(times[:, 1] / times[:, 0])),
        "rounds": rounds,
        "image_size": list(image_size),
        "threads": threads,
        "processor": environment["processor"],
        "packages": environment["packages"],
    }


if __name__ == "__main__":
    main()
