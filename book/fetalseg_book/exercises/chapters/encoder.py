"""Exercises on the encoder: cheap convolutions, a grey stem, and what *frozen* asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def pair_saves(channels: int, kernel: int) -> float:
    """How many times fewer weights a separable pair has; ``channels`` go out, kernels are square."""
    return kernel**2 * channels / (kernel**2 + channels)


def _pairs() -> Iterator[Case]:
    yield Case(arguments=(1, 3), expected=0.9)
    yield Case(arguments=(72, 3), expected=8.0)
    yield Case(arguments=(25, 5), expected=12.5)


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


def steps_until(share: float, momentum: float) -> int:
    """After how many batches at most ``share`` of the old running mean is left."""
    return int(np.ceil(np.log(share) / np.log(1 - momentum)))


def _batches() -> Iterator[Case]:
    yield Case(arguments=(0.3, 0.5), expected=2, tolerance=0)  # a half, a quarter
    yield Case(arguments=(0.5, 0.1), expected=7, tolerance=0)  # 0.9 to the 6th is 0.53, to the 7th 0.48
    yield Case(arguments=(0.01, 0.1), expected=44, tolerance=0)


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
        title="From how many channels on does a pair save 8 times?",
        prompt="Write the saving for any kernel. Then find, on paper, the number of channels for 8 times "
        "with 3×3.",
        solution=pair_saves,
        cases=_pairs,
        hint="Per input channel: the usual convolution has $k^2 C$ weights, the pair $k^2 + C$.",
        mistakes=(
            Mistake(
                lambda channels, kernel: (kernel**2 + channels) / (kernel**2 * channels),
                "That is the pair over the usual one. Turn it around.",
            ),
            Mistake(
                lambda channels, kernel: 9 * channels / (9 + channels),
                "The 9 is a 3×3 kernel's. What is it for a kernel of another size?",
            ),
        ),
        why="$9\\,C / (9 + C) \\ge 8$ means $C \\ge 72$. For a kernel of $k \\times k$ the saving nears "
        "$k^2$.",
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
        title="How fast is ImageNet forgotten?",
        prompt="In train mode a running mean keeps `1 - momentum` of itself at every batch. PyTorch's "
        "momentum is 0.1.",
        solution=steps_until,
        cases=_batches,
        hint="After $n$ batches $(1 - m)^n$ is left. Solve for $n$ with logarithms, and round up.",
        mistakes=(
            Mistake(
                lambda share, momentum: math.ceil(math.log(share) / math.log(momentum)),
                "The momentum is what is *taken in*. What is kept is one minus that.",
            ),
            Mistake(
                lambda share, momentum: math.floor(math.log(share) / math.log(1 - momentum)),
                "One batch fewer: then more than that share is still left. Round up.",
            ),
        ),
        why="After 44 batches less than a hundredth is left. That is less than one epoch of any real "
        "training.",
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
