"""Exercises on the gate: what it costs."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def gate_parameters(channels: int, reduction: int) -> int:
    """Parameters of an SE block with biases; it has at least one hidden unit."""
    hidden = max(1, channels // reduction)
    return channels * hidden + hidden + hidden * channels + channels


def _blocks() -> Iterator[Case]:
    yield Case(arguments=(256, 16), expected=8464, tolerance=0)  # 4096 + 16 + 4096 + 256
    yield Case(arguments=(24, 16), expected=73, tolerance=0)  # 24 + 1 + 24 + 24
    yield Case(arguments=(8, 16), expected=25, tolerance=0)  # 8 + 1 + 8 + 8


EXERCISES = (
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
        why="8464 for `dec5`: attention is cheap. And a skip of 24 channels depends on one hidden unit.",
    ),
)
