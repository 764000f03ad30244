"""Two networks after a longer training: what several chapters tell of them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.facts.core import MEASURES, PARTS, PROPOSED, epochs_run
from fetalseg_book.figures import described
from fetalseg_book.figures.paired import paired

NOTE = "note_schedule"


def lead(
    results: Path, one: str, other: str = PROPOSED, *, seeds: Collection[int] | None = None, study: str = NOTE
) -> dict[str, pd.Series[Any]]:
    """How far ``one`` is from ``other``, both of one study, in each measure and with its interval."""
    return {metric: paired(results, (one, study), (other, study), metric, seeds=seeds) for metric in MEASURES}


def without(results: Path, part: str) -> pd.DataFrame:
    """What taking out ``part`` changes by the note's schedule, seed by seed."""
    return described.differences(described.collect(results, NOTE), part)


def early_end(results: Path) -> dict[str, Any]:
    """The one run without residual additions that fell behind, and when each of the three ended."""
    change: Any = without(results, PARTS[2])["dice"]
    fallen: Any = change.idxmin()
    lasted = epochs_run(results, NOTE, PARTS[2])
    return {
        "seed": fallen,
        "change": change[fallen],
        "others": change.drop(fallen),
        "epochs": lasted[fallen],
        "others_epochs": [epochs for seed, epochs in lasted.items() if seed != fallen],
    }
