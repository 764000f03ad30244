"""The large simulation of the chapter on uncertainty: too long for a page, so its rates are kept in a file.

``python -m fetalseg_book.studies.simulation 500 -o results/analysis/rejection_rates.json`` makes it
again, number for number, with 500 studies a design.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from statsmodels.stats.proportion import proportion_confint

from fetalseg_book.studies.simulate import rejection_rates
from fetalseg_lib.study import records

DESIGNS = ((3, 0.0), (5, 0.0), (10, 0.0), (5, 0.002), (5, 0.004), (5, 0.006))
"""Matched seeds, and the true effect on Dice: first without any, then to see what five seeds can find."""


def simulate(studies: int, *, designs: Sequence[tuple[int, float]] = DESIGNS) -> dict[str, Any]:
    """What :func:`~fetalseg_book.studies.simulate.rejection_rates` finds in ``studies`` studies a design.

    >>> found = simulate(2, designs=[(3, 0.5)])
    >>> found["studies"], found["rates"][0]["seeds"], found["rates"][0]["wilcoxon"]
    (2, 3, 1.0)
    """
    if studies < 1:
        raise ValueError(f"studies: expected at least one, got {studies}")
    rates = [
        {
            "seeds": seeds,
            "effect": effect,
            **rejection_rates(studies, random_state=number, effect=effect, seeds=seeds).to_dict(),
        }
        for number, (seeds, effect) in enumerate(designs)
    ]
    return {"studies": studies, "rates": rates}


def rejection_plot(rates: pd.DataFrame, *, studies: int, alpha: float = 0.05) -> Figure:
    """How often each procedure calls a difference real, one rung a row of ``rates``, against ``alpha``.

    ``rates`` has the columns ``seeds``, ``wilcoxon`` and ``significant``; the bars are Wilson's 95 %
    intervals of a share of ``studies``.
    """
    figure, axes = plt.subplots(figsize=(6.4, 1.3 + 0.45 * len(rates)))
    axes.axvline(alpha, color="0.4", lw=1, ls="--", label=f"promised: {100 * alpha:.0f} %")
    names = {"significant": ("t-test over matched seeds", "o"), "wilcoxon": ("Wilcoxon over images", "s")}
    for k, (column, (name, marker)) in enumerate(names.items()):
        share = rates[column].to_numpy(float)
        low, high = proportion_confint((share * studies).round(), studies, method="wilson")
        reach = [(share - low).clip(0), (high - share).clip(0)]
        axes.errorbar(share, range(len(rates)), xerr=reach, fmt=marker, capsize=3, color=f"C{k}", label=name)
    axes.set(yticks=range(len(rates)), yticklabels=[f"{seeds} seeds" for seeds in rates["seeds"]])
    axes.set(xlim=(0, 1), ylim=(len(rates) - 0.5, -0.5), xlabel="share of studies that claim a difference")
    axes.grid(axis="y", visible=False)
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("studies", type=int, help="simulated studies for each design")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    records.write_json(options.out, simulate(options.studies))
