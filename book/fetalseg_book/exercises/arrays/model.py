"""Exercises on the whole network: its smallest part, one step up, and a count."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from fetalseg_book.exercises.chapters import model as plain
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake
from fetalseg_book.exercises.networks import case, changed
from fetalseg_book.mynet import double_conv
from fetalseg_lib.models.blocks import ConvBNReLU
from fetalseg_lib.models.unet import UNetStage


class ConvNormReLU(nn.Module):
    """A 3×3 convolution without bias, batch normalisation, ReLU: ``B in H W`` becomes ``B out H W``."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.norm(self.conv(features)))


def _convs() -> Iterator[Case]:
    yield case(ConvBNReLU(2, 3), "ConvNormReLU", (2, 3), torch.randn(2, 2, 6, 4))


def _conv(bias: bool = False, padding: int = 1) -> Callable[[int, int], nn.Module]:
    return lambda channels_in, channels_out: nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=padding, bias=bias),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class StepUp(nn.Module):
    """One step up of the U-Net: double the map below by a transposed convolution, put it in front of the
    skip, and refine both by a ``double_conv``. ``B 2C H W`` and ``B C 2H 2W`` become ``B C 2H 2W``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
        self.block = double_conv(2 * channels, channels)

    def forward(
        self,
        below: torch.Tensor,
        skip: torch.Tensor,
    ) -> torch.Tensor:
        return self.block(torch.cat([self.up(below), skip], dim=1))


def _steps() -> Iterator[Case]:
    yield case(UNetStage(2), "StepUp", (2,), torch.randn(1, 4, 3, 2), torch.randn(1, 2, 6, 4))


(BRANCH_PARAMETERS,) = plain.EXERCISES

EXERCISES = (
    Exercise(
        title="The smallest part",
        prompt="Write the part that appears everywhere in these networks. The check copies the weights of "
        "the library's `ConvBNReLU` into yours, and compares what comes out.",
        solution=ConvNormReLU,
        cases=_convs,
        hint="Three layers: `nn.Conv2d(..., 3, padding=1, bias=False)`, `nn.BatchNorm2d`, ReLU.",
        mistakes=(
            Mistake(_conv(padding=0), "Without padding a 3×3 kernel takes a pixel off each side."),
            Mistake(
                _conv(bias=True),
                "The convolution needs no bias: the normalisation behind it subtracts the mean, and any bias "
                "with it.",
            ),
            Mistake(
                changed(ConvNormReLU, lambda self, features: self.norm(torch.relu(self.conv(features)))),
                "The ReLU comes last. You normalise what it has already cut.",
            ),
            Mistake(
                changed(ConvNormReLU, lambda self, features: self.norm(self.conv(features))),
                "The ReLU is missing: nothing here may be negative.",
            ),
        ),
        why="Padding keeps the size, and the normalisation makes a bias unnecessary.",
    ),
    Exercise(
        title="One step up",
        prompt="Write a step of the U-Net's way up as a module of its own. Use the `double_conv` of "
        "the text.",
        solution=StepUp,
        cases=_steps,
        hint="`nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)`, then `torch.cat`, then the block.",
        mistakes=(
            Mistake(
                changed(
                    StepUp, lambda self, below, skip: self.block(torch.cat([skip, self.up(below)], dim=1))
                ),
                "The order of the channels: the doubled map comes first, the skip second.",
            ),
            Mistake(
                changed(StepUp, lambda self, below, skip: self.block(self.up(below) + skip)),
                "Concatenate the channels (`torch.cat` with `dim=1`). Nothing is added.",
            ),
        ),
        why="Weights that were trained for one order of channels are wrong for the other.",
    ),
    BRANCH_PARAMETERS,
)
