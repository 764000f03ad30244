"""No chapter is longer than a reader's patience: one page, one message."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT = 2000
LIMITS = {"ablation": 2200, "audit": 2500}


def words(path: Path) -> int:
    """All that stands between spaces in a chapter's text, solutions and their code among it."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return sum(len("".join(cell["source"]).split()) for cell in cells if cell["cell_type"] == "markdown")


def test_no_chapter_is_too_long() -> None:
    counts = {path.stem: words(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    limits = {name: LIMITS.get(name, LIMIT) for name in counts}
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"{name:20}{count:6}{limits[name]:6}{'  too long' if count > limits[name] else ''}")
    too_long = {name for name in counts if counts[name] > limits[name]}
    assert not too_long


def hidden_lines(path: Path) -> int:
    """Lines of code that a reader sees only after unfolding them."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    hidden = (cell for cell in cells if "hide-input" in cell["metadata"].get("tags", []))
    return sum(len("".join(cell["source"]).splitlines()) for cell in hidden)


def test_little_code_is_folded_away() -> None:
    """What draws a figure and teaches nothing is in ``figures``. The ceiling is what is reached."""
    counts = {path.stem: hidden_lines(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    assert sum(counts.values()) <= 865, counts
