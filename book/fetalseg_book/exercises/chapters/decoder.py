"""Exercises on the decoder: another stage, shapes that fit, and a loss that does not overflow."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake
from fetalseg_book.exercises.networks import case, changed
from fetalseg_book.mynet import ResidualBlock, SEBlock
from fetalseg_lib.models.decoder import DecoderStage


class BilinearStage(nn.Module):
    """A stage that interpolates: a 1×1 convolution to ``out`` channels, doubled bilinearly; the skip through
    SE; both joined, the doubled map first, and refined.
    """

    def __init__(self, channels_in: int, skip: int, out: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels_in, out, 1)
        self.skip_se = SEBlock(skip)
        self.block = ResidualBlock(out + skip, out)

    def forward(
        self,
        below: torch.Tensor,
        skip: torch.Tensor,
    ) -> torch.Tensor:
        up = F.interpolate(self.reduce(below), scale_factor=2, mode="bilinear")
        return self.block(torch.cat([up, self.skip_se(skip)], dim=1))


def _stages() -> Iterator[Case]:
    library = DecoderStage(4, 3, 3, upsampling="bilinear")
    yield case(library, "BilinearStage", (4, 3, 3), torch.randn(2, 4, 3, 4), torch.randn(2, 3, 6, 8))


def _doubled(stage: Any, below: torch.Tensor, **how: Any) -> torch.Tensor:
    return F.interpolate(stage.reduce(below), scale_factor=2, **how)


def _joined(stage: Any, up: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
    return stage.block(torch.cat([up, skip], dim=1))


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
        title="A stage that interpolates",
        prompt="Write the stage of the variant `bilinear_up`. Your `SEBlock(channels)` and "
        "`ResidualBlock(channels_in, channels_out)` are at hand. The check copies the library's weights.",
        solution=BilinearStage,
        cases=_stages,
        hint='`nn.Conv2d(channels_in, out, 1)`, `F.interpolate(..., scale_factor=2, mode="bilinear")`, '
        "`torch.cat`, block.",
        mistakes=(
            Mistake(
                changed(
                    BilinearStage,
                    lambda self, below, skip: _joined(
                        self, self.skip_se(skip), _doubled(self, below, mode="bilinear")
                    ),
                ),
                "The order of the channels: the doubled map comes first, the skip second.",
            ),
            Mistake(
                changed(
                    BilinearStage,
                    lambda self, below, skip: _joined(self, _doubled(self, below), self.skip_se(skip)),
                ),
                'That is nearest-neighbour upsampling, the default. Ask for `mode="bilinear"`.',
            ),
            Mistake(
                changed(
                    BilinearStage,
                    lambda self, below, skip: _joined(
                        self, _doubled(self, below, mode="bilinear", align_corners=True), self.skip_se(skip)
                    ),
                ),
                "With `align_corners=True` the corners' centres stay in place, and all else is stretched.",
            ),
            Mistake(
                changed(
                    BilinearStage,
                    lambda self, below, skip: _joined(self, _doubled(self, below, mode="bilinear"), skip),
                ),
                "The skip does not pass its gates.",
            ),
            Mistake(
                changed(
                    BilinearStage,
                    lambda self, below, skip: _joined(
                        self, self.skip_se(_doubled(self, below, mode="bilinear")), skip
                    ),
                ),
                "The gates belong to the skip, not to what comes from below.",
            ),
        ),
        why="Put five of them into `MyNet`, and you have the variant `bilinear_up`.",
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
