"""What the checks look at: networks as built, fresh parts of them, noise, and the result files that exist."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

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
from fetalseg_lib.models.residual import ResidualBlockSE
from fetalseg_lib.study import records

HARDWARE = Path("hardware", "latency.json")


class Built:
    """A variant's network as built, and what is counted of it, each when it is first asked for.

    Its weights are random: no claim depends on what they are, only on how many there are and how they are
    joined.

    >>> unet = Built("unet")
    >>> unet.total, unet.frozen
    (7762465, 0)
    """

    def __init__(self, variant: str) -> None:
        self.variant = variant

    @cached_property
    def network(self) -> Any:
        """The network itself."""
        return with_one_seed(lambda: build_model(self.variant, encoder_weights="random"))

    @cached_property
    def on_meta(self) -> Any:
        """The network with shapes but no numbers: all that counting needs, in no time."""
        return copy.deepcopy(self.network).to("meta")

    @property
    def total(self) -> int:
        """All parameters."""
        return count_parameters(self.network)[0]

    @property
    def trainable(self) -> int:
        """The parameters that are trained."""
        return count_parameters(self.network)[1]

    @property
    def frozen(self) -> int:
        """The parameters that are not."""
        return self.total - self.trainable

    @cached_property
    def training_memory(self) -> float:
        """Bytes of the activations that a training step on the note's batch keeps: 16 images of 256×256."""
        return 1e6 * training_memory_mb(self.on_meta, batch_size=16)

    @cached_property
    def inference_memory(self) -> float:
        """The most bytes that activations of such a batch take at one time without training."""
        return 1e6 * inference_memory_mb(self.on_meta, batch_size=16)

    @cached_property
    def trace(self) -> Trace:
        """What passes through the network for a 256×256 image."""
        return trace(self.network)

    @cached_property
    def flops(self) -> pd.DataFrame:
        """The operations of each layer for such an image."""
        return count_flops(self.on_meta)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The operations of each depthwise convolution with the 1×1 behind it: ``separable``.

        And ``dense``, those of one 3×3 convolution in their place, nine times the 1×1's, and the ``saving``.
        """
        flops, first = self.flops["flops"], self.flops["operation"] == "depthwise convolution"
        depthwise, pointwise = flops[first].to_numpy(), flops[first.shift(fill_value=False)].to_numpy()
        pairs = pd.DataFrame({"separable": depthwise + pointwise, "dense": 9 * pointwise})
        return pairs.assign(saving=pairs["dense"] / pairs["separable"])

    @cached_property
    def changed_by_a_step(self) -> dict[str, bool]:
        """For every parameter and buffer, whether one training step at 64×64 changed a bit of it."""
        model = copy.deepcopy(self.network).train()
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        image = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
        model(image).square().mean().backward()
        torch.optim.Adam(trainable, lr=3e-4, weight_decay=1e-4).step()
        before = self.network.state_dict()
        return {name: not torch.equal(before[name], tensor) for name, tensor in model.state_dict().items()}


class Evidence(Built):
    """The note's network, every other one (``built("unet")``), fresh parts, and files below ``results``."""

    def __init__(self, results: Path | str = "results") -> None:
        super().__init__("proposed")
        self.results = Path(results)
        self.built: Callable[[str], Built] = cache(Built)

    @cached_property
    def torchvision(self) -> nn.Sequential:
        """MobileNetV2's features as torchvision has them, for RGB."""
        with torch.device("meta"):
            features: nn.Sequential = mobilenet_v2().features
        return features

    @cached_property
    def block(self) -> Any:
        """A fresh residual block of 32 channels, without biases in its SE, as in the note's formula."""
        block = with_one_seed(lambda: ResidualBlockSE(32, 32)).eval().requires_grad_(False)
        block.se.squeeze.bias.zero_()
        block.se.excite.bias.zero_()
        return block

    @cached_property
    def maps(self) -> Tensor:
        """Noise for such a block, ``4 32 16 16``."""
        return torch.randn(4, 32, 16, 16, generator=torch.Generator().manual_seed(0))

    @cached_property
    def logits(self) -> Tensor:
        """Noise for the loss, ``1 1 16 16``."""
        return torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))

    @cached_property
    def mask(self) -> Tensor:
        """A mask for it that does not depend on it: 30 % of the pixels, anywhere."""
        return (torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(1)) < 0.3).float()

    @cached_property
    def dataset(self) -> Any:
        """Numbers measured on HC18's images, see :mod:`fetalseg_book.studies.dataset`."""
        return self.read(Path("hc18", "dataset.json"), pending="The dataset's numbers are not there yet.")

    def read(self, path: Path, *, pending: str) -> Any:
        """A result file; where there is none yet, the claim is pending, with these words."""
        if not (self.results / path).is_file():
            raise PendingError(pending)
        return records.read_json(self.results / path)


def layers(part: nn.Module, kind: str) -> list[Any]:
    """All layers in a part of a network whose class, or one that it inherits from, has that name."""
    return [layer for layer in part.modules() if kind in {base.__name__ for base in type(layer).__mro__}]


def with_one_seed(build: Callable[[], nn.Module]) -> Any:
    """What it builds from the same random numbers each time, and leaves the others' random numbers alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build()
