"""The numbers of the chapter on your own images: what another processor does to the size of a head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_lib.study.records import read_json

NAMES = {
    "bfloat16": "bfloat16",
    "tf32": "TF32, the short float32 of many GPUs (imitated)",
    "other_layout": "the other order of the pixels in memory",
    "other_threads": "two threads instead of one",
    "one_image_a_batch": "one image at a time instead of 16",
}


def facts(results: Path) -> dict[str, Any]:
    """What shorter numbers and other orders of the same sums change in the same heads."""
    same_heads = read_json(results / "hardware/precision.json")
    ways = pd.DataFrame(same_heads["ways"]).T
    shown = ways.loc[list(NAMES), ["larger", "smaller", "largest_mm"]].rename(index=NAMES)
    return {
        "ways": ways,
        "shown": shown.set_axis(["heads larger", "heads smaller", "largest change (mm)"], axis="columns"),
        "own_heads": str(same_heads["images"]),
        "own_larger": str(int(ways["larger"]["bfloat16"])),
        "own_mean_change": f"{ways['mean_mm']['bfloat16']:+.2f} mm",
        "own_largest_change": f"{ways['largest_mm']['bfloat16']:.2f} mm",
        "own_float32_error": f"{same_heads['error_mm']:.2f}",
        "own_bfloat16_error": f"{ways['error_mm']['bfloat16']:.2f} mm",
    }
