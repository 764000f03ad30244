"""Exercises on the whole network: count weights, follow a kernel onto a small map, find what moves."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def branch_parameters(channels_in: int, channels_out: int) -> int:
    """Parameters of a 3×3 convolution without bias and the batch normalisation behind it."""
    return 3 * 3 * channels_in * channels_out + 2 * channels_out


def _branches() -> Iterator[Case]:
    yield Case(arguments=(1, 1), expected=11, tolerance=0)
    yield Case(arguments=(1280, 128), expected=1_474_816, tolerance=0)


def taps_seen(image_side: int, rate: int) -> float:
    """Mean number of a 3×3 kernel's taps that see data in the bottleneck of a square image."""
    side = image_side // 32
    ones, kernel = torch.ones(1, 1, side, side), torch.ones(1, 1, 3, 3)
    return F.conv2d(ones, kernel, padding=rate, dilation=rate).mean().item()


def _taps() -> Iterator[Case]:
    # Along one axis, each outer tap sees data from n - r of the n positions.
    yield Case(arguments=(256, 1), expected=(1 + 2 * 7 / 8) ** 2)
    yield Case(arguments=(256, 6), expected=(1 + 2 * 2 / 8) ** 2)
    yield Case(arguments=(128, 6), expected=1.0)
    yield Case(arguments=(512, 12), expected=(1 + 2 * 4 / 16) ** 2)


def _taps_on(side: int, rate: int) -> float:
    return float((1 + 2 * max(0, side - rate) / side) ** 2)


def count_moved(model: torch.nn.Module, image: torch.Tensor) -> int:
    """How many tensors of the state change when ``image`` passes in train mode, untrained."""
    before = [tensor.clone() for tensor in model.state_dict().values()]
    model.train()
    with torch.no_grad():
        model(image)
    after = model.state_dict().values()
    return sum(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


def _models() -> Iterator[Case]:
    image = torch.rand(2, 1, 8, 8)
    convolution = nn.Conv2d(1, 4, 3)
    yield Case(given="A lone convolution", arguments=(convolution, image), expected=0)
    one_norm = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).requires_grad_(False)
    yield Case(
        given="Convolution and batch normalisation, no gradients,", arguments=(one_norm, image), expected=3
    )
    two_norms = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).eval()
    yield Case(given="A model with two batch normalisations", arguments=(two_norms, image), expected=6)


EXERCISES = (
    Exercise(
        title="How many parameters has a branch?",
        prompt="One dilated branch of the ASPP has a convolution from 1280 to 128 channels. Count without "
        "building it.",
        solution=branch_parameters,
        cases=_branches,
        hint="Each output channel has a 3×3 kernel for each input channel. The normalisation has a scale "
        "and a shift.",
        mistakes=(
            Mistake(
                lambda channels_in, channels_out: 9 * channels_in * channels_out,
                "The batch normalisation has two trained numbers for each of its channels.",
            ),
            Mistake(
                lambda channels_in, channels_out: 9 * channels_in * channels_out + 3 * channels_out,
                "You counted a bias. There is none: the shift of the normalisation would do the same.",
            ),
        ),
        why="The dilation moves the taps apart and adds none, so all three branches have the same count.",
    ),
    Exercise(
        title="What does rate 6 see in a smaller image?",
        prompt="Find the size of the bottleneck's map first. Then let a convolution count, as above.",
        solution=taps_seen,
        cases=_taps,
        hint="The encoder halves the image five times. Ones on the map, ones in the kernel, padding as wide "
        "as the rate.",
        mistakes=(
            Mistake(
                lambda image_side, rate: _taps_on(image_side, rate),
                "The kernel does not lie on the image. It lies on the bottleneck's map, 32 times smaller.",
            ),
            Mistake(
                lambda image_side, rate: (1 + 2 * (1 - 32 * rate / image_side)) ** 2,
                "Where the rate exceeds the map, an outer tap sees nothing, and not less than nothing.",
            ),
        ),
        why="At 128×128 the map has 4 rows, and all three of the note's rates see their own centre only.",
    ),
    Exercise(
        title="What moves in train mode?",
        prompt="Nothing is trained, no gradient flows. And still something changes. Count what.",
        solution=count_moved,
        cases=_models,
        hint="Copy all tensors first (`clone`), switch to train mode, send the image through, compare.",
        mistakes=(
            Mistake(
                lambda model, image: 0,
                "Three things can hide the change: a model in eval mode, a copy that is no copy (`clone`), "
                "or `parameters()`, which leaves out the running statistics that `state_dict()` has.",
            ),
            Mistake(
                lambda model, image: 2 * sum(isinstance(part, nn.BatchNorm2d) for part in model.modules()),
                "Mean and variance move, and a third tensor counts the batches.",
            ),
        ),
        why="Each batch normalisation moves its running mean, its running variance and its count of "
        "batches. `requires_grad` has no say in that.",
    ),
)
