"""From head circumference to gestational age, by a stated growth chart and with its interval.

Charts differ, by almost two weeks at term, so one chart must serve throughout: a chart is an argument
everywhere and there is no default. Outside the ages that a chart was made for there is an error, not an
extrapolation; the smallest heads of HC18 lie below both charts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import norm

Curve = Callable[[float], float]
MAX_LEVEL = 0.99
"""Beyond it the lower limit of a chart no longer grows with age near term, and an HC has no single age."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GrowthChart:
    """Head circumference in mm at a gestational age in weeks: mean and SD of a normal distribution.

    ``dating`` gives the weeks of a head circumference where the chart's authors published such an
    equation; otherwise the age is the one at which the head would be average. The chart speaks for ages
    from ``first_week`` to ``last_week``.
    """

    name: str
    source: str
    first_week: float
    last_week: float
    mean_hc_mm: Curve
    sd_hc_mm: Curve
    dating: Curve | None = None


@dataclass(frozen=True, kw_only=True)
class GestationalAge:
    """Weeks, and the interval of ages at which a head of this size is within the chart's central ``level``.

    The interval is that of nature, of heads of one age, not of the measurement. It ends where the chart
    ends, and it always holds ``weeks``, which an own dating equation may place off the chart's centre.
    """

    weeks: float
    low_weeks: float
    high_weeks: float
    level: float
    chart: str


def gestational_age(hc_mm: float, *, chart: GrowthChart, level: float = 0.9) -> GestationalAge:
    """Estimate the gestational age of a head of ``hc_mm`` by one chart.

    The interval holds every age at which ``hc_mm`` lies within the central ``level`` of the chart. Raises
    ``ValueError`` where the age falls outside the chart, or ``level`` outside (0, 0.99].

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


def head_centile(hc_mm: float, *, weeks: float, chart: GrowthChart) -> float:
    """Centile (0 to 100) of a head of ``hc_mm`` among fetuses of ``weeks``; ``ValueError`` outside the chart.

    >>> round(head_centile(172.5, weeks=20, chart=INTERGROWTH_21ST))
    50
    """
    if not chart.first_week <= weeks <= chart.last_week:
        raise ValueError(
            f"weeks: expected {chart.first_week:g} to {chart.last_week:g} ({chart.name}), got {weeks:g}"
        )
    if not 0 < hc_mm < math.inf:
        raise ValueError(f"hc_mm: expected a positive length in mm, got {hc_mm}")
    return float(100 * norm.cdf((hc_mm - chart.mean_hc_mm(weeks)) / chart.sd_hc_mm(weeks)))


def _age_at(hc_mm: float, chart: GrowthChart, *, z: float) -> float:
    """Age at which the chart's curve ``mean + z SD`` reaches ``hc_mm``; infinite where it lies outside."""

    def gap(weeks: float) -> float:
        return chart.mean_hc_mm(weeks) + z * chart.sd_hc_mm(weeks) - hc_mm

    if not gap(chart.first_week) <= 0:  # also where hc_mm is NaN
        return -math.inf
    if gap(chart.last_week) < 0:
        return math.inf
    return float(brentq(gap, chart.first_week, chart.last_week, xtol=1e-9))


def _intergrowth_sd(weeks: float) -> float:
    log = math.log(weeks)
    return 1.98735 + weeks**3 * (0.0136772 - 0.00726264 * log + 0.000976253 * log**2)


HADLOCK_1984 = GrowthChart(
    name="Hadlock 1984",
    source="Hadlock et al., Radiology 152:497-501, doi:10.1148/radiology.152.2.6739822",
    first_week=14,
    last_week=42,
    mean_hc_mm=lambda weeks: 10 * (-11.48 + 1.56 * weeks - 0.0002548 * weeks**3),
    sd_hc_mm=lambda weeks: 10.0,
    dating=lambda hc_mm: 8.96 + 0.540 * (hc_mm / 10) + 0.0003 * (hc_mm / 10) ** 3,
)
"""361 fetuses of 14 to 42 weeks; size for age and age for size are two regressions of the one study."""

INTERGROWTH_21ST = GrowthChart(
    name="INTERGROWTH-21st",
    source="Papageorghiou et al., Lancet 384:869-879 (2014), doi:10.1016/S0140-6736(14)61490-2",
    first_week=14,
    last_week=40,
    mean_hc_mm=lambda weeks: -28.2849 + weeks**2 * (1.69267 - 0.397485 * math.log(weeks)),
    sd_hc_mm=_intergrowth_sd,
)
"""4,321 low-risk pregnancies in eight countries, measured from 14 weeks on; standards to 40 weeks."""

CHARTS = {"hadlock": HADLOCK_1984, "intergrowth": INTERGROWTH_21ST}
"""Charts by the names that options use."""
