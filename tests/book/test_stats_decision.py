"""The word for a comparison: its tests against SciPy and statsmodels, its rule against a table by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from fetalseg_book.stats import holm
from fetalseg_book.stats.decision import decide, paired_mean

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("values", [RNG.normal(0.1, 0.2, n) for n in (3, 5, 10, 15)], ids=len)
def test_without_overlap_it_is_the_paired_t_test_and_two_one_sided_tests(values: np.ndarray) -> None:
    found = paired_mean(values, margin=0.25)
    test = stats.ttest_1samp(values, 0.0)
    interval = test.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(test.pvalue)
    assert found.p_margin == pytest.approx(DescrStatsW(values).ttost_mean(-0.25, 0.25)[0])


@pytest.mark.parametrize("p", [RNG.uniform(0, top, n) for n in (1, 2, 7, 30) for top in (0.02, 1)])
def test_holm_is_that_of_statsmodels(p: np.ndarray) -> None:
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    with_gap = np.insert(p, 1, math.nan)
    assert np.delete(holm(with_gap), 1) == pytest.approx(holm(p))


def test_overlap_enlarges_the_variance_as_published() -> None:
    """Nadeau and Bengio: 1/J + n2/n1 in place of 1/J; with J = 5 and a ratio of 1/4, 1.5 times the width."""
    values = RNG.normal(0, 1, 5)
    plain, corrected = (paired_mean(values, margin=1, overlap=ratio) for ratio in (0.0, 0.25))
    assert (corrected.high - corrected.low) / (plain.high - plain.low) == pytest.approx(1.5)


def test_the_level_is_held_where_there_is_nothing_to_find() -> None:
    found = [paired_mean(RNG.normal(0, 1, 5), margin=1).p <= 0.05 for _ in range(4000)]
    assert np.mean(found) == pytest.approx(0.05, abs=0.012)  # 3.5 standard errors


@pytest.mark.parametrize(
    ("gains", "p", "p_margin", "word"),
    [
        ((0.3, 0.4), (0.01, 0.01), (0.9, 0.9), "better"),
        ((0.3, -0.4), (0.01, 0.4), (0.9, 0.9), "better"),
        ((-0.3, -0.4), (0.3, 0.05), (0.9, 0.9), "worse"),
        ((0.3, -0.4), (0.01, 0.01), (0.9, 0.9), "undecided"),
        ((0.3, 0.4), (0.2, 0.2), (0.04, 0.2), "undecided"),
        ((0.1, -0.1), (0.01, 0.01), (0.05, 0.001), "equivalent"),
        ((0.1, 0.1), (math.nan, math.nan), (math.nan, math.nan), "undecided"),
    ],
)
def test_the_rule(
    gains: tuple[float, ...], p: tuple[float, ...], p_margin: tuple[float, ...], word: str
) -> None:
    assert decide(gains, p=p, p_margin=p_margin) == word


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0], [0.5] * 4], ids=["one", "two", "no variation"])
def test_too_little_says_nothing(values: list[float]) -> None:
    found = paired_mean(values, margin=1)
    assert found.mean == pytest.approx(np.mean(values))
    assert all(math.isnan(value) for value in (found.low, found.high, found.p, found.p_margin))


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([], {"margin": 1}),
        ([math.nan], {"margin": 1}),
        ([1.0], {"margin": 0}),
        ([1.0], {"margin": 1, "overlap": -1}),
    ],
)
def test_bad_arguments_are_refused(values: list[float], options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        paired_mean(values, **options)
