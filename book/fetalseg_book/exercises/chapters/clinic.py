"""Exercises on the measurement: a circumference, a place on the chart, and what a millimetre is worth."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fetalseg_book.exercises.exercise import Case, Exercise, Mistake
from fetalseg_lib.growth import INTERGROWTH_21ST


def hc_of(bpd_mm: float, ofd_mm: float) -> float:
    """HC in mm of a head with these two diameters, to a tenth of a millimetre."""
    a, b = bpd_mm / 2, ofd_mm / 2
    h = ((a - b) / (a + b)) ** 2
    return math.pi * (a + b) * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))


def _heads() -> Iterator[Case]:
    # By the complete elliptic integral.
    for bpd, ofd, exact in ((90.0, 90.0, 282.7433), (90.0, 115.0, 323.2116), (60.0, 120.0, 290.6534)):
        # To a tenth: rounded or not.
        yield Case(arguments=(bpd, ofd), expected=exact, tolerance=0.051 / (1 + exact))


def z_score(hc_mm: float, weeks: float) -> float:
    """How many standard deviations a head is above the mean of its week, by INTERGROWTH-21st."""
    chart = INTERGROWTH_21ST
    return (hc_mm - chart.mean_hc_mm(weeks)) / chart.sd_hc_mm(weeks)


def _mean_hc_mm(weeks: float) -> float:
    """Papageorghiou et al. 2014, as printed."""
    return -28.2849 + 1.69267 * weeks**2 - 0.397485 * weeks**2 * math.log(weeks)


def _sd_hc_mm(weeks: float) -> float:
    cube, log = weeks**3, math.log(weeks)
    return 1.98735 + 0.0136772 * cube - 0.00726264 * cube * log + 0.000976253 * cube * log**2


def _places() -> Iterator[Case]:
    for weeks, z in ((20.0, 0.0), (20.0, 2.0), (32.0, -1.5)):
        hc_mm = _mean_hc_mm(weeks) + z * _sd_hc_mm(weeks)
        yield Case(
            given=f"A head of {hc_mm:.2f} mm at {weeks:.0f} weeks:",
            arguments=(hc_mm, weeks),
            expected=z,
            tolerance=1e-3,
        )


def week_worth(days: float) -> float:
    """The week, to a tenth, at which one millimetre more of the mean head is worth so many days."""
    weeks = [week / 100 for week in range(1600, 3800)]
    mean_hc_mm = INTERGROWTH_21ST.mean_hc_mm
    return min(weeks, key=lambda week: abs(7 / (mean_hc_mm(week + 0.5) - mean_hc_mm(week - 0.5)) - days))


def _slope(weeks: float) -> float:
    """The derivative of the chart's formula, in mm a week."""
    return 2 * 1.69267 * weeks - 0.397485 * weeks * (2 * math.log(weeks) + 1)


def _days() -> Iterator[Case]:
    for days in (0.75, 1.0, 1.4):
        yield Case(arguments=(days,), expected=_week_of_slope(7 / days), tolerance=0.003)


def _week_of_slope(mm_per_week: float) -> float:
    weeks = [week / 100 for week in range(1600, 3801)]
    return min(weeks, key=lambda week: abs(_slope(week) - mm_per_week))


EXERCISES = (
    Exercise(
        title="From two diameters to a circumference",
        prompt="A sonographer gives BPD and OFD. How long is the ellipse?",
        solution=hc_of,
        cases=_heads,
        hint="Ramanujan: $\\pi (a + b) \\bigl(1 + 3h / (10 + \\sqrt{4 - 3h})\\bigr)$ with $h = ((a - b) / "
        "(a + b))^2$ and the *semi*-axes $a$, $b$.",
        mistakes=(
            Mistake(
                lambda bpd_mm, ofd_mm: 2 * hc_of(bpd_mm, ofd_mm),
                "BPD and OFD are diameters. The formula wants half of each.",
            ),
            Mistake(
                lambda bpd_mm, ofd_mm: math.pi * (bpd_mm + ofd_mm) / 2,
                "The circle with the mean diameter is too short, the more so the longer the head.",
            ),
        ),
        why="The mean diameter times $\\pi$ is fine for a round head, but some millimetres too short for "
        "a long one.",
    ),
    Exercise(
        title="Where on the chart?",
        prompt="Is two millimetres too small a lot? That depends on how much heads of that week differ.",
        solution=z_score,
        cases=_places,
        hint="`INTERGROWTH_21ST` has `mean_hc_mm(weeks)` and `sd_hc_mm(weeks)`.",
        mistakes=(
            Mistake(
                lambda hc_mm, weeks: hc_mm - INTERGROWTH_21ST.mean_hc_mm(weeks),
                "That is the distance in mm. Measure it in standard deviations of that week.",
            ),
            Mistake(lambda hc_mm, weeks: -z_score(hc_mm, weeks), "A head above the mean has a positive z."),
        ),
        why="A z of 0 is the mean head, and nine heads of ten lie between -1.64 and 1.64.",
    ),
    Exercise(
        title="When is a millimetre a day?",
        prompt="Early on a millimetre is about half a day. From which week on is it a whole one?",
        solution=week_worth,
        cases=_days,
        hint="If the mean head grows by $g$ mm a week, a millimetre is worth $7 / g$ days. Find the week "
        "where that is `days`.",
        mistakes=(
            Mistake(lambda days: _week_of_slope(1 / days), "A week has seven days."),
            Mistake(
                lambda days: _week_of_slope(7 * days),
                "Faster growth makes a millimetre worth *less*. Divide.",
            ),
        ),
        why="A whole day where the mean head grows by 7 mm a week, and more than that near term.",
    ),
)
