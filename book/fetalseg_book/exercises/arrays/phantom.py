"""Exercises on the making of an ultrasound image: speckle, shadow and grey."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fetalseg_book.exercises.chapters import phantom as plain
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def mean_over_sd(n: int) -> float:
    """Mean over standard deviation of the envelope of ``n`` added waves, from at least 20,000 draws."""
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (20_000, n))
    envelope = np.abs(np.exp(1j * phase).sum(axis=1))
    return float(envelope.mean() / envelope.std())


def _waves() -> Iterator[Case]:
    # Two waves: the envelope is 2 |cos(d / 2)| with a uniform d, its mean 4 / pi, its mean square 2.
    two = (4 / math.pi) / math.sqrt(2 - (4 / math.pi) ** 2)
    yield Case(arguments=(2,), expected=two, tolerance=0.02)
    yield Case(arguments=(50,), expected=math.sqrt(math.pi / (4 - math.pi)), tolerance=0.02)


def _from_complex(n: int) -> np.ndarray:
    phase = np.random.default_rng(1).uniform(0, 2 * np.pi, (20_000, n))
    return np.asarray(np.exp(1j * phase).sum(axis=1))


def _ratio(values: np.ndarray) -> float:
    return float(values.mean() / values.std())


AMPLITUDE_LEFT, GREY = plain.EXERCISES

EXERCISES = (
    Exercise(
        title="How many waves make speckle?",
        prompt="Add `n` waves of random phase, many times. Which value does mean over SD approach as `n` "
        "grows?",
        solution=mean_over_sd,
        cases=_waves,
        hint="A wave of phase φ is `np.exp(1j * φ)`. Add along the waves, take the absolute value, then the "
        "ratio.",
        mistakes=(
            Mistake(
                lambda n: _ratio(np.abs(_from_complex(n)) ** 2),
                "That is the intensity. The envelope is its square root.",
            ),
            Mistake(
                lambda n: _ratio(np.abs(_from_complex(n).real)),
                "You kept the real part only. The envelope is the length of the complex number.",
            ),
        ),
        why="From about ten waves on the ratio stays near 1.91, that of Rayleigh's distribution, so "
        "speckle does not show how many scatterers made it.",
    ),
    AMPLITUDE_LEFT,
    GREY,
)
