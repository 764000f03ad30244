"""What is measured of a network while it runs: the memory of its activations, and its time.

Weights, gradients of weights and the optimizer's state are not activations and come on top; so does the
scratch space inside an operation, which is the backend's own affair.
"""

from __future__ import annotations

import copy
import itertools
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode inside, and afterwards each module's own mode again (parts may differ: a frozen encoder)."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def grey_image(model: nn.Module, size: tuple[int, int], *, batch: int = 1, channels: int = 1) -> Tensor:
    """Grey noise ``B C H W`` in [0, 1] on the model's device."""
    stored = itertools.chain(model.parameters(), model.buffers())
    device = next((tensor.device for tensor in stored), torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    return torch.rand(batch, channels, *size, generator=generator).to(device)


Size = tuple[int, int]


def training_memory_mb(model: nn.Module, *, image_size: Size = (256, 256), batch_size: int = 1) -> float:
    """Activations that a training step keeps for the backward pass, in MB (10⁶ bytes).

    A frozen encoder keeps none, for no gradient goes through it.

    >>> training_memory_mb(nn.Sequential(nn.Sigmoid()).requires_grad_(False), image_size=(8, 8))
    0.0
    """
    model = copy.deepcopy(model).train()  # a step in train mode moves BatchNorm's statistics
    own = {_storage_id(tensor) for tensor in itertools.chain(model.parameters(), model.buffers())}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if _storage_id(tensor) not in own:
            kept[_storage_id(tensor)] = tensor
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(grey_image(model, image_size, batch=batch_size))
    return sum(int(tensor.untyped_storage().nbytes()) for tensor in kept.values()) / 1e6


def inference_memory_mb(model: nn.Module, *, image_size: Size = (256, 256), batch_size: int = 1) -> float:
    """The most that activations take at one time of a forward pass without gradients, in MB (10⁶ bytes).

    The image itself does not count.

    >>> inference_memory_mb(nn.Sequential(nn.Sigmoid(), nn.Tanh()), image_size=(500, 500))
    2.0
    """
    image = grey_image(model, image_size, batch=batch_size)
    live = _LiveBytes()
    with evaluating(model), torch.no_grad(), live:
        model(image)
    return live.peak / 1e6


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its hooks untyped
    """Follow each new storage from its birth to its end, and remember the highest sum."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        given = {_storage_id(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        result = func(*args, **kwargs)
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and _storage_id(leaf) not in given | self._known:
                self._born(leaf.untyped_storage())
        return result

    def _born(self, storage: torch.UntypedStorage) -> None:
        self._known.add(storage._cdata)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._gone, storage._cdata, storage.nbytes())

    def _gone(self, storage_id: int, nbytes: int) -> None:
        self._known.discard(storage_id)
        self.live -= nbytes


def _storage_id(tensor: Tensor) -> int:
    """What two views of the same memory have in common."""
    return int(tensor.untyped_storage()._cdata)


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
