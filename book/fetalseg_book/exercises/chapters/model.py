"""Exercises on the model: count the parameters of a branch."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def branch_parameters(channels_in: int, channels_out: int) -> int:
    """Parameters of a 3×3 convolution without bias and the batch normalisation behind it."""
    return 3 * 3 * channels_in * channels_out + 2 * channels_out


def _branches() -> Iterator[Case]:
    yield Case(arguments=(1, 1), expected=11, tolerance=0)
    yield Case(arguments=(1280, 128), expected=1_474_816, tolerance=0)


EXERCISES = (
    Exercise(
        title="How many parameters does a branch have?",
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
)
