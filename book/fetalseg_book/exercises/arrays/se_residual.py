"""Exercises on the decoder's block: the gate, the addition, and what can silence them."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fetalseg_book.exercises.chapters import se_residual as plain
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake
from fetalseg_book.exercises.networks import case, changed
from fetalseg_book.mynet import double_conv
from fetalseg_lib.models.residual import ResidualBlockSE
from fetalseg_lib.models.se import SEBlock


class SqueezeExcite(nn.Module):
    """Gate each channel of ``B C H W``. The hidden layer has ``channels // reduction`` units, and at least
    one.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.squeeze(features.mean(dim=(2, 3))))
        gates = torch.sigmoid(self.excite(hidden))
        return features * gates[:, :, None, None]


def _gates() -> Iterator[Case]:
    for channels, reduction in ((8, 2), (4, 16)):
        library = SEBlock(channels, reduction=reduction)
        inputs = torch.randn(3, channels, 4, 3) + torch.randn(3, channels, 1, 1)
        yield case(library, "SqueezeExcite", (channels, reduction), inputs)


class _NoUnit(SqueezeExcite):
    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__(channels, reduction)
        if channels < reduction:
            del self.squeeze, self.excite


class AddedBlock(nn.Module):
    """Two convolutions, then the gate, then the input is added. Where the channels differ, the input first
    passes a 1×1 convolution without bias and a batch normalisation.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convs = double_conv(channels_in, channels_out)
        self.se = SEBlock(channels_out)
        self.shortcut = nn.Sequential()
        if channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.se(self.convs(features)) + self.shortcut(features)


def _added() -> Iterator[Case]:
    for channels in ((4, 3), (3, 3)):
        inputs = torch.randn(2, channels[0], 5, 4)
        yield case(ResidualBlockSE(*channels), "AddedBlock", channels, inputs)


class _AlwaysProjected(AddedBlock):
    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out)
        conv = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(channels_out))


class _NeverProjected(AddedBlock):
    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out)
        self.shortcut = nn.Sequential()


def never_fires(
    means: torch.Tensor,
    w1: torch.Tensor,
    b1: torch.Tensor,
) -> bool:
    """Whether all hidden units are off for all images; ``means`` is B × C, ``w1`` hidden × C."""
    hidden = means @ w1.T + b1  # (B, hidden)
    return bool((hidden <= 0).all())


def _units() -> Iterator[Case]:
    means = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
    off, one_image = torch.tensor([[-1.0, -1.0]]), torch.tensor([[1.0, -1.0]])
    one_unit = torch.tensor([[-1.0, -1.0], [1.0, 0.0]])
    for words, w1, b1, expected in (
        ("A unit that is negative for both images:", off, torch.zeros(1), True),
        ("A unit that is positive for one of two images:", one_image, torch.zeros(1), False),
        ("Two units, one of them always on:", one_unit, torch.zeros(2), False),
        ("A bias that lifts the unit to just 0:", off, torch.tensor([3.0]), True),
        ("A bias that lifts the unit above 0:", off, torch.tensor([5.0]), False),
    ):
        yield Case(given=words, arguments=(means, w1, b1), expected=expected)


(GATE_PARAMETERS,) = plain.EXERCISES

EXERCISES = (
    Exercise(
        title="A gate of any width",
        prompt="Our block divides by 16. Write it for any ratio, also for fewer channels than that. "
        "The check copies the weights of the library's block into yours.",
        solution=SqueezeExcite,
        cases=_gates,
        hint="Mean, `nn.Linear`, ReLU, `nn.Linear`, sigmoid; then multiply the features by the gates.",
        mistakes=(
            Mistake(_NoUnit, "With fewer channels than the ratio there is no hidden unit left. Keep one."),
            Mistake(
                changed(
                    SqueezeExcite,
                    lambda self, x: (
                        x * self.excite(torch.relu(self.squeeze(x.mean(dim=(2, 3)))))[:, :, None, None]
                    ),
                ),
                "A gate lies between 0 and 1. The sigmoid is missing.",
            ),
            Mistake(
                changed(
                    SqueezeExcite,
                    lambda self, x: (
                        x * torch.sigmoid(self.excite(self.squeeze(x.mean(dim=(2, 3)))))[:, :, None, None]
                    ),
                ),
                "The ReLU between the two layers is missing.",
            ),
            Mistake(
                changed(SqueezeExcite, lambda self, x: torch.relu(SqueezeExcite.forward(self, x))),
                "There is no ReLU after the gate: what is negative stays so.",
            ),
            Mistake(
                changed(SqueezeExcite, lambda self, x: SqueezeExcite.forward(self, x) / x),
                "These are the gates. Multiply the features by them.",
            ),
        ),
        why="Mean, two small layers, a sigmoid, one multiplication: that is all of it.",
    ),
    Exercise(
        title="Add what fits",
        prompt="Our block always projects its input. Write one that adds it as it is if the channels agree. "
        "Use `double_conv(channels_in, channels_out)` and `SEBlock(channels)`.",
        solution=AddedBlock,
        cases=_added,
        hint="`self.se(self.convs(features))` plus the shortcut, which is empty where the channels agree.",
        mistakes=(
            Mistake(
                _AlwaysProjected, "With equal channels the input is added as it is, without a projection."
            ),
            Mistake(_NeverProjected, "Where the channels differ, the input has to be projected before."),
            Mistake(
                changed(AddedBlock, lambda self, x: self.shortcut(self.se(self.convs(x)) + x)),
                "You add before the projection. The shortcut projects the input alone. Then add.",
            ),
            Mistake(
                changed(AddedBlock, lambda self, x: self.se(self.convs(x) + self.shortcut(x))),
                "The gate comes before the addition, so that it can shut out the convolutions alone.",
            ),
            Mistake(
                changed(AddedBlock, lambda self, x: torch.relu(AddedBlock.forward(self, x))),
                "There is no ReLU after the addition.",
            ),
            Mistake(
                changed(AddedBlock, lambda self, x: self.se(self.convs(x))),
                "The addition is missing.",
            ),
        ),
        why="In this decoder the skip is joined to the input, so no block has equal channels: all project.",
    ),
    GATE_PARAMETERS,
    Exercise(
        title="Is the gate silent?",
        prompt="Find out whether a block sets the same gates for every image.",
        solution=never_fires,
        cases=_units,
        hint="Compute the hidden layer before its ReLU. Silent means: no unit above 0 for any image.",
        mistakes=(
            Mistake(
                lambda means, w1, b1: bool((means @ w1.T + b1 <= 0).any()),
                "One unit that is on for one image is enough to make gates depend on the image. Ask for all.",
            ),
            Mistake(
                lambda means, w1, b1: bool((means @ w1.T <= 0).all()),
                "The bias can lift a unit above 0. Add it before you compare.",
            ),
        ),
        why="If all units are off for all images, the gates are constants: the block is there and does "
        "nothing.",
    ),
)
