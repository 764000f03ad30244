"""From head circumference to gestational age, by a stated growth chart and with its interval.

Charts differ, by almost two weeks at term, so one chart must serve throughout and there is no default.
Outside the ages that a chart was made for there is an error, not an extrapolation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import norm

from fetalseg_lib.growth import GrowthChart

MAX_LEVEL = 0.99
"""Beyond it the lower limit of a chart no longer grows with age near term, and an HC has no single age."""


@dataclass(frozen=True, kw_only=True)
class GestationalAge:
    """Weeks, and the interval of ages at which a head of this size is within the chart's central ``level``.

    The interval is that of nature, not of the measurement. It ends where the chart ends, and always holds
    ``weeks``, which an own dating equation may place off the chart's centre.
    """

    weeks: float
    low_weeks: float
    high_weeks: float
    level: float
    chart: str


def gestational_age(hc_mm: float, *, chart: GrowthChart, level: float = 0.9) -> GestationalAge:
    """Estimate the gestational age of a head of ``hc_mm`` by one chart.

    Raises ``ValueError`` where the age falls outside the chart, or ``level`` outside (0, 0.99].

    >>> from fetalseg_lib.growth import INTERGROWTH_21ST
    >>> age = gestational_age(172.5, chart=INTERGROWTH_21ST)
    >>> round(age.weeks, 1), round(age.low_weeks, 1), round(age.high_weeks, 1)
    (20.0, 19.0, 21.1)
    """
    if not 0 < level <= MAX_LEVEL:
        raise ValueError(f"level: expected a share above 0 and up to {MAX_LEVEL}, got {level}")
    weeks = chart.dating(hc_mm) if chart.dating else _age_at(hc_mm, chart, z=0)
    if not chart.first_week <= weeks <= chart.last_week:
        raise ValueError(
            f"hc_mm: expected the head of a fetus of {chart.first_week:g} to {chart.last_week:g} weeks "
            f"({chart.name}), got {hc_mm:g} mm; report no age for it"
        )
    z = float(norm.ppf(0.5 + level / 2))
    low, high = _age_at(hc_mm, chart, z=z), _age_at(hc_mm, chart, z=-z)
    return GestationalAge(
        weeks=weeks,
        low_weeks=min(max(low, chart.first_week), weeks),
        high_weeks=max(min(high, chart.last_week), weeks),
        level=level,
        chart=chart.name,
    )


def _age_at(hc_mm: float, chart: GrowthChart, *, z: float) -> float:
    """Age at which the chart's curve ``mean + z SD`` reaches ``hc_mm``; infinite where it lies outside."""

    def gap(weeks: float) -> float:
        return chart.mean_hc_mm(weeks) + z * chart.sd_hc_mm(weeks) - hc_mm

    if not gap(chart.first_week) <= 0:  # also where hc_mm is NaN
        return -math.inf
    if gap(chart.last_week) < 0:
        return math.inf
    return float(brentq(gap, chart.first_week, chart.last_week, xtol=1e-9))
