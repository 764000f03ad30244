"""The number of the chapter on measuring: how large a pixel of HC18 is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fetalseg_lib.study.records import read_json


def facts(results: Path) -> dict[str, Any]:
    """The median width of a pixel in mm."""
    pixel = read_json(results / "hc18/dataset.json")["pixel_size_mm"]["median"]
    return {"pixel": pixel, "measuring_pixel": f"{pixel:.2f} mm"}
