"""Exercises on the making of an ultrasound image: shadow and grey."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def amplitude_left(loss_db_per_mm: float, thickness_mm: float) -> float:
    """Share of an echo's amplitude left behind a layer; the loss counts the way there and back."""
    return float(10 ** (-loss_db_per_mm * thickness_mm / 20))


def _layers() -> Iterator[Case]:
    yield Case(arguments=(2, 10), expected=0.1)
    yield Case(arguments=(0, 5), expected=1.0)
    yield Case(arguments=(0.5, 80), expected=0.01)


def grey(echo: float, range_db: float) -> float:
    """Grey of an echo from 0 (black) to 1 (white); 1 is white, ``range_db`` below it and less is black."""
    return min(max(1 + 20 * math.log10(echo) / range_db, 0.0), 1.0)


def _echoes() -> Iterator[Case]:
    yield Case(arguments=(1.0, 60), expected=1.0)
    yield Case(arguments=(0.1, 60), expected=2 / 3)  # 20 of 60 dB below white
    yield Case(arguments=(0.001, 60), expected=0.0)
    yield Case(arguments=(10.0, 60), expected=1.0)
    yield Case(arguments=(1e-5, 60), expected=0.0)
    yield Case(arguments=(0.1, 40), expected=0.5)


EXERCISES = (
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
        hint="Go to dB with `20 * math.log10(echo)`. At 0 dB it is white, at `-range_db` black; cut off what "
        "lies outside.",
        mistakes=(
            Mistake(
                lambda echo, range_db: 1 + 20 * math.log10(echo) / range_db,
                "A screen has nothing brighter than white or darker than black. Cut it off at 0 and 1.",
            ),
            Mistake(
                lambda echo, range_db: min(max(1 + 10 * math.log10(echo) / range_db, 0.0), 1.0),
                "An echo is an amplitude: 20 dB for each factor of ten.",
            ),
        ),
        why="Each factor of ten is the same step in grey. So adding brightness multiplies the echo.",
    ),
)
