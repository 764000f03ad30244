"""Figures of the chapter on the clinic, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fetalseg_lib.apply.gestation import GestationalAge
from fetalseg_lib.growth import GrowthChart


def growth_and_ages(chart: GrowthChart, examples: Mapping[int, GestationalAge]) -> tuple[Figure, str]:
    """The chart's heads over age, and the ages at which each of the example heads (mm) is usual."""
    weeks = np.linspace(chart.first_week, chart.last_week, 105)
    mean = np.array([chart.mean_hc_mm(week) for week in weeks])
    sd = np.array([chart.sd_hc_mm(week) for week in weeks])
    figure, axes = plt.subplots(figsize=(6.2, 3.4))
    low, high = mean - 1.645 * sd, mean + 1.645 * sd
    axes.fill_between(weeks, low, high, alpha=0.25, label="nine tenths of all heads")
    axes.plot(weeks, mean, label="the mean head")
    for hc, age in examples.items():
        axes.plot([age.low_weeks, age.high_weeks], [hc, hc], color="black", lw=1)
        axes.plot(age.weeks, hc, "o", color="black", ms=4)
    axes.set(xlabel="gestational age (weeks)", ylabel="head circumference (mm)")
    axes.legend(loc="upper left")
    heads = [str(hc) for hc in examples]
    ages = (f"{age.low_weeks:.1f} to {age.high_weeks:.1f} weeks" for age in examples.values())
    return figure, (
        f"Head circumference over gestational age, {chart.name}: the mean rises from {mean[0]:.0f} mm at "
        f"week {weeks[0]:.0f} to {mean[-1]:.0f} mm at week {weeks[-1]:.0f} and flattens. Black lines show "
        f"the ages at which a head of {', '.join(heads[:-1])} or {heads[-1]} mm is usual: {', '.join(ages)}."
    )


def charts_apart(days: pd.Series) -> tuple[Figure, str]:
    """The days between two charts' ages of one head, by its size in mm."""
    figure, axes = plt.subplots(figsize=(6.2, 2.6))
    axes.plot(days.index, days)
    axes.axhline(0, color="black", lw=0.8)
    axes.set(xlabel="head circumference (mm)", ylabel="Hadlock − INTERGROWTH (days)")
    shown = days.iloc[[0, len(days) // 2, -1]]
    words = ", ".join(f"{value:+.0f} at {mm:.0f} mm" for mm, value in shown.items())
    return figure, f"Difference between the ages that two charts give for one head, in days: {words}."
