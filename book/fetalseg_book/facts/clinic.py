"""The numbers of the chapter on the clinic: what millimetres are in days."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fetalseg_lib.apply.gestation import gestational_age
from fetalseg_lib.growth import HADLOCK_1984, INTERGROWTH_21ST
from fetalseg_lib.models.variants import get_variant

HEADS_MM = np.arange(110.0, 331.0, 5.0)


def facts(results: Path) -> dict[str, Any]:
    """The errors of the book's networks in mm, and by how much two charts differ on one head."""
    runs = pd.read_csv(results / "one_fold/published/hc18/tables/runs.csv")
    errors = runs.groupby("variant")["hc_abs_error_mm_mean"].mean()
    bias = runs.loc[runs["variant"] == "pos_weight_200", "hc_error_mm_mean"].mean()
    days = between_charts()
    return {
        "error": errors["proposed"],
        "days between charts": days,
        "clinic_error": f"{errors['proposed']:.1f} mm",
        "clinic_best": f"{errors.min():.1f} mm",
        "clinic_best_name": get_variant(str(errors.idxmin())).shown_as,
        "clinic_bias": f"{bias:.0f} mm",
        "clinic_bias_sd": f"{bias / INTERGROWTH_21ST.sd_hc_mm(26):.1f}",
        "clinic_charts": f"{days.abs().max():.0f} days",
    }


def between_charts() -> pd.Series:
    """Days by which Hadlock's age of a head exceeds INTERGROWTH's, by the head's size in mm."""
    weeks = (
        gestational_age(hc, chart=HADLOCK_1984).weeks - gestational_age(hc, chart=INTERGROWTH_21ST).weeks
        for hc in HEADS_MM
    )
    return 7 * pd.Series(list(weeks), index=HEADS_MM)
