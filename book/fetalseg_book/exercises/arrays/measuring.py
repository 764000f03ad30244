"""Exercises on measuring: overlap, distance in mm, failures, and what an error means in days."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.ndimage import distance_transform_edt

from fetalseg_book.exercises.chapters import measuring as plain
from fetalseg_book.exercises.exercise import Case, Exercise, Mistake
from fetalseg_lib import growth
from fetalseg_lib.apply.gestation import gestational_age


def hausdorff_mm(
    prediction: np.ndarray,
    reference: np.ndarray,
    spacing: tuple[float, float],
) -> float:
    """Largest distance in mm from a pixel of one mask to the other; ``spacing`` is (row, column)."""
    there = distance_transform_edt(~reference, sampling=spacing)[prediction].max()
    back = distance_transform_edt(~prediction, sampling=spacing)[reference].max()
    return float(max(there, back))


def _dots(*places: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((12, 12), dtype=bool)
    for place in places:
        mask[place] = True
    return mask


def _masks() -> Iterator[Case]:
    one = _dots((2, 2))
    yield Case(
        given="Two pixels, 4 rows and 3 columns apart, at 0.5 mm a pixel:",
        arguments=(_dots((6, 5)), one, (0.5, 0.5)),
        expected=2.5,
    )
    yield Case(
        given="The same where a row is 0.5 mm and a column 1 mm:",
        arguments=(_dots((6, 5)), one, (0.5, 1.0)),
        expected=math.sqrt(2**2 + 3**2),
    )
    for words, prediction, reference in (
        ("A prediction with a pixel 5 rows off:", _dots((2, 2), (7, 2)), one),
        ("A prediction that lacks a pixel 5 rows off:", one, _dots((2, 2), (7, 2))),
    ):
        yield Case(given=words, arguments=(prediction, reference, (1.0, 1.0)), expected=5.0)


def days_off(error_mm: float, weeks: float) -> float:
    """By how many days an average head of ``weeks`` seems too old if measured ``error_mm`` too large."""
    chart = growth.INTERGROWTH_21ST
    wrong = gestational_age(chart.mean_hc_mm(weeks) + error_mm, chart=chart).weeks
    return 7 * (wrong - weeks)


def _ages() -> Iterator[Case]:
    def mean_hc_mm(weeks: float) -> float:  # Papageorghiou et al. 2014
        return -28.2849 + 1.69267 * weeks**2 - 0.397485 * weeks**2 * math.log(weeks)

    for weeks, later in ((20.0, 20.5), (36.0, 36.5)):
        error = mean_hc_mm(later) - mean_hc_mm(weeks)
        yield Case(
            given=f"An average head of {weeks:.0f} weeks, {error:.2f} mm too large:",
            arguments=(error, weeks),
            expected=3.5,
            tolerance=0.01,
        )


IOU_FROM_DICE, HONEST_MEAN = plain.EXERCISES

EXERCISES = (
    IOU_FROM_DICE,
    Exercise(
        title="The largest distance",
        prompt="Write the Hausdorff distance of two masks. Pixels need not be square.",
        solution=hausdorff_mm,
        cases=_masks,
        hint="`distance_transform_edt(~mask, sampling=spacing)` is the distance of each pixel to the mask, "
        "in mm.",
        mistakes=(
            Mistake(
                lambda prediction, reference, spacing: distance_transform_edt(~reference, sampling=spacing)[
                    prediction
                ].max(),
                "One direction only: what the prediction lacks is not seen. Take the larger of both.",
            ),
            Mistake(
                lambda prediction, reference, spacing: hausdorff_mm(prediction, reference, (1, 1)),
                "That is in pixels. Give the spacing to the distance transform.",
            ),
            Mistake(
                lambda prediction, reference, spacing: hausdorff_mm(
                    prediction, reference, (math.sqrt(spacing[0] * spacing[1]),) * 2
                ),
                "One averaged pixel size is wrong where rows and columns differ.",
            ),
        ),
        why="Both directions, in mm, with separate row and column sizes.",
    ),
    HONEST_MEAN,
    Exercise(
        title="Millimetres in days",
        prompt="Does the same error mean more days at 20 weeks, or at 36? Guess, then use the "
        "INTERGROWTH-21st chart: `growth.INTERGROWTH_21ST` has `mean_hc_mm(weeks)`.",
        solution=days_off,
        cases=_ages,
        hint="From weeks to the mean HC, add the error, and back by `gestational_age(hc, chart=...).weeks`.",
        mistakes=(
            Mistake(
                lambda error_mm, weeks: days_off(error_mm, weeks) / 7,
                "These are weeks. A week has seven days.",
            ),
            Mistake(
                lambda error_mm, weeks: days_off(-error_mm, weeks),
                "A head that is measured too large seems *older*.",
            ),
        ),
        why="Heads grow more slowly near term, so the same error is more days there.",
    ),
)
