"""How many images a second a training takes in, and what share of the machine's arithmetic that is."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from fetalseg_book.complexity import evaluating, grey_image
from fetalseg_lib.data import cache, phantom
from fetalseg_lib.data.augment import build_augmentation
from fetalseg_lib.data.dataset import SegmentationDataset, batches
from fetalseg_lib.models import build_model
from fetalseg_lib.speed import freed_memory_kept
from fetalseg_lib.training.config import TrainingConfig
from fetalseg_lib.training.device import deterministic, pick_precision
from fetalseg_lib.training.epoch import train_one_epoch
from fetalseg_lib.training.losses import DiceBCELoss
from tools.bench import beginner

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured: in each of ``rounds`` every training makes ``steps`` steps at every size.

    Before them come ``warm_up`` steps that are not timed: until then a training still asks the system for
    memory, which it later keeps. ``sizes`` are sides of the network's input, ``native_size`` is that of the
    images before, both in px; ``matrix`` is the side of the matrices whose product tells what the machine can
    do.
    """

    sizes: tuple[int, ...] = (128, 256)
    batch_size: int = 16
    steps: int = 2
    warm_up: int = 3
    rounds: int = 5
    threads: int = 1
    precision: str = "auto"
    native_size: tuple[int, int] = (540, 800)
    matrix: int = 2048

    def __post_init__(self) -> None:
        for name in ("batch_size", "steps", "warm_up", "rounds", "threads", "matrix"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if not self.sizes or any(size < 32 or size % 32 for size in self.sizes):
            raise ValueError(f"sizes: expected multiples of 32, got {self.sizes}")


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The timed steps of a round: how many images, how long, and how much of that was waiting for them."""

    images: int
    seconds: float
    loading_seconds: float = 0.0


class OwnTraining:
    """A variant trained as the study trains it: cached images, the fastest layout and precision."""

    def __init__(self, variant: str, plan: Plan, size: int, folder: Path) -> None:
        self.plan = plan
        self.model = build_model(variant, encoder_weights="random")
        self.optimizer = _adam(self.model)
        self.precision = pick_precision(plan.precision, CPU)
        images = cache.build(phantoms(plan), image_size=(size, size), directory=folder)
        self.dataset = SegmentationDataset(images, range(len(images)), augment=build_augmentation())

    def epoch(self, number: int) -> Pace:
        """Train on all images once."""
        timed = self._timed(number)
        self._train(timed)
        return timed.pace()

    def convolution_share(self, number: int) -> float:
        """Train on all images once more; which part of the time went into convolutions, both ways."""
        timed = self._timed(number)
        with _Convolutions(timed) as convolutions:
            self._train(timed)
        spent: float = convolutions.seconds
        return spent / timed.pace().seconds

    def _timed(self, number: int) -> _Timed:
        given = batches(self.dataset, batch_size=self.plan.batch_size, seed=0, epoch=number, shuffle=True)
        return _Timed(given, self.plan)

    def _train(self, given: _Timed) -> None:
        with deterministic(CPU), freed_memory_kept():
            train_one_epoch(
                self.model,
                given,
                loss_function=DiceBCELoss(),
                optimizer=self.optimizer,
                device=CPU,
                precision=self.precision,
            )


class BeginnersTraining:
    """The same network through :mod:`~tools.bench.beginner`."""

    def __init__(self, variant: str, plan: Plan, size: int, folder: Path) -> None:
        self.plan = plan
        self.model = build_model(variant, encoder_weights="random")
        self.optimizer = _adam(self.model)
        beginner.write_pngs(phantoms(plan), folder)
        self.batches = beginner.loader(folder, size=size, batch_size=plan.batch_size)

    def epoch(self, number: int) -> Pace:
        """Train on all images once."""
        torch.manual_seed(number)
        timed = _Timed(self.batches, self.plan)
        beginner.train_one_epoch(self.model, timed, self.optimizer, DiceBCELoss())
        return timed.pace()


def limits() -> dict[str, str | None]:
    """Which instructions torch uses here, and what its convolutions were told not to go beyond.

    ``ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2`` makes a newer processor work as an older one does.

    >>> sorted(limits())
    ['cpu_capability', 'onednn_max_cpu_isa']
    """
    return {
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "onednn_max_cpu_isa": os.environ.get("ONEDNN_MAX_CPU_ISA"),
    }


def phantoms(plan: Plan) -> phantom.Phantoms:
    """As many images as one pass takes."""
    return phantom.generate((plan.warm_up + plan.steps) * plan.batch_size, seed=0, size=plan.native_size)


def training_gflop(model: nn.Module, size: int) -> float:
    """10⁹ operations of one training step for one image, forward and backward, by torch's own counter.

    As :func:`~fetalseg_book.complexity.count_flops` has it, a multiplication and an addition are two, only
    convolutions and fully connected layers count. Going back, a layer costs as much again for the gradient of
    its weights, unless they are frozen, and as much again for that of its input, unless nothing before it is
    trained.

    >>> round(training_gflop(build_model("unet"), 32), 2)  # 3 × forward, less the image
    1.13
    """
    with evaluating(model), FlopCounterMode(display=False) as counter:
        model(grey_image(model, (size, size), batch=2)).sum().backward()
    model.zero_grad(set_to_none=True)
    return float(counter.get_total_flops()) / 2 / 1e9


def matrix_gflops(side: int, *, precision: str, repeats: int = 3) -> float:
    """10⁹ operations a second in the product of two square matrices: the most that this machine gives."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left, right = torch.rand(2, side, side).to(dtype)
    seconds = []
    for _ in range(1 + repeats):  # the first finds the code cold
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds[1:]) / 1e9


def _adam(model: nn.Module) -> Adam:
    recipe = TrainingConfig()
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return Adam(weights, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


class _Timed:
    """Batches, and the time from the first after the warm-up to the end of the last one's step."""

    def __init__(self, given: Iterable[tuple[Tensor, Tensor]], plan: Plan) -> None:
        self._given, self._warm_up = given, plan.warm_up
        self._images, self._loading = 0, 0.0
        self.on = False
        self._start = self._end = 0.0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        given = iter(self._given)
        for number in itertools.count():
            asked = time.perf_counter()
            if number == self._warm_up:
                self._start, self.on = asked, True
            batch = next(given, None)
            if batch is None:
                self._end, self.on = asked, False
                return
            if self.on:
                self._images += len(batch[0])
                self._loading += time.perf_counter() - asked
            yield batch

    def pace(self) -> Pace:
        """What was found, once all batches were taken."""
        return Pace(images=self._images, seconds=self._end - self._start, loading_seconds=self._loading)


class _Convolutions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the seconds that convolutions take, forward and backward, in the timed steps."""

    ALL = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)

    def __init__(self, timed: _Timed) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.timed = timed
        self.seconds: float = 0.0

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        start = time.perf_counter()
        result = operation(*args, **(kwargs or {}))
        if self.timed.on and operation in self.ALL:
            self.seconds += time.perf_counter() - start
        return result
