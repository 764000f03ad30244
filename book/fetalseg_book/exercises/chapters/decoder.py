"""Exercises on the decoder: stamps, weights, shapes that fit, and a loss that does not overflow."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def stamp_map(pixels: torch.Tensor, stamp: torch.Tensor) -> torch.Tensor:
    """A transposed convolution of stride 2, by hand: ``pixels`` is H W, ``stamp`` 2×2, the result 2H 2W."""
    height, width = pixels.shape
    stamped = torch.zeros(2 * height, 2 * width)
    for row in range(height):
        for column in range(width):
            stamped[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = pixels[row, column] * stamp
    return stamped


def _maps() -> Iterator[Case]:
    stamp = torch.tensor([[1.0, 10.0], [100.0, 1000.0]])
    yield Case(
        given="The row (1, 2) with the stamp of the text:",
        arguments=(torch.tensor([[1.0, 2.0]]), stamp),
        expected=[[1, 10, 2, 20], [100, 1000, 200, 2000]],
    )
    pixels = torch.randn(3, 5)
    expected = F.conv_transpose2d(pixels[None, None], stamp[None, None], stride=2)[0, 0]
    yield Case(given="A map of 3×5:", arguments=(pixels, stamp), expected=expected)


def up_parameters(channels_in: int, channels_out: int) -> int:
    """Parameters of a transposed convolution with a 2×2 kernel, stride 2 and a bias."""
    return channels_in * channels_out * 2 * 2 + channels_out


def _ups() -> Iterator[Case]:
    yield Case(arguments=(1, 1), expected=5, tolerance=0)
    yield Case(arguments=(256, 128), expected=131_200, tolerance=0)


def can_join(below: tuple[int, int, int], skip: tuple[int, int, int]) -> bool:
    """Whether a stage can concatenate ``skip`` to what it makes of ``below``; both are (C, H, W)."""
    _, height, width = below
    return skip[1:] == (2 * height, 2 * width)


def _joins() -> Iterator[Case]:
    yield Case(arguments=((512, 8, 8), (96, 16, 16)), expected=True)
    yield Case(arguments=((512, 8, 8), (96, 8, 8)), expected=False)
    yield Case(arguments=((64, 20, 32), (24, 40, 64)), expected=True)
    yield Case(arguments=((64, 20, 32), (24, 64, 40)), expected=False)
    yield Case(arguments=((64, 10, 10), (24, 21, 21)), expected=False)


def background_loss(logit: float) -> float:
    """Cross-entropy of a background pixel, -ln(1 - σ(logit)), for logits of any size."""
    return max(logit, 0.0) + float(torch.log1p(torch.exp(torch.tensor(-abs(logit)))))


def _logits() -> Iterator[Case]:
    yield Case(arguments=(0.0,), expected=math.log(2))
    yield Case(arguments=(5.0,), expected=math.log1p(math.exp(5.0)))
    yield Case(arguments=(-100.0,), expected=0.0)
    yield Case(arguments=(20.0,), expected=20.0)
    yield Case(arguments=(100.0,), expected=100.0)
    yield Case(arguments=(1000.0,), expected=1000.0)


EXERCISES = (
    Exercise(
        title="A stamp of your own",
        prompt="Make a map twice as large, without `conv_transpose2d`. Two loops will do.",
        solution=stamp_map,
        cases=_maps,
        hint="Start with zeros of twice the size. Each pixel fills its own 2×2 square with its value times "
        "the stamp.",
        mistakes=(
            Mistake(
                lambda pixels, stamp: torch.kron(stamp, pixels),
                "You stamped the whole map with each number of the stamp. It is the other way round.",
            ),
            Mistake(
                lambda pixels, stamp: torch.kron(pixels, stamp.flip(0, 1)),
                "The stamp is upside down. A transposed convolution does not turn its kernel.",
            ),
        ),
        why="Each output pixel knows one input pixel. In one line it is `torch.kron(pixels, stamp)`.",
    ),
    Exercise(
        title="What does a stage's upsampling cost?",
        prompt="`dec4` goes from 256 to 128 channels. Count by hand.",
        solution=up_parameters,
        cases=_ups,
        hint="One stamp of 2×2 for each pair of an input and an output channel, and a bias for each output.",
        mistakes=(
            Mistake(
                lambda channels_in, channels_out: channels_in * channels_out * 4,
                "This convolution has a bias: no normalisation stands behind it.",
            ),
            Mistake(
                lambda channels_in, channels_out: channels_in * channels_out + channels_out,
                "A stamp has four numbers. You counted a 1×1 kernel, which is what interpolation needs.",
            ),
        ),
        why="Four times the weights of the 1×1 convolution behind an interpolation, and no more operations.",
    ),
    Exercise(
        title="Which skips fit?",
        prompt="Find the mistake of the note's brief by a function.",
        solution=can_join,
        cases=_joins,
        hint="The stage doubles rows and columns first. To concatenate, these must agree; channels need not.",
        mistakes=(
            Mistake(
                lambda below, skip: below[1:] == skip[1:],
                "You compared with the map before it is doubled. That is the brief's mistake.",
            ),
            Mistake(
                lambda below, skip: below[0] == skip[0] and skip[1:] == (2 * below[1], 2 * below[2]),
                "Only an addition needs equal channels. Concatenated channels stand side by side.",
            ),
            Mistake(
                lambda below, skip: below[1:] == (skip[1] // 2, skip[2] // 2),
                "Half of 21 is rounded down to 10, but twice 10 is 20. Double what is below.",
            ),
            Mistake(
                lambda below, skip: below[1] * below[2] * 4 == skip[1] * skip[2],
                "As many pixels is not enough. Rows must fit rows, and columns columns.",
            ),
        ),
        why="Rows and columns must be twice those below. The channels simply add up.",
    ),
    Exercise(
        title="A loss that survives",
        prompt="$-\\ln(1 - \\sigma(x))$ is $\\ln(1 + e^x)$. For large $x$ neither can be computed as it "
        "stands. Find a form that can.",
        solution=background_loss,
        cases=_logits,
        hint="Take $e^{|x|}$ out of the logarithm: $\\ln(1 + e^x) = \\max(x, 0) + \\ln(1 + e^{-|x|})$.",
        mistakes=(
            Mistake(
                lambda logit: float(-torch.log(1 - torch.sigmoid(torch.tensor(logit)))),
                "The sigmoid of a large logit rounds to 1, and the logarithm of 0 is infinite.",
            ),
            Mistake(
                lambda logit: float(torch.log(1 + torch.exp(torch.tensor(logit)))),
                "The exponential of a large number overflows. Let it be of a negative one only.",
            ),
            Mistake(
                lambda logit: math.log(1 + math.exp(logit)),
                "The exponential of a large number overflows. Let it be of a negative one only.",
            ),
            Mistake(
                lambda logit: max(logit, 0.0),
                "That is right far away from 0. Near 0 the logarithm still counts.",
            ),
        ),
        why="`binary_cross_entropy_with_logits` does just this. That is why networks are trained on logits.",
    ),
)
