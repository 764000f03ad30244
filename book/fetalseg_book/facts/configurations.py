"""What a study's runs were set to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fetalseg_lib.study.records import read_json


def configuration(study: Path, variant: str = "proposed") -> dict[str, Any]:
    """The configuration of a study's first run of ``variant``, from ``<variant>/seed-*/environment.json``."""
    first = min(study.glob(f"{variant}/seed-*/environment.json"))
    found: dict[str, Any] = read_json(first)["config"]
    return found
