"""How much memory the activations take, in training and in inference.

Weights, gradients of weights and the optimizer's state are not activations and come on top; so does the
scratch space inside an operation, which is the backend's own affair.
"""

from __future__ import annotations

import copy
import itertools
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fetalseg_lib.complexity.modes import evaluating, grey_image

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
