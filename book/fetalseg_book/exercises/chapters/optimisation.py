"""Exercises on optimisation: the length of a step, a falling rate, and a stop that asks for a gain."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def first_step(gradient: float, lr: float) -> float:
    """By how much Adam changes a weight in its first step (leave out ε)."""
    return -math.copysign(lr, gradient) if gradient else 0.0


def _gradients() -> Iterator[Case]:
    yield Case(arguments=(5.0, 0.1), expected=-0.1)
    yield Case(arguments=(-0.005, 0.1), expected=0.1)
    yield Case(arguments=(0.0, 0.1), expected=0.0)


def cosine_rate(epoch: int, epochs: int, lr: float) -> float:
    """Learning rate along half a cosine, from ``lr`` at epoch 0 to 0 at the end."""
    return lr * (1 + math.cos(math.pi * epoch / epochs)) / 2


def _epochs() -> Iterator[Case]:
    yield Case(arguments=(0, 100, 0.2), expected=0.2)
    yield Case(arguments=(50, 100, 0.2), expected=0.1)
    yield Case(arguments=(75, 100, 0.2), expected=0.0292893)  # 0.1 (1 - 1 / √2)
    yield Case(arguments=(100, 100, 0.2), expected=0.0)


def stop_epoch(dices: list[float], patience: int, gain: float) -> int:
    """Epochs run: up to ``patience`` in a row that did not beat the best by more than ``gain``, or all."""
    best, since = -1.0, 0
    for epoch, dice in enumerate(dices, start=1):
        best, since = (dice, 0) if dice > best + gain else (best, since + 1)
        if since == patience:
            return epoch
    return len(dices)


def _histories() -> Iterator[Case]:
    yield Case(arguments=([0.5, 0.6, 0.7], 2, 0.001), expected=3, tolerance=0)
    yield Case(arguments=([0.5, 0.5004, 0.5008, 0.6], 2, 0.001), expected=3, tolerance=0)
    yield Case(arguments=([0.5, 0.5008, 0.5016, 0.5016, 0.5016], 2, 0.001), expected=5, tolerance=0)
    yield Case(arguments=([0.5, 0.4, 0.45, 0.49, 0.495], 3, 0.001), expected=4, tolerance=0)


def _against_previous(dices: list[float], patience: int, gain: float) -> int:
    last, since = -1.0, 0
    for epoch, dice in enumerate(dices, start=1):
        last, since = dice, 0 if dice > last + gain else since + 1
        if since == patience:
            return epoch
    return len(dices)


def _creeping(dices: list[float], patience: int, gain: float) -> int:
    best, since = -1.0, 0
    for epoch, dice in enumerate(dices, start=1):
        best, since = max(best, dice), 0 if dice > best + gain else since + 1
        if since == patience:
            return epoch
    return len(dices)


EXERCISES = (
    Exercise(
        title="The first step",
        prompt="A gradient of 5, and one of 0.005. How far does Adam go?",
        solution=first_step,
        cases=_gradients,
        hint="In the first step $\\hat m = g$ and $\\hat v = g^2$.",
        mistakes=(
            Mistake(
                lambda gradient, lr: -lr * gradient,
                "That is plain gradient descent. Adam divides by the size of the gradient.",
            ),
            Mistake(lambda gradient, lr: -first_step(gradient, lr), "Downhill is *against* the gradient."),
        ),
        why="Adam's learning rate is a length: the size of the gradient does not matter, only its sign.",
    ),
    Exercise(
        title="Along a cosine",
        prompt="Write the schedule as a function of the epoch.",
        solution=cosine_rate,
        cases=_epochs,
        hint="$\\cos$ runs from 1 to -1 as its argument runs from 0 to $\\pi$. Bring that to 1 and 0.",
        mistakes=(
            Mistake(
                lambda epoch, epochs, lr: lr * (1 - epoch / epochs),
                "That is a straight line. A cosine falls slowly, then fast, then slowly again.",
            ),
            Mistake(
                lambda epoch, epochs, lr: lr * math.cos(math.pi * epoch / epochs / 2),
                "That is a quarter of a cosine: at half time it should be half the rate.",
            ),
        ),
        why="It is planned: after the last epoch the rate is 0, so the number of epochs must be known "
        "beforehand.",
    ),
    Exercise(
        title="Better by how much?",
        prompt="Let a new best count only if it is better by more than a given gain.",
        solution=stop_epoch,
        cases=_histories,
        hint="Keep the best that counted, and the epochs since. Compare each epoch with the best, not with "
        "the last.",
        mistakes=(
            Mistake(
                lambda dices, patience, gain: stop_epoch(dices, patience, 0),
                "Small steps counted as better here. Ask for more than the gain.",
            ),
            Mistake(
                _creeping, "What did not count as better must not raise the bar: keep the best that counted."
            ),
            Mistake(
                _against_previous,
                "You compared with the epoch before. A recovery from a bad epoch is not a new best.",
            ),
        ),
        why="It stops earlier where gains are small and steady, which is just what the end of a cosine "
        "looks like.",
    ),
)
