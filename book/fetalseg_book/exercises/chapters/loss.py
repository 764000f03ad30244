"""Exercises on the loss: the balance of a mask, and a weight that moves the outline."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def balancing_weight(mask: list[list[int]]) -> float:
    """The `pos_weight` that lets head (1) and background (0) of these rows count the same."""
    pixels = [pixel for row in mask for pixel in row]
    return pixels.count(0) / pixels.count(1)


def _masks() -> Iterator[Case]:
    yield Case(given="One head pixel of four:", arguments=([[1, 0], [0, 0]],), expected=3.0)
    yield Case(given="Three head pixels of four:", arguments=([[1, 1], [1, 0]],), expected=1 / 3)


def weight_for(shift: float) -> float:
    """The weight that moves the outline outwards by ``shift`` times the softness s of the edge."""
    return math.exp(shift)


def _shifts() -> Iterator[Case]:
    yield Case(arguments=(0.0,), expected=1.0)
    yield Case(arguments=(-1.0,), expected=0.367879)
    yield Case(given="`weight_for(ln 200)`", arguments=(math.log(200),), expected=200.0)


def threshold_for(weight: float) -> float:
    """The probability above which a pixel must be called head, so that the weight's shift is undone."""
    return weight / (1 + weight)


def _weights() -> Iterator[Case]:
    yield Case(arguments=(1.0,), expected=0.5)
    yield Case(arguments=(3.0,), expected=0.75)
    yield Case(arguments=(199.0,), expected=0.995)


EXERCISES = (
    Exercise(
        title="Balance a mask",
        prompt="What weight would your own masks need? Try the function on an outline and on the filled "
        "head.",
        solution=balancing_weight,
        cases=_masks,
        hint="How many background pixels are there for each head pixel?",
        mistakes=(
            Mistake(
                lambda mask: 1 / balancing_weight(mask),
                "The other way round: what is rare must count more.",
            ),
            Mistake(
                lambda mask: 1 + balancing_weight(mask),
                "You divided *all* pixels by the head's. Count the background's alone.",
            ),
        ),
        why="A filled head needs a weight of a few, a thin outline one of hundreds.",
    ),
    Exercise(
        title="Order a shift",
        prompt="A clinic would rather miss a millimetre than add one. Which weight moves the outline by a "
        "given shift?",
        solution=weight_for,
        cases=_shifts,
        hint="The outline moves by $s \\ln w$. Solve for $w$.",
        mistakes=(
            Mistake(
                lambda shift: 1 + shift,
                "The shift grows with the logarithm of the weight, so the weight with the exponential.",
            ),
            Mistake(lambda shift: math.exp(-shift), "A weight above 1 moves the outline *outwards*."),
        ),
        why="$s \\ln w = -s$ gives $w = 1/e$: a weight below 1 makes the network cautious.",
    ),
    Exercise(
        title="Undo it afterwards",
        prompt="The network is trained with a weight. You can still move the threshold. Where should it go?",
        solution=threshold_for,
        cases=_weights,
        hint="On the true outline $p = \\tfrac12$. What does the weighted loss want the network to answer "
        "there?",
        mistakes=(
            Mistake(
                lambda weight: 1 / (1 + weight),
                "That is the true probability at which the network answers one half. You need its answer at "
                "one half.",
            ),
            Mistake(lambda weight: 0.5, "At one half the outline lies $s \\ln w$ too far out."),
        ),
        why="With 200 it is so close to 1 that the outline depends on the last digits of the output. It "
        "is better to avoid a bias than to undo it.",
    ),
)
