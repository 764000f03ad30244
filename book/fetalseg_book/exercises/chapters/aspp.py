"""Exercises on the bottleneck: reach, living taps, and a norm that leaves the batch alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def reach(kernel: int, rate: int) -> int:
    """Positions from the first tap of a dilated kernel to its last, both included, along one axis."""
    return kernel + (kernel - 1) * (rate - 1)


def _rates() -> Iterator[Case]:
    yield Case(arguments=(3, 1), expected=3, tolerance=0)
    yield Case(arguments=(3, 6), expected=13, tolerance=0)
    yield Case(arguments=(5, 2), expected=9, tolerance=0)  # taps at 0, 2, 4, 6, 8
    yield Case(arguments=(1, 7), expected=1, tolerance=0)


def largest_full_rate(side: int) -> int:
    """The largest rate at which a 3×3 kernel sees all nine taps from *some* position of a square map."""
    return (side - 1) // 2


def _maps() -> Iterator[Case]:
    for side in (3, 8, 33):
        rates = range(1, side + 1)
        full = [r for r in rates if any(at - r >= 0 and at + r < side for at in range(side))]
        yield Case(arguments=(side,), expected=max(full), tolerance=0)


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


def normalise_groups(features: torch.Tensor, groups: int) -> torch.Tensor:
    """GroupNorm of ``B C H W`` without scale and shift: mean 0 and variance 1 in each group of each image."""
    grouped = features.reshape(len(features), groups, -1)
    mean = grouped.mean(dim=2, keepdim=True)
    variance = grouped.var(dim=2, keepdim=True, correction=0)
    return ((grouped - mean) / torch.sqrt(variance + 1e-5)).reshape(features.shape)


def _features() -> Iterator[Case]:
    for batch, channels, side, groups in ((2, 4, 1, 2), (1, 6, 5, 3)):
        features = 3 + 2 * torch.randn(batch, channels, side, side)
        yield Case(
            given=f"Features of shape ({batch}, {channels}, {side}, {side}) in {groups} groups: it",
            arguments=(features, groups),
            expected=F.group_norm(features, groups),
            tolerance=1e-3,
        )


def _batch_norm(features: torch.Tensor, groups: int) -> torch.Tensor:
    mean = features.mean(dim=(0, 2, 3), keepdim=True)
    return (features - mean) / torch.sqrt(features.var(dim=(0, 2, 3), keepdim=True, correction=0) + 1e-5)


def _sample_variance(features: torch.Tensor, groups: int) -> torch.Tensor:
    grouped = features.reshape(len(features), groups, -1)
    scaled = (grouped - grouped.mean(dim=2, keepdim=True)) / grouped.std(dim=2, keepdim=True)
    return scaled.reshape(features.shape)


EXERCISES = (
    Exercise(
        title="How far does it reach?",
        prompt="For any kernel and any rate. Draw the taps on paper first.",
        solution=reach,
        cases=_rates,
        hint="A kernel of $k$ taps has $k - 1$ gaps, and each gap is as wide as the rate.",
        mistakes=(
            Mistake(lambda kernel, rate: kernel * rate, "There is one gap fewer than there are taps."),
            Mistake(
                lambda kernel, rate: (kernel - 1) * rate,
                "That is the distance between the outer taps. Count both of them in.",
            ),
        ),
        why="$k - 1$ gaps of $r$ steps and one position to start from: $1 + (k - 1)\\,r = k + (k - 1)(r - "
        "1)$.",
    ),
    Exercise(
        title="Which rates fit the map?",
        prompt="The note's map has 8 rows. Which rate would be the largest that uses all of its weights "
        "somewhere?",
        solution=largest_full_rate,
        cases=_maps,
        hint="The best position is in the middle. It needs `rate` rows before it and `rate` rows behind.",
        mistakes=(
            Mistake(lambda side: side // 2, "The position itself takes a row, too: $2r + 1$ rows must fit."),
            Mistake(
                lambda side: side - 1,
                "At that rate *some* outer tap sees data from a corner. All nine at once need room on both "
                "sides.",
            ),
        ),
        why="$2r + 1 \\le 8$ gives $r \\le 3$: just the rates of `aspp_rates_1_2_3`.",
    ),
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
    Exercise(
        title="Leave the batch alone",
        prompt="Write the normalisation of the pooling branch. An image must come out the same in any batch.",
        solution=normalise_groups,
        cases=_features,
        hint="`reshape` to `(B, groups, -1)`, normalise along the last axis, reshape back. Add 1e-5 to the "
        "variance.",
        mistakes=(
            Mistake(
                _batch_norm,
                "You normalise each channel over the batch. That is BatchNorm: images depend on each other.",
            ),
            Mistake(_sample_variance, "Divide the squares by $n$, not by $n - 1$ (`correction=0`)."),
        ),
        why="Every mean is taken within one image, so a batch of one is as good as any.",
    ),
)
