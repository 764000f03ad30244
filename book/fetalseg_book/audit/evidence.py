"""What the checks look at: the networks as built, and the result files as far as they exist."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from fetalseg_book.audit.studied import Studied
from fetalseg_book.studies.costs import inference_memory_mb, training_memory_mb
from fetalseg_book.trace import Trace, trace
from fetalseg_lib.complexity import count_flops, count_parameters
from fetalseg_lib.models import build_model
from fetalseg_lib.study import records

DATASET = Path("hc18", "dataset.json")
PUBLISHED = Path("one_fold", "published", "hc18")
DESCRIPTIVE = Path("one_fold", "descriptive", "hc18")
NOTE_SCHEDULE = Path("one_fold", "note_schedule", "hc18")
HARDWARE = Path("hardware", "latency.json")

BATCH = 16
"""The note's batch."""


class Evidence:
    """Networks with random encoder weights, built when first asked for, and the files below ``results``.

    No claim depends on what the weights are, only on how many there are and how they are joined. What
    needs a file is ``None`` (or empty) where the file does not exist.

    ``model(variant)`` is a built network, ``on_meta(variant)`` the same with shapes but no numbers,
    ``flops(variant)`` its table of operations for one image of 256×256, ``training_mb(variant)`` and
    ``inference_mb(variant)`` the activations of 16 such images in MB. Each is made once.

    >>> Evidence().parameters("unet")
    (7762465, 7762465)
    """

    def __init__(self, results: Path | str = "results") -> None:
        self.results = Path(results)
        self.model: Callable[[str], Any] = cache(_build)
        self.on_meta: Callable[[str], Any] = cache(self._without_numbers)
        self.flops: Callable[..., pd.DataFrame] = cache(self._flops)
        self.training_mb: Callable[[str], float] = cache(self._training_mb)
        self.inference_mb: Callable[[str], float] = cache(self._inference_mb)

    def parameters(self, variant: str = "proposed") -> tuple[int, int]:
        """All and trainable parameters."""
        return count_parameters(self.on_meta(variant))

    @property
    def network(self) -> nn.Module:
        """The note's network as built."""
        network: nn.Module = self.model("proposed")
        return network

    def _flops(self, variant: str = "proposed") -> pd.DataFrame:
        return count_flops(self.on_meta(variant))

    def _training_mb(self, variant: str) -> float:
        return training_memory_mb(self.on_meta(variant), batch_size=BATCH)

    def _inference_mb(self, variant: str) -> float:
        return inference_memory_mb(self.on_meta(variant), batch_size=BATCH)

    @cached_property
    def trace(self) -> Trace:
        """What passes through the note's network for a 256×256 image."""
        return trace(self.on_meta("proposed"))

    @cached_property
    def features(self) -> nn.Sequential:
        """MobileNetV2's features as torchvision has them, for RGB."""
        with torch.device("meta"):
            features: nn.Sequential = mobilenet_v2().features
        return features

    @cached_property
    def changed_by_a_step(self) -> dict[str, bool]:
        """For every parameter and buffer, whether one training step at 64×64 changed a bit of it."""
        model = copy.deepcopy(self.model("proposed")).train()
        before = {name: tensor.clone() for name, tensor in _tensors(model).items()}
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        image = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
        model(image).square().mean().backward()
        torch.optim.Adam(trainable, lr=3e-4, weight_decay=1e-4).step()
        return {name: not torch.equal(before[name], tensor) for name, tensor in _tensors(model).items()}

    @cached_property
    def dataset(self) -> Mapping[str, Any] | None:
        """Numbers measured on HC18's images, see :mod:`fetalseg_book.studies.dataset`."""
        return self._read(DATASET)

    @cached_property
    def hardware(self) -> Mapping[str, Any] | None:
        """Times measured side by side, see :mod:`fetalseg_book.studies.hardware`."""
        return self._read(HARDWARE)

    @cached_property
    def published(self) -> Studied:
        """The runs of the published study, and of its second family, which differ in the variant alone."""
        roots = (self.results / PUBLISHED, self.results / DESCRIPTIVE)
        return Studied(*roots, recipe="the study's short training")

    @cached_property
    def note_schedule(self) -> Studied:
        """Runs by the note's own learning rate, plateau and early stopping."""
        return Studied(self.results / NOTE_SCHEDULE, recipe="the note's schedule")

    def _without_numbers(self, variant: str) -> nn.Module:
        """On the meta device a network has shapes but no numbers: all that counting needs, in no time."""
        model: nn.Module = copy.deepcopy(self.model(variant)).to("meta")
        return model

    def _read(self, path: Path) -> Mapping[str, Any] | None:
        file = self.results / path
        return records.read_json(file) if file.is_file() else None


def _build(variant: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_model(variant, encoder_weights="random")


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return dict(itertools.chain(model.named_parameters(), model.named_buffers()))
