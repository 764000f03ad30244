"""The sentences on what the mean hid, each with what it rests on in the result files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sentences import RESULTS, said

from fetalseg_book.facts import mean_hid_it as hid
from fetalseg_book.facts.typical import pair


def median_is_quieter(results: Path) -> bool:
    least = hid.detectable(results)
    return (
        bool((hid.noise(results).eval("median / mean") < 0.7).all()) and least["median"] < least["mean"] / 2
    )


def only_the_median_sees_it(results: Path) -> bool:
    found = pair(results, "no_residual")
    return found.mean.low < 0 < found.mean.high and found.median.high < 0


def seeds_hardly_help(results: Path) -> bool:
    here, seeds, exams = hid.planned(results)["Fine-tuned encoder", "HC error (mm)"]
    return bool(seeds > 0.9 * here and exams < 0.6 * here)


def seeds_do_help(results: Path) -> bool:
    here, seeds, _ = hid.planned(results)["− residual additions", "mean Dice (points)"]
    return bool(seeds < 0.6 * here)


def median_beats_mean(results: Path) -> bool:
    table = hid.planned(results)
    return all(
        (table[name, "median Dice (points)"] < table[name, "mean Dice (points)"]).all()
        for name in table.columns.levels[0]
    )


def one_image_makes_much_of_a_gain(results: Path) -> bool:
    found = hid.facts(results)
    return found["hid_gain_top"] == "143_2HC.png" and found["gain"].median() > 0 and found["rest"]["low"] > 0


CHECKS: list[tuple[str, Callable[[Path], bool]]] = [
    ("detect a difference less than half as large", median_is_quieter),
    ("So there is a gain, but the mean exaggerates it", one_image_makes_much_of_a_gain),
    ("its interval includes zero", only_the_median_sees_it),
    ("ten times the seeds hardly help", seeds_hardly_help),
    ("so more seeds do help", seeds_do_help),
    ("The median beats the mean in every row", median_beats_mean),
    ("The mean is −0.38 points, the median +0.1.", lambda _: round((20 * 0.1 - 10) / 21, 2) == -0.38),
]


@pytest.mark.parametrize(("sentence", "check"), CHECKS, ids=[sentence[:50] for sentence, _ in CHECKS])
def test_sentence_is_said_and_holds(sentence: str, check: Callable[[Path], bool]) -> None:
    assert said("mean-hid-it", sentence)
    assert check(RESULTS)


def test_the_plan_of_here_is_the_study_of_here() -> None:
    differences, exams = hid.differences(RESULTS, "no_residual")
    assert hid.PLANS[0] == (len(differences), len(set(exams)))
