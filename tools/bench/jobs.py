"""Trainings in processes of their own: side by side, and for the memory that one takes at most."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from fetalseg_lib.study.records import describe_environment
from tools.bench.pace import OwnTraining, Plan

Found = dict[str, float]
"""What a job tells: ``images_per_second`` and ``peak_memory_mb``."""


def side_by_side(variants: Sequence[str], plan: Plan, *, size: int, threads: int) -> list[Found]:
    """Train each of ``variants`` in a process of ``threads`` threads, all timed over the same seconds.

    Raises ``RuntimeError`` where a process fails.
    """
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(len(variants))
    found: Any = context.SimpleQueue()
    jobs = [
        context.Process(target=_job, args=(variant, plan, size, threads, start, found))
        for variant in variants
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    if failed := [job.exitcode for job in jobs if job.exitcode]:
        raise RuntimeError(f"a training in its own process ended with exit code {failed[0]}; see above")
    return [found.get() for _ in jobs]


def _job(variant: str, plan: Plan, size: int, threads: int, start: Any, found: Any) -> None:
    torch.set_num_threads(threads)
    try:
        with tempfile.TemporaryDirectory() as folder:
            training = OwnTraining(variant, plan, size, Path(folder))
            start.wait()
            rounds = [training.epoch(number) for number in range(1, 1 + plan.rounds)]
            start.wait()  # until all have ended: none leaves its core to another
    except BaseException:
        start.abort()  # else the others would wait for ever
        raise
    pace = sum(one.images for one in rounds) / sum(one.seconds for one in rounds)
    found.put({"images_per_second": pace, "peak_memory_mb": describe_environment()["peak_memory_mb"]})
