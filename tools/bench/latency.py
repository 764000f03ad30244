"""Time every network in every runtime on this machine, in turns, in one run.

Each number of threads is a process of its own, so that no runtime keeps another's setting. Within it all
take turns, round by round, so that whatever else the machine does falls on all of them::

    python -m tools.bench.latency -o results/hardware
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fetalseg_lib.study import records
from tools.bench import networks, runtimes

STEM = "runtimes"
REFERENCES = ("unet", "proposed")
"""Each time is also told as a multiple of these, run eagerly."""

_PACKAGES = ("onnx", "onnxruntime", "openvino", "segmentation-models-pytorch")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write ``runtimes.csv`` and, last, ``runtimes.json``, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.latency", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/hardware"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--size", type=int, default=256, help="side of the image (default: 256)")
    parser.add_argument("--networks", nargs="+", default=networks.names(), help="default: all")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        (threads,) = options.threads
        json.dump(measure(options.networks, options.batch, threads, options.rounds, options.size), sys.stdout)
        return
    if min(options.rounds, *options.threads, *options.batch) < 1:
        parser.error("--rounds, --threads, --batch: expected numbers from 1")
    rows = [row for threads in options.threads for row in _in_a_process(options, threads)]
    table = summarize(pd.DataFrame(rows))
    records.write_csv(options.out / f"{STEM}.csv", table, digits=4)
    records.write_json(options.out / f"{STEM}.json", _circumstances(options))
    print(format_table(table))
    for runtime, reason in runtimes.left_out().items():
        print(f"{runtime}: left out, {reason}")


def measure(
    chosen: Sequence[str], batches: Sequence[int], threads: int, rounds: int, size: int
) -> list[dict[str, Any]]:
    """Milliseconds of a forward pass: one row a network, runtime, size of batch and round."""
    import torch

    torch.set_num_threads(threads)
    left_out = runtimes.left_out()
    used = [runtime for runtime in runtimes.RUNTIMES if runtime not in left_out]
    built = {name: networks.build(name) for name in chosen}
    runners = {
        (name, runtime): runtimes.runner(network, runtime, image_size=(size, size), threads=threads)
        for name, network in built.items()
        for runtime in used
    }
    rng = np.random.default_rng(0)
    rows = []
    for batch in batches:
        images = rng.integers(0, 256, (batch, 1, size, size)).astype(np.float32)
        # The first round warms up: memory is fetched, kernels are chosen. It does not count.
        for turn, ((name, runtime), run) in itertools.product(range(rounds + 1), runners.items()):
            start = time.perf_counter()
            run(images)
            milliseconds = 1e3 * (time.perf_counter() - start)
            if turn:
                rows.append(
                    {
                        "network": name,
                        "runtime": runtime,
                        "threads": threads,
                        "batch": batch,
                        "round": turn,
                        "ms": milliseconds,
                    }
                )
    return rows


def summarize(rows: pd.DataFrame) -> pd.DataFrame:
    """Median and quartiles over the rounds, and the median of the ratios to the eager references.

    A ratio is taken round by round, within one number of threads and one size of batch. A reference that was
    not timed leaves its column empty.

    >>> rows = pd.DataFrame({"network": ["unet", "proposed"] * 2, "round": [1, 1, 2, 2]})
    >>> rows = rows.assign(runtime="eager", threads=1, batch=1, ms=[10.0, 5.0, 30.0, 15.0])
    >>> summarize(rows)["to_unet"].to_list()
    [0.5, 1.0]
    """
    keys = ["threads", "batch", "round"]
    for reference in REFERENCES:
        eager = rows[(rows["network"] == reference) & (rows["runtime"] == "eager")]
        times = eager.set_index(keys)["ms"].rename("reference_ms")
        rows = rows.join(times, on=keys)
        rows[f"to_{reference}"] = rows["ms"] / rows.pop("reference_ms")
    groups = rows.groupby(["threads", "batch", "network", "runtime"])
    return groups.agg(
        median_ms=("ms", "median"),
        lower_quartile_ms=("ms", lambda ms: ms.quantile(0.25)),
        upper_quartile_ms=("ms", lambda ms: ms.quantile(0.75)),
        rounds=("ms", "size"),
        **{f"to_{name}": (f"to_{name}", "median") for name in REFERENCES},
    ).reset_index()


def format_table(table: pd.DataFrame) -> str:
    """Milliseconds an image, and in brackets the multiple of the eager U-Net; a block a setting."""
    blocks = []
    each = table["median_ms"] / table["batch"]
    cells = table.assign(
        cell=[f"{ms:.1f} ({ratio:.2f})" for ms, ratio in zip(each, table["to_unet"], strict=True)]
    )
    settings = [
        f"{threads} thread{'s' * (threads > 1)}, batch {batch}"
        for threads, batch in zip(table["threads"], table["batch"], strict=True)
    ]
    for setting, part in cells.groupby(settings, sort=False):
        wide = part.pivot_table(index="network", columns="runtime", values="cell", aggfunc="first")
        order = [runtime for runtime in runtimes.RUNTIMES if runtime in wide]
        blocks.append(f"{setting}: ms an image (multiple of the eager U-Net)\n{wide[order].to_string()}")
    return "\n\n".join(blocks)


def _in_a_process(options: argparse.Namespace, threads: int) -> list[dict[str, Any]]:
    """Measure with so many threads in a process that knows of no other number."""
    command = [sys.executable, "-m", "tools.bench.latency", "--worker"]
    command += ["--rounds", str(options.rounds), "--size", str(options.size), "--threads", str(threads)]
    command += ["--batch", *map(str, options.batch), "--networks", *options.networks]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the benchmark with {threads} threads ended with status {done.returncode}")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def _circumstances(options: argparse.Namespace) -> dict[str, Any]:
    environment = records.describe_environment()
    return {
        "image_size": [options.size, options.size],
        "rounds": options.rounds,
        "left_out": runtimes.left_out(),
        "processor": environment["processor"],
        "cores": environment["cores"],
        "packages": {**environment["packages"], **{name: _version(name) for name in _PACKAGES}},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
