"""Exercises on the decoder: another stage, shapes that fit, and a loss that does not overflow."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from fetalseg_book.exercises.chapters import decoder as plain
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


CAN_JOIN, BACKGROUND_LOSS = plain.EXERCISES

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
    CAN_JOIN,
    BACKGROUND_LOSS,
)
