"""What the study says of one part of the network, as the chapters on the parts tell it: error and Dice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fetalseg_book import stats
from fetalseg_book.figures import described
from fetalseg_lib.study import tables


def tested(results: Path) -> pd.DataFrame:
    """The core's variants against ``proposed`` in the absolute error in mm, a row for each."""
    runs = tables.collect_per_image(results / "one_fold/published/hc18")
    runs = runs.assign(error=runs["hc_error_mm"].abs())
    return stats.compare(runs, "error", baseline="proposed").set_index("variant")


def tested_in_words(row: pd.Series, name: str) -> dict[str, str]:
    """A row of :func:`tested`, glued as ``name``, ``name_interval``, ``name_verdict`` and ``name_seeds``."""
    return {
        name: f"{row['difference']:+.2f} mm",
        f"{name}_interval": f"{row['low']:+.2f} to {row['high']:+.2f}",
        f"{name}_verdict": row["verdict"],
        f"{name}_seeds": str(row["seeds"]),
    }


def between_seeds(runs: pd.DataFrame) -> pd.Series:
    """How far two seeds of ``proposed`` lie apart at most, in each measure of ``described.collect``."""
    own = runs[runs["variant"] == "proposed"]
    return pd.Series({name: float(np.ptp(own[name])) for name in described.MEASURES})
