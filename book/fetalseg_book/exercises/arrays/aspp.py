"""Exercises on the bottleneck: one branch, the whole pyramid, and its living taps."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import nn

from fetalseg_book.exercises.chapters import aspp as plain
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake
from fetalseg_book.exercises.networks import case, changed
from fetalseg_book.mynet import conv_bn_relu
from fetalseg_lib.models.aspp import ASPP, ImagePooling
from fetalseg_lib.models.blocks import ConvBNReLU


class DilatedBranch(nn.Module):
    """A dilated convolution without bias, batch normalisation, ReLU, for a kernel of any odd size:
    ``B in H W`` becomes ``B out H W``.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        rate: int,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(
                channels_in,
                channels_out,
                kernel,
                padding=rate * (kernel // 2),
                dilation=rate,
                bias=False,
            ),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layers(features)


def _dilated() -> Iterator[Case]:
    for kernel, rate in ((3, 3), (5, 2)):
        branch = ConvBNReLU(2, 3, kernel_size=kernel, dilation=rate)
        yield case(branch, "DilatedBranch", (2, 3, kernel, rate), torch.randn(1, 2, 16, 12))


def _branch(
    padding: Callable[[int, int], int], *, bias: bool = False, dilated: bool = True
) -> Callable[[int, int, int, int], nn.Module]:
    return lambda channels_in, channels_out, kernel, rate: nn.Sequential(
        nn.Conv2d(
            channels_in,
            channels_out,
            kernel,
            padding=padding(kernel, rate),
            dilation=rate if dilated else 1,
            bias=bias,
        ),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class Pyramid(nn.Module):
    """An ASPP for any rates. Side by side, in this order: a 1×1 branch, a dilated one for each rate, image
    pooling, all of 8 channels. Then a 1×1 projection.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        rates: list[int],
    ) -> None:
        super().__init__()
        branches = [conv_bn_relu(channels_in, 8, kernel=1)]
        branches += [conv_bn_relu(channels_in, 8, rate=rate) for rate in rates]
        self.branches = nn.ModuleList([*branches, ImagePooling(channels_in, 8)])
        self.projection = conv_bn_relu(8 * len(self.branches), channels_out, kernel=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        answers = [branch(features) for branch in self.branches]
        return self.projection(torch.cat(answers, dim=1))


def _pyramids() -> Iterator[Case]:
    for rates in ([1, 2], [1, 2, 3]):
        pyramid = ASPP(4, 5, rates=rates, branch_channels=8, pool_channels=8)
        yield case(pyramid, "Pyramid", (4, 5, rates), torch.randn(1, 4, 6, 6))


class _Unlisted(Pyramid):
    def __init__(self, channels_in: int, channels_out: int, rates: list[int]) -> None:
        super().__init__(channels_in, channels_out, rates)
        del self.branches


class _Unpooled(Pyramid):
    def __init__(self, channels_in: int, channels_out: int, rates: list[int]) -> None:
        super().__init__(channels_in, channels_out, rates)
        self.branches = self.branches[:-1]
        self.projection = conv_bn_relu(8 * len(self.branches), channels_out, kernel=1)


class _PoolingFirst(Pyramid):
    def __init__(self, channels_in: int, channels_out: int, rates: list[int]) -> None:
        super().__init__(channels_in, channels_out, rates)
        self.branches = nn.ModuleList([self.branches[-1], *self.branches[:-1]])


def live_weights(weights: torch.Tensor) -> torch.Tensor:
    """The 1×1 kernel ``out in 1 1`` that replaces a 3×3 one of rate 12 on a map of 8×8."""
    return weights[:, :, 1:2, 1:2]


def _branches() -> Iterator[Case]:
    for out, channels in ((1, 1), (2, 3)):
        weights = torch.randn(out, channels, 3, 3)
        # A map of one position per channel: what the dilated kernel answers is its weight.
        single = torch.eye(channels).reshape(channels, channels, 1, 1)
        answers = F.conv2d(single, weights, padding=12, dilation=12)  # (in, out, 1, 1)
        yield Case(
            given=f"Weights of shape ({out}, {channels}, 3, 3): `live_weights`",
            arguments=(weights,),
            expected=answers.transpose(0, 1),
        )


(LARGEST_FULL_RATE,) = plain.EXERCISES

EXERCISES = (
    Exercise(
        title="A branch of any size",
        prompt="Our branches have 3×3 kernels. Write one for any odd kernel and any rate that keeps the "
        "map's size. The check copies the library's weights into yours.",
        solution=DilatedBranch,
        cases=_dilated,
        hint="The kernel reaches `rate * (kernel // 2)` positions to each side. Pad by as many.",
        mistakes=(
            Mistake(_branch(lambda kernel, rate: 0), "The padding is missing, so the map shrinks."),
            Mistake(
                _branch(lambda kernel, rate: kernel // 2),
                "Dilation without its padding: the taps are `rate` apart, so pad `rate` times as much.",
            ),
            Mistake(
                _branch(lambda kernel, rate: rate),
                "That is right for a kernel of 3. One of 5 has two taps on each side of its centre.",
            ),
            Mistake(
                _branch(lambda kernel, rate: kernel // 2, dilated=False),
                "The kernel is not dilated by `rate`.",
            ),
            Mistake(
                _branch(lambda kernel, rate: rate * (kernel // 2), bias=True),
                "A bias in front of a normalisation is subtracted again. Leave it out.",
            ),
        ),
        why="A kernel of 3 at rate $r$ and one of 5 at rate $r / 2$ reach equally far.",
    ),
    Exercise(
        title="A pyramid for any rates",
        prompt="Use `conv_bn_relu(channels_in, channels_out, kernel=3, rate=1)` of the text, and the "
        "library's `ImagePooling(channels_in, channels_out)`.",
        solution=Pyramid,
        cases=_pyramids,
        hint="Collect the branches in an `nn.ModuleList`, join their answers along `dim=1`, and project.",
        mistakes=(
            Mistake(
                _Unlisted,
                "The branches are unknown to PyTorch: a plain list hides their weights. Use `nn.ModuleList`.",
            ),
            Mistake(_PoolingFirst, "The order of the channels: pooling comes last."),
            Mistake(_Unpooled, "The image pooling is missing."),
            Mistake(
                changed(Pyramid, lambda self, features: self.branches[0](features)),
                "Give back what the projection makes of all branches.",
            ),
        ),
        why="The projection has a weight for each channel of each branch, so their order must be kept.",
    ),
    LARGEST_FULL_RATE,
    Exercise(
        title="A 1×1 convolution in disguise",
        prompt="At rate 12 on an 8×8 map, which of the nine weights act? Cut them out.",
        solution=live_weights,
        cases=_branches,
        hint="All taps but one meet the padding. Which one never does? Keep all four axes.",
        mistakes=(
            Mistake(
                lambda weights: weights.sum(dim=(2, 3), keepdim=True),
                "That would be all nine taps at one place. The outer eight meet zeros.",
            ),
            Mistake(
                lambda weights: weights[:, :, :1, :1],
                "That is the upper left tap. It meets the padding from everywhere.",
            ),
        ),
        why="The centre is all that acts: eight ninths of the weights can go, and the output stays as it is.",
    ),
)
