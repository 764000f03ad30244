"""How long one forward pass takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from fetalseg_lib.complexity.modes import evaluating, grey_image


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Median and quartiles of a forward pass in ms, and the circumstances without which they say nothing."""

    median_ms: float
    lower_quartile_ms: float
    upper_quartile_ms: float
    repeats: int
    batch_size: int
    image_size: tuple[int, int]
    device: str
    threads: int


def measure_latency(
    model: nn.Module,
    *,
    image_size: tuple[int, int] = (256, 256),
    batch_size: int = 1,
    threads: int = 1,
    warmup: int = 3,
    repeats: int = 20,
) -> Latency:
    """Time ``repeats`` forward passes without gradients, after ``warmup`` passes that do not count.

    Runs where the model lies, with ``threads`` processor threads (the setting is restored). Raises
    ``ValueError`` where ``threads`` or ``repeats`` is below one or ``warmup`` below zero.

    >>> latency = measure_latency(nn.Sequential(nn.Conv2d(1, 1, 3)), image_size=(8, 8), repeats=5)
    >>> 0 < latency.lower_quartile_ms <= latency.median_ms <= latency.upper_quartile_ms
    True
    """
    if threads < 1 or repeats < 1 or warmup < 0:
        raise ValueError(
            f"threads, repeats, warmup: expected at least 1, 1 and 0; got {threads}, {repeats} and {warmup}"
        )
    image = grey_image(model, image_size, batch=batch_size)
    milliseconds = []
    with evaluating(model), torch.inference_mode(), _threads(threads):
        for _ in range(warmup + repeats):
            _wait_for(image.device)
            start = time.perf_counter()
            model(image)
            _wait_for(image.device)
            milliseconds.append(1e3 * (time.perf_counter() - start))
    lower, median, upper = np.percentile(milliseconds[warmup:], [25, 50, 75])
    return Latency(
        median_ms=float(median),
        lower_quartile_ms=float(lower),
        upper_quartile_ms=float(upper),
        repeats=repeats,
        batch_size=batch_size,
        image_size=image_size,
        device=str(image.device),
        threads=threads,
    )


@contextmanager
def _threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _wait_for(device: torch.device) -> None:
    """A GPU works on after the call has returned."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
