"""The same seeds on a typical image, which the mean hides. Looked at after the study: a reason to plan anew.

Of each seed it is the median over images of the paired Dice difference, in points, as of
:func:`fetalseg_book.figures.paired.by_seed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fetalseg_book.facts.core import FREED, PARTS, PROPOSED, signed
from fetalseg_book.figures.paired import by_seed
from fetalseg_lib.evaluation.stats import PairedMean, holm, paired_mean
from fetalseg_lib.study.profile import load_profile

SHORT, LONG = "published", "note_schedule"


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """One network against another of the same study: each seed, and what the seeds say together."""

    seeds: pd.DataFrame
    median: PairedMean
    mean: PairedMean
    hc: PairedMean

    @property
    def equivalent(self) -> bool:
        """Whether mean Dice and mean error both lie inside the margins, by two one-sided tests at 5 %."""
        return max(self.mean.p_margin, self.hc.p_margin) <= 0.05


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
    """What a typical image says of each variant of the core, and of three networks by the note's schedule."""
    margins = load_profile("crossval").margins
    short = {name: pair(results, name) for name in (*PARTS, "unet", FREED)}
    long = {
        "unet_long": pair(results, "unet", study=LONG),
        "freed_long": pair(results, FREED, study=LONG),
        "freed_unet_long": pair(results, FREED, "unet", study=LONG),
    }
    found = {
        "margin_dice": f"±{margins['dice_points']:g} points",
        "margin_mm": f"±{margins['hc_mm']:g} mm",
        "equivalent": ", ".join(name for name, row in short.items() if row.equivalent),
    }
    for name, row in (short | long).items():
        found |= dict(_of_pair(f"typical_{name}", row))
    corrected = holm(np.array([row.median.p for row in short.values()]))
    return found | {f"typical_{name}_p": f"{p:.3f}" for name, p in zip(short, corrected, strict=True)}


def _of_pair(name: str, found: Pair) -> Iterator[tuple[str, str]]:
    median = found.seeds["median"]
    ahead = max((median > 0).sum(), (median < 0).sum())
    yield name, signed(found.median.mean)
    yield f"{name}_interval", f"{signed(found.median.low)} to {signed(found.median.high)}"
    yield f"{name}_seeds", f"{ahead} of {len(median)}"
    yield f"{name}_better", f"{found.seeds['better'].mean():.0f} %"
