"""What the figures of the robustness chapter show, said to a reader who does not see them."""

from __future__ import annotations

import pandas as pd

from fetalseg_book.studies.robustness.figures import ENDS


def by_knob(costs: pd.DataFrame, *, what: str, unit: str, digits: int = 1) -> str:
    """Tell how each knob at full severity changes ``what``, with its interval."""
    full = "; ".join(
        f"{row.knob} on {'real images' if row.kind == 'real' else 'phantoms'} "
        f"{row.change:+.{digits}f} {unit} ({row.low:+.{digits}f} to {row.high:+.{digits}f})"
        for row in costs[costs["severity"] == 1].itertuples()
    )
    return f"Change of the {what}. At full severity: {full}."


def ends(table: pd.DataFrame, *, tolerance_mm: float) -> str:
    """Tell how many measurements end as bad ones without a warning, of each knob at its worst."""
    silent = "; ".join(
        f"{row['kind']} {row['knob']} {row['silent']} of {row[list(ENDS)].sum()}"
        for _, row in table.iterrows()
    )
    return (
        "Measurements at full severity of each knob, split in good ones "
        f"(within {tolerance_mm} mm) without and with a warning and bad ones with and without. "
        f"Silent, that is bad without a warning: {silent}."
    )
