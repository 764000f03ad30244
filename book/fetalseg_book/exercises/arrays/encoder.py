"""Exercises on the encoder: cheap convolutions, a grey stem, and what *frozen* asks for."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import nn
from torchvision.models.mobilenetv2 import InvertedResidual

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake
from fetalseg_book.exercises.networks import case
from fetalseg_lib.models.blocks import ConvBNReLU


class SeparableConv(nn.Module):
    """One 3×3 kernel a channel, a 1×1 convolution to mix them, batch normalisation, ReLU; no biases.
    ``B in H W`` becomes ``B out H W``.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False),
            nn.Conv2d(channels_in, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layers(features)


def _pairs() -> Iterator[Case]:
    library = ConvBNReLU(4, 6, separable=True)
    yield case(library, "SeparableConv", (4, 6), torch.randn(2, 4, 6, 5))


def _pair(*, grouped: bool = True, padding: int = 1, bias: bool = False) -> Callable[[int, int], nn.Module]:
    return lambda channels_in, channels_out: nn.Sequential(
        nn.Conv2d(
            channels_in, channels_in, 3, padding=padding, groups=channels_in if grouped else 1, bias=bias
        ),
        nn.Conv2d(channels_in, channels_out, 1, bias=bias),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class Halving(nn.Module):
    """The inverted residual at a tap's end: widen six times, depthwise 3×3 of stride 2, narrow. No addition.
    ``B in H W`` becomes ``B out H/2 W/2``.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        wide = 6 * channels_in
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, 2, padding=1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layers(features)


def _halvings() -> Iterator[Case]:
    library = InvertedResidual(3, 8, stride=2, expand_ratio=6)
    yield case(library, "Halving", (3, 8), 20 * torch.randn(1, 3, 8, 6))


def _halving(change: Callable[[nn.Sequential], nn.Module]) -> Callable[[int, int], nn.Module]:
    return lambda channels_in, channels_out: change(Halving(channels_in, channels_out).layers)


def _strided(layers: nn.Sequential, *strides: int) -> nn.Sequential:
    for layer, stride in zip((layers[0], layers[3]), strides, strict=True):
        cast(nn.Conv2d, layer).stride = (stride, stride)
    return layers


def _unpadded(layers: nn.Sequential) -> nn.Sequential:
    cast(nn.Conv2d, layers[3]).padding = (0, 0)
    return layers


def grey_kernel(kernel: torch.Tensor) -> torch.Tensor:
    """From kernels ``out 3 k k`` to ``out 1 k k`` that answer alike where the three channels are equal."""
    return kernel.sum(dim=1, keepdim=True)


def _kernels() -> Iterator[Case]:
    kernel = torch.arange(6.0).reshape(2, 3, 1, 1)
    expected = torch.tensor([3.0, 12.0]).reshape(2, 1, 1, 1)  # 0 + 1 + 2 and 3 + 4 + 5
    yield Case(given="The 1×1 kernels (0, 1, 2) and (3, 4, 5):", arguments=(kernel,), expected=expected)
    one = torch.rand(1, 3, 3, 3)
    yield Case(
        given="A random 3×3 kernel: it", arguments=(one,), expected=one[:, :1] + one[:, 1:2] + one[:, 2:]
    )


def is_frozen(network: nn.Module) -> bool:
    """Whether neither gradients nor passing images can change this network as it stands."""
    trained = any(parameter.requires_grad for parameter in network.parameters())
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    return not trained and not any(norm.training for norm in norms)


def _networks() -> Iterator[Case]:
    def network() -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())

    yield Case(
        given="No gradient, eval mode:", arguments=(network().requires_grad_(False).eval(),), expected=True
    )
    yield Case(
        given="No gradient, train mode:", arguments=(network().requires_grad_(False).train(),), expected=False
    )
    mixed = network().requires_grad_(False).eval()
    mixed[1].train()
    yield Case(
        given="No gradient, eval mode, its normalisation in train mode:", arguments=(mixed,), expected=False
    )
    yield Case(given="Gradients, eval mode:", arguments=(network().eval(),), expected=False)
    plain = nn.Conv2d(3, 8, 3).requires_grad_(False).train()
    yield Case(given="A lone convolution without gradient, train mode:", arguments=(plain,), expected=True)


EXERCISES = (
    Exercise(
        title="A separable convolution",
        prompt="Write the cheap pair as one part, as the study's light decoder uses it. The check copies the "
        "library's weights into yours.",
        solution=SeparableConv,
        cases=_pairs,
        hint="Four layers: depthwise 3×3 (`groups`), pointwise 1×1, `nn.BatchNorm2d`, ReLU.",
        mistakes=(
            Mistake(
                _pair(grouped=False),
                "The first convolution mixes the channels already. `groups=channels_in` gives each its own.",
            ),
            Mistake(_pair(padding=0), "Without padding a 3×3 kernel takes a pixel off each side."),
            Mistake(
                _pair(bias=True), "A bias in front of a normalisation is subtracted again. Leave it out."
            ),
            Mistake(
                lambda channels_in, channels_out: nn.Sequential(
                    *list(_pair()(channels_in, channels_out).children())[:3]
                ),
                "The ReLU is missing: nothing here may be negative.",
            ),
        ),
        why="Its weights number $9\\,C_{in} + C_{in} C_{out}$ instead of $9\\,C_{in} C_{out}$.",
    ),
    Exercise(
        title="A block that halves",
        prompt="The block of the text keeps the size of its map. MobileNetV2 has others that halve it. Write "
        "one; the check compares it with torchvision's `InvertedResidual`.",
        solution=Halving,
        cases=_halvings,
        hint="As in the text, with stride 2 in the depthwise convolution, and without the addition.",
        mistakes=(
            Mistake(
                _halving(lambda layers: nn.Sequential(layers, nn.ReLU6())),
                "No ReLU after the last convolution: on few channels it would throw away too much.",
            ),
            Mistake(
                _halving(lambda layers: _strided(layers, 2, 1)),
                "The stride belongs to the depthwise 3×3. A 1×1 kernel of stride 2 drops three of four.",
            ),
            Mistake(
                _halving(lambda layers: _strided(layers, 1, 1)), "The map is as large as before: stride 2."
            ),
            Mistake(_halving(_unpadded), "The depthwise convolution needs a padding of 1."),
            Mistake(
                _halving(
                    lambda layers: nn.Sequential(
                        *(nn.ReLU() if i in (2, 5) else layer for i, layer in enumerate(layers))
                    )
                ),
                "MobileNetV2 has ReLU6, which also cuts at 6.",
            ),
        ),
        why="Where the size changes there is nothing to add: input and output do not fit.",
    ),
    Exercise(
        title="Three colours, one grey",
        prompt="A grey image as three equal channels meets a colour kernel. Which grey kernel gives the "
        "same answer?",
        solution=grey_kernel,
        cases=_kernels,
        hint="A convolution is linear: $w_1 x + w_2 x + w_3 x = (w_1 + w_2 + w_3)\\,x$. Keep the axis of "
        "channels.",
        mistakes=(
            Mistake(
                lambda kernel: kernel.mean(dim=1, keepdim=True),
                "The mean is a third of what three equal channels meet.",
            ),
            Mistake(
                lambda kernel: kernel.sum(dim=1),
                "The values are right. A kernel needs its axis of input channels, though there is one only.",
            ),
        ),
        why="The sum, not the mean: frozen layers behind it expect the whole response.",
    ),
    Exercise(
        title="Is it frozen?",
        prompt="Write the question that a colleague should have asked before the training.",
        solution=is_frozen,
        cases=_networks,
        hint="Two things can change a network: a gradient, and a batch normalisation in train mode "
        "(`part.training`).",
        mistakes=(
            Mistake(
                lambda network: not any(p.requires_grad for p in network.parameters()),
                "Without gradients a batch normalisation in train mode still moves its running statistics.",
            ),
            Mistake(
                lambda network: not network.training,
                "In eval mode an optimiser still changes whatever has a gradient.",
            ),
            Mistake(
                lambda network: (
                    not network.training and not any(p.requires_grad for p in network.parameters())
                ),
                "Nearly. A convolution has no running statistics, so train mode changes nothing in it.",
            ),
        ),
        why="Frozen means: no gradient, and no batch normalisation in train mode.",
    ),
)
