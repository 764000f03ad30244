"""A ledger of looks at the test images: which results scored them, since when, and what was decided after."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fetalseg_lib.study import records

LOOKS = {
    ("preliminary",): ("2026-11-23", "the published study was planned after it"),
    ("published",): (
        "2026-11-24",
        "which networks got the note's schedule, averaging, the int8 correction, the planned study's measure",
    ),
    ("transfer_50", "transfer_200", "transfer_all", "demonstration"): ("2026-11-25", "nothing later"),
    ("budget",): ("2026-11-25", "the longer training of the small network"),
    ("budget_long", "small"): ("2026-11-25", "nothing later"),
    ("note_schedule",): ("2026-11-26", "three more seeds of its own"),
    ("descriptive", "longer", "shorter", "warm_up", "progressive", "float32"): (
        "2026-11-26",
        "nothing later",
    ),
}
"""The studies, the day of their first committed result, and what was decided after looking."""


def scoring(results: Path, study: str) -> int:
    """How many result files of a study score the test images of the published one."""
    reference = set(_names(next((results / "one_fold" / "published" / "hc18").rglob(records.PER_IMAGE))))
    return sum(
        set(_names(file)) == reference for file in (results / "one_fold" / study).rglob(records.PER_IMAGE)
    )


def ledger(results: Path) -> pd.DataFrame:
    """A row for each look: the studies, how many files score the images, since when, what was decided."""
    rows = [
        {
            "studies": ", ".join(studies),
            "result files": sum(scoring(results, study) for study in studies),
            "since": since,
            "decided after looking": decided,
        }
        for studies, (since, decided) in LOOKS.items()
    ]
    return pd.DataFrame(rows)


def _names(file: Path) -> list[str]:
    return pd.read_csv(file, usecols=["name"])["name"].tolist()
