"""The planner of a paired comparison, against values by hand and against records with known variances."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fetalseg_book.stats import detectable_difference
from fetalseg_book.studies.planner import PairedSpread, paired_spread, smallest_detectable

SEED = PairedSpread(seed=1.0, exam=0.0, both=0.0)
EXAM = PairedSpread(seed=0.0, exam=1.0, both=0.0)


@pytest.mark.parametrize(
    ("spread", "seeds", "exams", "expected"),
    [
        (SEED, 4, 9, 1 / 2),  # a variance of 1 over four seeds
        (EXAM, 4, 9, 1 / 3),  # over nine exams
        (PairedSpread(seed=0.0, exam=0.0, both=36.0), 4, 9, 1.0),  # over all 36 cells
        (PairedSpread(seed=0.04, exam=4.0, both=8.0), 4, 100, math.sqrt(0.01 + 0.04 + 0.02)),
    ],
)
def test_standard_error_by_hand(spread: PairedSpread, seeds: int, exams: int, expected: float) -> None:
    assert math.sqrt(sum(spread.squared_errors(seeds, exams))) == pytest.approx(expected)


@pytest.mark.parametrize(("seeds", "comparisons"), [(3, 1), (6, 6), (20, 22)])
def test_where_only_seeds_vary_it_is_the_matched_t_test(seeds: int, comparisons: int) -> None:
    found = smallest_detectable(SEED, seeds=seeds, exams=50, comparisons=comparisons)
    assert found == pytest.approx(detectable_difference(1.0, seeds=seeds, comparisons=comparisons))


def test_with_many_exams_it_is_the_normal_value() -> None:
    """1.960 + 0.842 standard errors, of a book of tables."""
    assert 100 * smallest_detectable(EXAM, seeds=3, exams=10_000) == pytest.approx(2.802, abs=0.002)


def test_seeds_cannot_replace_exams() -> None:
    few, many = (smallest_detectable(EXAM, seeds=seeds, exams=100) for seeds in (3, 300))
    assert few == pytest.approx(many)
    assert smallest_detectable(EXAM, seeds=3, exams=400) == pytest.approx(many / 2, rel=0.02)


def test_variances_by_hand() -> None:
    """Seeds at 0 and 2, exams at -1 and +1 of it: variances 2 between the seeds, 1·4/3 between four exams."""
    exams = np.array([-1.0, 1.0, -1.0, 1.0])
    found = paired_spread(np.array([[0.0], [2.0]]) + exams, np.arange(4), resamples=20_000)
    assert found.seed == pytest.approx(2)
    assert found.exam == pytest.approx(4 / 3, rel=0.05)
    assert found.both == 0


@pytest.mark.parametrize("images", [1, 3])
def test_variances_are_found_again(images: int) -> None:
    rng = np.random.default_rng(3)
    seeds, exams = 30, 400
    table = 0.5 * rng.normal(size=(seeds, 1)) + 2 * rng.normal(size=exams) + rng.normal(size=(seeds, exams))
    found = paired_spread(np.repeat(table, images, axis=1), np.repeat(np.arange(exams), images))
    assert found.seed == pytest.approx(0.25, rel=0.5)
    assert found.exam == pytest.approx(4, rel=0.2)
    assert found.both == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize("measure", [np.mean, np.median])
def test_the_error_it_plans_is_the_error_that_studies_have(measure: object) -> None:
    """Many simulated studies: the standard deviation of their results is the planned error."""
    rng = np.random.default_rng(4)
    results, errors = [], []
    for _ in range(150):
        table = 0.2 * rng.normal(size=(6, 1)) + rng.normal(size=100) + 2 * rng.normal(size=(6, 100))
        results.append(float(measure(table, axis=1).mean()))  # type: ignore[operator]
        spread = paired_spread(table, np.arange(100), measure=measure, resamples=60)  # type: ignore[arg-type]
        errors.append(math.sqrt(sum(spread.squared_errors(6, 100))))
    assert np.mean(errors) == pytest.approx(np.std(results), rel=0.15)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seeds": 2}, "seeds, exams: .*got 2 and 9"),
        ({"exams": 2}, "seeds, exams"),
        ({"comparisons": 0}, "comparisons"),
        ({"power": 1.0}, "alpha, power"),
    ],
)
def test_what_cannot_be_planned_is_refused(changed: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        smallest_detectable(SEED, **{"seeds": 4, "exams": 9, **changed})


def test_records_that_cannot_be_split_are_refused() -> None:
    with pytest.raises(ValueError, match="got 1 seeds"):
        paired_spread(np.zeros((1, 4)), np.arange(4))
    with pytest.raises(ValueError, match="3 exams' names for 4 images"):
        paired_spread(np.zeros((2, 4)), np.arange(3))


def test_nothing_varies_and_everything_is_seen() -> None:
    still = paired_spread(np.ones((2, 4)), np.arange(4), resamples=10)
    assert still == PairedSpread(seed=0.0, exam=0.0, both=0.0)
    assert smallest_detectable(still, seeds=3, exams=3) == 0
