"""Exercises on robustness: a paired cost, what a warning catches, and whether to believe it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake


def cost(usual: dict[str, float], turned: dict[str, float]) -> float:
    """Mean change of Dice on the images that are in both; each has a Dice under its name."""
    return statistics.mean(turned[name] - usual[name] for name in usual if name in turned)


def _pairs() -> Iterator[Case]:
    usual = {"a": 0.9, "b": 0.8, "c": 0.1}
    yield Case(
        given="a, b and c with 0.9, 0.8 and 0.1 as usual; b and a with 0.7 and 0.9 in the shadow:",
        arguments=(usual, {"b": 0.7, "a": 0.9}),
        expected=-0.05,
    )
    yield Case(
        given="a and b with 0.9 and 0.8 as usual, 0.8 and 0.5 in the shadow:",
        arguments=({"a": 0.9, "b": 0.8}, {"a": 0.8, "b": 0.5}),
        expected=-0.2,
    )


def share_caught(
    error_mm: list[float],
    flagged: list[bool],
    tolerance_mm: float,
) -> float:
    """Share of the bad measurements, off by more than `tolerance_mm` either way, that carry a warning."""
    pairs = zip(error_mm, flagged, strict=True)
    return statistics.mean(warned for error, warned in pairs if abs(error) > tolerance_mm)


def _flags() -> Iterator[Case]:
    error = [-30.0, 20.0, 12.0, -11.0, 1.0, 2.0]
    flagged = [True, False, False, False, True, True]
    yield Case(
        given="Errors of -30, 20, 12, -11, 1 and 2 mm, a warning for the first and the last two, 10 mm "
        "allowed:",
        arguments=(error, flagged, 10.0),
        expected=0.25,
    )
    yield Case(given="The same with 15 mm allowed:", arguments=(error, flagged, 15.0), expected=0.5)


def warning_is_right(caught: float, false_alarms: float, bad: float) -> float:
    """Probability that a measurement with a warning is bad, where a share `bad` of all are.

    `caught` is the share of the bad ones with a warning, `false_alarms` that of the good ones.
    """
    right, wrong = caught * bad, false_alarms * (1 - bad)
    return right / (right + wrong)


def _clinics() -> Iterator[Case]:
    yield Case(arguments=(0.8, 0.1, 0.5), expected=8 / 9)
    yield Case(arguments=(0.8, 0.1, 0.01), expected=0.008 / 0.107)


EXERCISES = (
    Exercise(
        title="What did it cost?",
        prompt="A few images are missing, and the order has changed. Compare each image with itself.",
        solution=cost,
        cases=_pairs,
        hint="Go through the names that are in both. Subtract for each, then take the mean.",
        mistakes=(
            Mistake(
                lambda usual, turned: statistics.mean(turned.values()) - statistics.mean(usual.values()),
                "Two means over different images: the hard image c is in one of them only. Take the "
                "difference image by image.",
            ),
            Mistake(
                lambda usual, turned: -cost(usual, turned),
                "A cost is a change *from* the usual: turned minus usual, so that a loss is negative.",
            ),
        ),
        why="The same head before and after: what makes it hard or easy cancels.",
    ),
    Exercise(
        title="How many bad ones were caught?",
        prompt="A warning is for the bad measurements. How many of *them* carry one?",
        solution=share_caught,
        cases=_flags,
        hint="Choose the bad measurements first. Then ask which share of these is flagged.",
        mistakes=(
            Mistake(
                lambda error_mm, flagged, tolerance_mm: statistics.mean(
                    abs(error) > tolerance_mm
                    for error, warned in zip(error_mm, flagged, strict=True)
                    if warned
                ),
                "That is the share of the *warnings* that were right. Ask it the other way around.",
            ),
            Mistake(
                lambda error_mm, flagged, tolerance_mm: statistics.mean(
                    warned for error, warned in zip(error_mm, flagged, strict=True) if error > tolerance_mm
                ),
                "A head measured 30 mm too small is bad, too.",
            ),
            Mistake(
                lambda error_mm, flagged, tolerance_mm: statistics.mean(
                    (abs(error) > tolerance_mm) == warned
                    for error, warned in zip(error_mm, flagged, strict=True)
                ),
                "That is the share of all images on which warning and error agree. Where most are good, "
                "silence alone agrees often.",
            ),
        ),
        why="A bad measurement without a warning looks like any other number.",
    ),
    Exercise(
        title="Should you believe a warning?",
        prompt="The same warning, in a stress test where half of the measurements are bad, and in a clinic "
        "where one in a hundred is.",
        solution=warning_is_right,
        cases=_clinics,
        hint="Of all measurements, which share is bad *and* flagged? Which is good and flagged?",
        mistakes=(
            Mistake(
                lambda caught, false_alarms, bad: caught,
                "That is how many bad ones are flagged, not how many flagged ones are bad.",
            ),
            Mistake(
                lambda caught, false_alarms, bad: caught / (caught + false_alarms),
                "This forgets how rare bad ones are. It is right only where half of them are bad.",
            ),
        ),
        why="By Bayes' rule, where failures are rare most warnings are false alarms, even from a good "
        "detector.",
    ),
)
