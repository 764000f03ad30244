"""Gestational age against the published tables of the charts, and never outside them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from fetalseg_lib.apply.gestation import gestational_age
from fetalseg_lib.growth import CHARTS, HADLOCK_1984, INTERGROWTH_21ST, GrowthChart


def head_centile(hc_mm: float, *, weeks: float, chart: GrowthChart) -> float:
    """Among fetuses of an age: the chart is a normal distribution at every age."""
    return float(100 * norm.cdf(hc_mm, loc=chart.mean_hc_mm(weeks), scale=chart.sd_hc_mm(weeks)))


BOTH = pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS.keys())


@pytest.mark.parametrize(
    ("weeks", "hc_cm"),
    # Predicted head circumference for menstrual age, as tabulated by Hadlock et al. 1984
    [
        (14, 9.7),
        (16, 12.4),
        (18, 15.1),
        (20, 17.7),
        (24, 22.4),
        (28, 26.6),
        (32, 30.1),
        (36, 32.8),
        (40, 34.6),
    ],
)
def test_hadlock_table(weeks: float, hc_cm: float) -> None:
    assert HADLOCK_1984.mean_hc_mm(weeks) / 10 == pytest.approx(hc_cm, abs=0.051)


def test_hadlock_dates_by_his_own_equation() -> None:
    # 8.96 + 0.540 * 20 + 0.0003 * 8000
    assert gestational_age(200, chart=HADLOCK_1984).weeks == pytest.approx(22.16)


def test_intergrowth_by_hand_at_e_cubed_weeks() -> None:
    """At exp(3) weeks the logarithm is 3 and every term can be worked out on paper."""
    weeks = math.exp(3)
    squared, cubed = 403.428793, 8103.083928
    mean = -28.2849 + squared * (1.69267 - 3 * 0.397485)
    sd = 1.98735 + cubed * (0.0136772 - 3 * 0.00726264 + 9 * 0.000976253)
    assert INTERGROWTH_21ST.mean_hc_mm(weeks) == pytest.approx(mean, abs=1e-4)
    assert INTERGROWTH_21ST.sd_hc_mm(weeks) == pytest.approx(sd, abs=1e-4)
    assert head_centile(mean, weeks=weeks, chart=INTERGROWTH_21ST) == pytest.approx(50, abs=0.01)
    assert head_centile(mean + 1.2815516 * sd, weeks=weeks, chart=INTERGROWTH_21ST) == pytest.approx(
        90, abs=0.01
    )


@pytest.mark.parametrize("weeks", [14.0, 20.5, 33.0, 40.0])
def test_intergrowth_age_is_the_inverse_of_the_mean(weeks: float) -> None:
    hc_mm = INTERGROWTH_21ST.mean_hc_mm(weeks)
    assert gestational_age(hc_mm, chart=INTERGROWTH_21ST).weeks == pytest.approx(weeks, abs=1e-6)


@BOTH
def test_at_the_ends_of_the_interval_the_head_is_at_the_limits_of_the_chart(chart: GrowthChart) -> None:
    age = gestational_age(230, chart=chart, level=0.8)
    assert head_centile(230, weeks=age.low_weeks, chart=chart) == pytest.approx(90, abs=1e-4)
    assert head_centile(230, weeks=age.high_weeks, chart=chart) == pytest.approx(10, abs=1e-4)


@BOTH
def test_ages_grow_with_the_head_and_stay_within_the_chart(chart: GrowthChart) -> None:
    sizes = np.linspace(chart.mean_hc_mm(chart.first_week) + 0.1, chart.mean_hc_mm(chart.last_week) - 0.1, 60)
    ages = [gestational_age(float(size), chart=chart, level=0.99) for size in sizes]
    for name in ("weeks", "low_weeks", "high_weeks"):
        assert (np.diff([getattr(age, name) for age in ages]) >= 0).all(), name
    for age in ages:
        assert chart.first_week <= age.low_weeks <= age.weeks <= age.high_weeks <= chart.last_week


def test_pitfall_two_charts_are_not_one() -> None:
    """A head of average size at 40 weeks by one chart is almost two weeks younger by the other."""
    term = INTERGROWTH_21ST.mean_hc_mm(40)
    assert 40 - gestational_age(term, chart=HADLOCK_1984).weeks == pytest.approx(1.8, abs=0.05)


@BOTH
@pytest.mark.parametrize("hc_mm", [44.3, 80.0, 400.0, -1.0, 0.0, math.nan, math.inf])
def test_outside_the_chart_is_an_error_not_an_extrapolation(chart: GrowthChart, hc_mm: float) -> None:
    with pytest.raises(ValueError, match=r"hc_mm: expected the head of a fetus of 14 to 4\d weeks"):
        gestational_age(hc_mm, chart=chart)


@pytest.mark.parametrize("level", [0.0, -0.1, 0.995, 1.0, 90, math.nan])
def test_bad_level_is_named(level: float) -> None:
    with pytest.raises(ValueError, match="level: expected"):
        gestational_age(200, chart=HADLOCK_1984, level=level)
