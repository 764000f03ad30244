"""Exercises on the decoder's block: gates by hand, their cost, their silence, and the shortcut."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def gates_by_hand(means: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor) -> torch.Tensor:
    """Gates ``(C,)`` of one image from its channels' means ``(C,)``; ``w1`` is hidden × C, no biases."""
    hidden = torch.relu(w1 @ means)
    return torch.sigmoid(w2 @ hidden)


def _means() -> Iterator[Case]:
    w1, w2 = torch.tensor([[0.5, -1.0]]), math.log(3) * torch.tensor([[1.0], [-1.0]])
    for means, expected in (((4.0, 1.0), (0.75, 0.25)), ((4.0, 4.0), (0.5, 0.5)), ((6.0, 1.0), (0.9, 0.1))):
        yield Case(
            given=f"Means {means} with the weights of the text:",
            arguments=(torch.tensor(means), w1, w2),
            expected=expected,
        )


def gate_parameters(channels: int, reduction: int) -> int:
    """Parameters of an SE block with biases; it has at least one hidden unit."""
    hidden = max(1, channels // reduction)
    return channels * hidden + hidden + hidden * channels + channels


def _blocks() -> Iterator[Case]:
    yield Case(arguments=(256, 16), expected=8464, tolerance=0)  # 4096 + 16 + 4096 + 256
    yield Case(arguments=(24, 16), expected=73, tolerance=0)  # 24 + 1 + 24 + 24
    yield Case(arguments=(8, 16), expected=25, tolerance=0)  # 8 + 1 + 8 + 8


def never_fires(means: torch.Tensor, w1: torch.Tensor, b1: torch.Tensor) -> bool:
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


def shortcut_parameters(channels_in: int, channels_out: int) -> int:
    """Parameters of a block's shortcut: none, or a 1×1 convolution without bias and its normalisation."""
    if channels_in == channels_out:
        return 0
    return channels_in * channels_out + 2 * channels_out


def _shortcuts() -> Iterator[Case]:
    yield Case(arguments=(352, 256), expected=90_624, tolerance=0)  # 90112 + 512
    yield Case(arguments=(32, 32), expected=0, tolerance=0)


EXERCISES = (
    Exercise(
        title="Gates by hand",
        prompt="Take the means as given, and make the gates. Two lines are enough.",
        solution=gates_by_hand,
        cases=_means,
        hint="First layer, ReLU, second layer, sigmoid.",
        mistakes=(
            Mistake(
                lambda means, w1, w2: torch.sigmoid(w2 @ (w1 @ means)),
                "Without the ReLU a negative hidden unit would still reach the gates.",
            ),
            Mistake(
                lambda means, w1, w2: w2 @ torch.relu(w1 @ means),
                "A gate lies between 0 and 1. The sigmoid is missing.",
            ),
        ),
        why="With means (4, 4) the one hidden unit is negative, the ReLU makes it 0, and both gates are one "
        "half, whatever else the image shows.",
    ),
    Exercise(
        title="What does a gate cost?",
        prompt="Section 3.3 of the note counts the SE of `dec5`'s block as $(352 \\times 16) + (16 \\times "
        "352)$. But the two convolutions have already made 256 channels of 352. Count for any number, with "
        "biases.",
        solution=gate_parameters,
        cases=_blocks,
        hint="Two layers, each with weights and a bias. The hidden layer has `channels // reduction` units.",
        mistakes=(
            Mistake(
                lambda channels, reduction: 2 * channels * max(1, channels // reduction),
                "These are the weights. Both layers have biases as well.",
            ),
            Mistake(
                lambda channels, reduction: (2 * channels + 1) * (channels // reduction) + channels,
                "With fewer channels than the ratio there would be no hidden unit. There is at least one.",
            ),
        ),
        why="8464 for `dec5`: attention is cheap. And a skip of 24 channels hangs on one hidden unit.",
    ),
    Exercise(
        title="Is the gate silent?",
        prompt="Find out whether a block says the same to every image.",
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
    Exercise(
        title="What does the shortcut cost?",
        prompt="Where the channels agree, the input is added as it is. Else it is projected.",
        solution=shortcut_parameters,
        cases=_shortcuts,
        hint="A 1×1 convolution has one weight for each pair of channels, a normalisation two numbers per "
        "channel.",
        mistakes=(
            Mistake(
                lambda channels_in, channels_out: channels_in * channels_out + 2 * channels_out,
                "With equal channels nothing has to be projected. An identity has no parameters.",
            ),
            Mistake(
                lambda channels_in, channels_out: (
                    0 if channels_in == channels_out else channels_in * channels_out
                ),
                "The normalisation behind the projection has parameters, too.",
            ),
        ),
        why="In this decoder no block has equal channels, because the skip is joined to its input. So all "
        "five project.",
    ),
)
