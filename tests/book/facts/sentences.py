"""Where a sentence stands, so that a test of its truth fails once it is no longer said."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "results"


def said(chapter: str, sentence: str) -> bool:
    """Whether a chapter's text has these words, whatever its line breaks, emphasis, code and glued numbers.

    Write ``…`` for a number that is glued in, and for anything else in between.
    """
    path = ROOT / "notebooks" / f"{chapter}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = " ".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    pieces = (re.escape(_plain(piece).strip()) for piece in sentence.split("…"))
    return re.search(".{0,200}?".join(pieces), _plain(text)) is not None


def includes_zero(row: Any) -> bool:
    """Whether an interval has zero inside."""
    return bool(row["low"] < 0 < row["high"])


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[*_`]{1,2}", "", text))
