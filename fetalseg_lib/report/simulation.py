"""The large simulation of the chapter on uncertainty: too long for a page, so its rates are kept in a file.

``python -m fetalseg_lib.report.simulation 500 -o results/simulation/rejection_rates.json`` makes it
again, number for number, with 500 studies a design.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fetalseg_lib.evaluation.stats import rejection_rates
from fetalseg_lib.study import records

DESIGNS = ((3, 0.0), (5, 0.0), (10, 0.0), (5, 0.002), (5, 0.004), (5, 0.006))
"""Matched seeds, and the true effect on Dice: first without any, then to see what five seeds can find."""


def simulate(studies: int, *, designs: Sequence[tuple[int, float]] = DESIGNS) -> dict[str, Any]:
    """What :func:`~fetalseg_lib.evaluation.stats.rejection_rates` finds in ``studies`` studies a design.

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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("studies", type=int, help="simulated studies for each design")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    records.write_json(options.out, simulate(options.studies))
