"""What each network of a study costs: parameters, operations and milliseconds, timed in turns in one run.

The answer's table takes its costs from here. Nothing else should run meanwhile::

    python -m tools.bench.costs --profile crossval -o results/crossval/hc18
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from torch import nn

from fetalseg_book.complexity import count_flops
from fetalseg_book.studies.answer import COSTS
from fetalseg_book.studies.costs import measure_latency
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import build_model
from fetalseg_lib.study import records
from fetalseg_lib.study.profile import load_profile


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write ``OUT/tables/costs.csv``, and print it."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.costs", description=__doc__)
    parser.add_argument("--profile", default="crossval")
    parser.add_argument("-o", "--out", type=Path, default=Path("results/crossval/hc18"))
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    profile = load_profile(options.profile)
    table = costs(profile.variants, profile.image_size, rounds=options.rounds)
    records.write_csv(options.out / "tables" / COSTS, table, digits=6)
    print(table.to_string(index=False))


def costs(variants: Sequence[str], image_size: tuple[int, int], *, rounds: int = 9) -> pd.DataFrame:
    """One row a variant; ``latency_ms`` is the median over rounds, on one thread, an image at a time.

    In each round every network has its turn, so that whatever else the machine does falls on all of them.

    >>> costs(["unet"], (64, 64), rounds=1).trainable[0]
    np.int64(7762465)
    """
    built: dict[str, nn.Module] = {
        name: build_model(name, encoder_weights="random").eval() for name in variants
    }
    times: dict[str, list[float]] = {name: [] for name in built}
    for _ in range(rounds):
        for name, model in built.items():
            times[name].append(measure_latency(model, image_size=image_size, warmup=1, repeats=3).median_ms)
    return pd.DataFrame([_row(name, model, image_size, times[name]) for name, model in built.items()])


def _row(name: str, model: nn.Module, image_size: tuple[int, int], times: list[float]) -> dict[str, object]:
    parameters, trainable = count_parameters(model)
    lower, median, upper = pd.Series(times).quantile([0.25, 0.5, 0.75])
    return {
        "variant": name,
        "parameters": parameters,
        "trainable": trainable,
        "gflops": count_flops(model, image_size=image_size)["flops"].sum() / 1e9,
        "latency_ms": median,
        "latency_q1_ms": lower,
        "latency_q3_ms": upper,
        "image_size": "x".join(map(str, image_size)),
        "threads": 1,
        "rounds": len(times),
    }


if __name__ == "__main__":
    main()
