"""Exercises on the making of an ultrasound image: speckle, shadow and grey."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

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


def amplitude_left(loss_db_per_mm: float, thickness_mm: float) -> float:
    """Share of an echo's amplitude left behind a layer; the loss counts the way there and back."""
    return float(10 ** (-loss_db_per_mm * thickness_mm / 20))


def _layers() -> Iterator[Case]:
    yield Case(arguments=(2, 10), expected=0.1)
    yield Case(arguments=(0, 5), expected=1.0)
    yield Case(arguments=(0.5, 80), expected=0.01)


def grey(echo: float, range_db: float) -> float:
    """Grey of an echo from 0 (black) to 1 (white); 1 is white, ``range_db`` below it and less is black."""
    return float(np.clip(1 + 20 * np.log10(echo) / range_db, 0, 1))


def _echoes() -> Iterator[Case]:
    yield Case(arguments=(1.0, 60), expected=1.0)
    yield Case(arguments=(0.1, 60), expected=2 / 3)  # 20 of 60 dB below white
    yield Case(arguments=(0.001, 60), expected=0.0)
    yield Case(arguments=(10.0, 60), expected=1.0)
    yield Case(arguments=(1e-5, 60), expected=0.0)
    yield Case(arguments=(0.1, 40), expected=0.5)


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
    Exercise(
        title="What is left behind the bone?",
        prompt="A layer weakens sound by some dB per mm. Which share of the *amplitude* of an echo from "
        "behind it remains?",
        solution=amplitude_left,
        cases=_layers,
        hint="20 dB are a factor of ten in amplitude. dB add up along the way.",
        mistakes=(
            Mistake(
                lambda loss_db_per_mm, thickness_mm: 10 ** (-loss_db_per_mm * thickness_mm / 10),
                "A factor of ten in *power* is 10 dB, in amplitude 20 dB. (Or did you double the way? There "
                "and back is in the loss already.)",
            ),
            Mistake(
                lambda loss_db_per_mm, thickness_mm: loss_db_per_mm * thickness_mm,
                "That is the loss in dB. Turn it into a share.",
            ),
        ),
        why="Losses in dB add up, amplitudes multiply. So a shadow of 20 dB leaves a tenth.",
    ),
    Exercise(
        title="From echo to grey",
        prompt="The screen shows the logarithm of the echo, between black and white.",
        solution=grey,
        cases=_echoes,
        hint="Go to dB with `20 * np.log10(echo)`. At 0 dB it is white, at `-range_db` black; cut off what "
        "lies outside.",
        mistakes=(
            Mistake(
                lambda echo, range_db: 1 + 20 * np.log10(echo) / range_db,
                "A screen has nothing brighter than white or darker than black. Cut it off at 0 and 1.",
            ),
            Mistake(
                lambda echo, range_db: np.clip(1 + 10 * np.log10(echo) / range_db, 0, 1),
                "An echo is an amplitude: 20 dB for each factor of ten.",
            ),
        ),
        why="Each factor of ten is the same step in grey. So adding brightness multiplies the echo.",
    ),
)
