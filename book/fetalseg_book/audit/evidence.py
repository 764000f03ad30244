"""What the checks look at: the networks as built, and the result files as far as they exist."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from fetalseg_book.audit.stated import PendingError
from fetalseg_book.complexity import count_flops
from fetalseg_book.studies.costs import inference_memory_mb, training_memory_mb
from fetalseg_book.trace import Trace, trace
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import build_model
from fetalseg_lib.study import records

HARDWARE = Path("hardware", "latency.json")


class Evidence:
    """Networks with random encoder weights, built when first asked for, and the files below ``results``.

    No claim depends on what the weights are, only on how many there are and how they are joined.
    ``model(variant)`` is a built network, ``on_meta(variant)`` the same with shapes but no numbers: all that
    counting needs, in no time. Each is made once.

    >>> Evidence().parameters("unet")
    (7762465, 7762465)
    """

    def __init__(self, results: Path | str = "results") -> None:
        self.results = Path(results)
        self.model: Callable[[str], Any] = cache(_build)
        self.on_meta: Callable[[str], Any] = cache(lambda name: copy.deepcopy(self.model(name)).to("meta"))
        self.memory: Callable[[str, str], float] = cache(self._memory)

    def parameters(self, variant: str = "proposed") -> tuple[int, int]:
        """All and trainable parameters."""
        return count_parameters(self.on_meta(variant))

    def _memory(self, variant: str, during: Literal["training", "inference"]) -> float:
        """The activations of the note's batch of 16 images of 256×256, in bytes."""
        measure = training_memory_mb if during == "training" else inference_memory_mb
        return 1e6 * measure(self.on_meta(variant), batch_size=16)

    @property
    def network(self) -> Any:
        """The note's network as built."""
        return self.model("proposed")

    @cached_property
    def trace(self) -> Trace:
        """What passes through the note's network for a 256×256 image."""
        return trace(self.on_meta("proposed"))

    @cached_property
    def flops(self) -> pd.DataFrame:
        """The operations of each layer of the note's network for such an image."""
        return count_flops(self.on_meta("proposed"))

    @cached_property
    def features(self) -> nn.Sequential:
        """MobileNetV2's features as torchvision has them, for RGB."""
        with torch.device("meta"):
            features: nn.Sequential = mobilenet_v2().features
        return features

    @cached_property
    def changed_by_a_step(self) -> dict[str, bool]:
        """For every parameter and buffer, whether one training step at 64×64 changed a bit of it."""
        model = copy.deepcopy(self.network).train()
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        image = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
        model(image).square().mean().backward()
        torch.optim.Adam(trainable, lr=3e-4, weight_decay=1e-4).step()
        before = _tensors(self.network)
        return {name: not torch.equal(before[name], tensor) for name, tensor in _tensors(model).items()}

    @cached_property
    def dataset(self) -> Any:
        """Numbers measured on HC18's images, see :mod:`fetalseg_book.studies.dataset`."""
        return self._read(Path("hc18", "dataset.json"), "The dataset's numbers are not there yet.")

    @cached_property
    def hardware(self) -> Any:
        """Times measured side by side, see :mod:`fetalseg_book.studies.hardware`."""
        why = "The note's graphics card is not here, and the two networks are not timed here yet."
        return self._read(HARDWARE, why)

    def _read(self, path: Path, pending: str) -> Any:
        if not (self.results / path).is_file():
            raise PendingError(pending)
        return records.read_json(self.results / path)


def layers_of_kind(part: nn.Module, kind: str) -> list[Any]:
    """All layers in a part of a network whose class, or one that it inherits from, has that name."""
    return [layer for layer in part.modules() if kind in {base.__name__ for base in type(layer).__mro__}]


def _build(variant: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_model(variant, encoder_weights="random")


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return dict(itertools.chain(model.named_parameters(), model.named_buffers()))
