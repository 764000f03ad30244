"""Growth charts: head circumference by gestational age, as their authors published it.

Charts differ, by almost two weeks at term: one chart must serve throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Curve = Callable[[float], float]


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
