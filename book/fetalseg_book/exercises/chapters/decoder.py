"""Exercises on the decoder: shapes that fit, and a loss for logits of any size."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


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
    return max(logit, 0.0) + math.log1p(math.exp(-abs(logit)))


def _logits() -> Iterator[Case]:
    yield Case(arguments=(0.0,), expected=math.log(2))
    yield Case(arguments=(5.0,), expected=math.log1p(math.exp(5.0)))
    yield Case(arguments=(-100.0,), expected=0.0)
    yield Case(arguments=(20.0,), expected=20.0)
    yield Case(arguments=(100.0,), expected=100.0)
    yield Case(arguments=(1000.0,), expected=1000.0)


EXERCISES = (
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
                lambda logit: -math.log(1 - 1 / (1 + math.exp(-logit))),
                "The sigmoid of a large logit rounds to 1, and the logarithm of 0 is infinite.",
            ),
            Mistake(
                lambda logit: math.log(1 + math.exp(logit)) if logit < 88 else math.inf,
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
