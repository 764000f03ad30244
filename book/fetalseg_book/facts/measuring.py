"""The numbers of the chapter on measuring: how large a pixel of HC18 is, and how far two charts lie apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fetalseg_book.facts.clinic import between_charts
from fetalseg_lib.study.records import read_json


def facts(results: Path) -> dict[str, Any]:
    """The median width of a pixel in mm, and the head on whose age the charts differ most."""
    pixel = read_json(results / "hc18/dataset.json")["pixel_size_mm"]["median"]
    apart = between_charts().abs()
    return {
        "pixel": pixel,
        "measuring_pixel": f"{pixel:.2f} mm",
        "measuring_charts_hc": f"{apart.idxmax():.0f} mm",
        "measuring_charts_gap": f"{apart.max() / 7:.1f} weeks",
    }
