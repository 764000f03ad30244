"""No chapter is longer than a reader's patience: one page, one message."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT = 2000
LIMITS = {"ablation": 2200, "optimisation": 1500}

_CODE = re.compile(r"^(`{3,})(?![`{]).*?^\1\s*$", re.M | re.S)
_NO_WORDS = re.compile(r"^[`:]{3,}|^:\w+:.*$|\{[\w:-]+\}", re.M)


def words(path: Path) -> int:
    """Words of a chapter's text, solutions and answers among it, code not."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return len(re.findall(r"\S*\w\S*", _NO_WORDS.sub("", _CODE.sub("", text))))


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


def test_code_is_not_counted(tmp_path: Path) -> None:
    text = "One two.\n\n```python\na = 1\n```\n\n"
    text += "````{admonition} Three four?\n:class: dropdown\nfive {glue:text}`six`\n````"
    cells = [{"cell_type": "markdown", "source": [text]}, {"cell_type": "code", "source": ["no"]}]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    assert words(path) == 6
