"""The same seeds on a typical image, which the mean hides. Looked at after the study: a reason to plan anew.

Of each seed it is the median over images of the paired Dice difference, in points, as of
:func:`fetalseg_book.figures.paired.by_seed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fetalseg_book.facts.core import FREED, PROPOSED, signed
from fetalseg_book.figures.paired import by_seed
from fetalseg_book.stats import PairedMean, paired_mean
from fetalseg_lib.study.profile import load_profile

SHORT, LONG = "published", "note_schedule"


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """One network against another of the same study: each seed, and what the seeds say together."""

    seeds: pd.DataFrame
    median: PairedMean
    mean: PairedMean
    hc: PairedMean


def pair(results: Path, one: str, other: str = PROPOSED, *, study: str = SHORT) -> Pair:
    """``one`` minus ``other``, in points and mm, by the margins of the cross-validated study's plan."""
    seeds = by_seed(results, (one, study), (other, study))
    margins = load_profile("crossval").margins
    points, mm = margins["dice_points"], margins["hc_mm"]
    return Pair(
        seeds=seeds,
        median=paired_mean(seeds["median"], margin=points),
        mean=paired_mean(seeds["mean"], margin=points),
        hc=paired_mean(seeds["hc"], margin=mm),
    )


def typical_facts(results: Path) -> dict[str, str]:
    """What fine-tuning the encoder changes on a typical image."""
    found = pair(results, FREED).median
    return {
        f"typical_{FREED}": signed(found.mean),
        f"typical_{FREED}_interval": f"{signed(found.low)} to {signed(found.high)}",
    }
