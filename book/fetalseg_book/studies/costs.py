"""What a network costs: the room that it takes, the memory of its activations, and its time.

Weights, gradients of weights and the optimizer's state are not activations and come on top; so does the
scratch space inside an operation, which is the backend's own affair.
"""

from __future__ import annotations

import copy
import itertools
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fetalseg_book.complexity import Size, count_flops, evaluating, grey_image
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import Variant, build_model, list_variants


def model_size_mb(model: nn.Module, *, dtype: torch.dtype = torch.float32) -> float:
    """Size of parameters and buffers in MB (10⁶ bytes), the floating ones stored as ``dtype``.

    >>> model_size_mb(nn.Linear(999, 1000), dtype=torch.float16)
    2.0
    """
    stored = itertools.chain(model.parameters(), model.buffers())
    return sum(tensor.numel() * _item_size(tensor, dtype) for tensor in stored) / 1e6


def _item_size(tensor: torch.Tensor, dtype: torch.dtype) -> int:
    """Integers, such as BatchNorm's count of batches, stay what they are."""
    return dtype.itemsize if tensor.is_floating_point() else tensor.element_size()


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


def table(
    variants: Iterable[str] | None = None,
    *,
    image_size: tuple[int, int] = (256, 256),
    latency: bool = False,
    threads: int = 1,
) -> pd.DataFrame:
    """One row per variant; without ``variants`` all that are networks of this library, and no mere recipes.

    Columns: ``variant``; ``parameters``, ``trainable`` and ``frozen``; ``gflops`` of one image;
    ``float32_mb`` and ``float16_mb`` for the stored model; ``training_mb`` and ``inference_mb`` for one
    image's activations in float32; with ``latency=True`` also ``latency_ms`` (median), its quartiles
    ``latency_q1_ms`` and ``latency_q3_ms``, and ``threads``. MB are 10⁶ bytes. The encoder's weights are
    random, for the costs do not depend on them.

    >>> table(["unet"], image_size=(64, 64)).parameters[0]
    np.int64(7762465)
    """
    if variants is None:
        variants = [variant.name for variant in list_variants() if _is_own_network(variant)]
    return pd.DataFrame([_row(name, image_size, threads if latency else None) for name in variants])


def _is_own_network(variant: Variant) -> bool:
    """Whether it is a network, not a recipe, and needs no library that may not be installed."""
    return not variant.recipe and variant.architecture != "peer"


def _row(variant: str, image_size: tuple[int, int], threads: int | None) -> dict[str, object]:
    model = build_model(variant, encoder_weights="random")
    total, trainable = count_parameters(model)
    row: dict[str, object] = {
        "variant": variant,
        "parameters": total,
        "trainable": trainable,
        "frozen": total - trainable,
        "gflops": count_flops(model, image_size=image_size)["flops"].sum() / 1e9,
        "float32_mb": model_size_mb(model),
        "float16_mb": model_size_mb(model, dtype=torch.float16),
        "training_mb": training_memory_mb(model, image_size=image_size),
        "inference_mb": inference_memory_mb(model, image_size=image_size),
    }
    if threads is not None:
        measured = measure_latency(model, image_size=image_size, threads=threads)
        row |= {
            "latency_ms": measured.median_ms,
            "latency_q1_ms": measured.lower_quartile_ms,
            "latency_q3_ms": measured.upper_quartile_ms,
            "threads": measured.threads,
        }
    return row
