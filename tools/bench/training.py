"""Time the training on this machine: the note's network, the U-Net and a peer, and a beginner's loop.

All take turns, round by round, so that whatever else the machine does falls on all of them::

    python -m tools.bench.training -o results/hardware
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fetalseg_book.studies.costs import training_memory_mb
from fetalseg_lib.models import build_model
from fetalseg_lib.study.records import describe_environment, write_json
from fetalseg_lib.training.config import PRECISIONS
from fetalseg_lib.training.device import pick_precision
from tools.bench.jobs import side_by_side
from tools.bench.pace import (
    CPU,
    BeginnersTraining,
    OwnTraining,
    Plan,
    limits,
    matrix_gflops,
    training_gflop,
)

FILE = "training.json"
VARIANTS = ("proposed", "trainable_encoder", "unet", "peer_unet")
"""The peer's encoder is trained along, so the note's network is timed with its encoder frozen and trained."""

BEGINNER = "proposed, beginner's loop"
QUICK = Plan(sizes=(32,), batch_size=2, steps=1, warm_up=1, rounds=1, native_size=(54, 80), matrix=64)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write ``training.json`` and print it."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.training", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/hardware"))
    parser.add_argument("--rounds", type=int, default=Plan.rounds)
    parser.add_argument("--threads", type=int, default=Plan.threads)
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="auto", help="of all but the beginner's loop"
    )
    parser.add_argument(
        "--quick", action="store_true", help="seconds, on tiny images: the numbers mean nothing"
    )
    options = parser.parse_args(arguments)
    given = {"rounds": options.rounds, "threads": options.threads, "precision": options.precision}
    try:
        plan = QUICK if options.quick else Plan(**given)
    except ValueError as error:
        parser.error(str(error))
    found = measure(plan)
    write_json(
        options.out / (FILE if options.precision == "auto" else f"training_{options.precision}.json"), found
    )
    print(json.dumps(found, indent=2))


def measure(plan: Plan) -> dict[str, Any]:
    """Everything that ``training.json`` holds; the keys say what and in which unit."""
    memory = _memory(plan)  # first: a process inherits the peak of the one that starts it
    jobs = _jobs(plan)
    torch.set_num_threads(plan.threads)
    with tempfile.TemporaryDirectory() as folder:
        paces = {str(size): _at_size(plan, size, Path(folder)) for size in plan.sizes}
    environment = describe_environment()
    return {
        "training": paces,
        "jobs": jobs,
        "memory": memory,
        "batch_size": plan.batch_size,
        "rounds": plan.rounds,
        "threads": plan.threads,
        **limits(),
        "precision": pick_precision(plan.precision, CPU),
        **{name: environment[name] for name in ("processor", "cores", "packages", "git_commit")},
    }


def _at_size(plan: Plan, size: int, folder: Path) -> dict[str, Any]:
    """Every training in turns at one size, and the machine's own peak in every round."""
    pngs = folder / f"png-{size}"
    pngs.mkdir()
    trainings: dict[str, OwnTraining | BeginnersTraining] = {
        variant: OwnTraining(variant, plan, size, folder) for variant in VARIANTS
    }
    trainings[BEGINNER] = BeginnersTraining("proposed", plan, size, pngs)
    gflop = {name: training_gflop(training.model, size) for name, training in trainings.items()}
    precision = pick_precision(plan.precision, CPU)
    peak, pace, loading = [], {name: list[float]() for name in trainings}, list[float]()
    for number in range(plan.rounds):
        found = {name: training.epoch(number) for name, training in trainings.items()}
        peak.append(matrix_gflops(plan.matrix, precision=precision))
        for name, one in found.items():
            pace[name].append(one.images / one.seconds)
        loading.append(found["proposed"].loading_seconds / found["proposed"].seconds)
    speed = {name: np.array(values) for name, values in pace.items()}
    return {
        "matrix_product_gflops": _spread(peak),
        "images_per_second": {name: _spread(values) for name, values in speed.items()},
        "gflop_per_image": gflop,
        "share_of_matrix_product": {
            name: _spread(values * gflop[name] / np.array(peak)) for name, values in speed.items()
        },
        "proposed_to_beginner": _spread(speed["proposed"] / speed[BEGINNER]),
        "per_flop_to_peer": {name: _spread(_per_flop(speed, gflop, name)) for name in VARIANTS[:3]},
        "loading_share": _spread(loading),
        "convolution_share": {
            name: training.convolution_share(plan.rounds)
            for name, training in trainings.items()
            if isinstance(training, OwnTraining)
        },
    }


def _per_flop(speed: Mapping[str, Any], gflop: Mapping[str, float], name: str) -> Any:
    """Operations a second of a training over those of the peer's."""
    return speed[name] * gflop[name] / (speed["peer_unet"] * gflop["peer_unet"])


def _jobs(plan: Plan) -> dict[str, float]:
    """Images a second of one job, of two side by side, and of one that has both threads."""
    size = plan.sizes[0]

    def pace(jobs: int, threads: int) -> float:
        found = side_by_side(["proposed"] * jobs, plan, size=size, threads=threads)
        return sum(job["images_per_second"] for job in found)

    alone, beside, both = pace(1, 1), pace(2, 1), pace(1, 2)
    return {
        "size": size,
        "one_job_of_one_thread": alone,
        "two_jobs_of_one_thread": beside,
        "one_job_of_two_threads": both,
        "two_jobs_to_twice_one": beside / (2 * alone),
        "two_jobs_to_one_of_two_threads": beside / both,
    }


def _memory(plan: Plan) -> dict[str, dict[str, float]]:
    """What a training takes at its peak, and what of it the backward pass keeps (counted, in float32)."""
    size, found = plan.sizes[-1], {}
    for variant in ("proposed", "trainable_encoder"):
        (job,) = side_by_side([variant], plan, size=size, threads=1)
        model = build_model(variant, encoder_weights="random").to("meta")  # shapes are enough to count
        kept = training_memory_mb(model, image_size=(size, size), batch_size=plan.batch_size)
        found[variant] = {
            "size": size,
            "process_peak_mb": job["peak_memory_mb"],
            "kept_for_backward_mb": kept,
        }
    return found


def _spread(values: Any) -> dict[str, float]:
    lower, median, upper = np.percentile(values, [25, 50, 75])
    return {"median": float(median), "lower_quartile": float(lower), "upper_quartile": float(upper)}


if __name__ == "__main__":
    main()
