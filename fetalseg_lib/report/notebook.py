"""The last step before an executed notebook becomes a page.

``python -m fetalseg_lib.report.notebook NOTEBOOK`` takes the alt texts that
:func:`fetalseg_lib.report.style.show` left in the outputs into the cells' metadata, where the page looks for
them (``mystnb.image.alt``), and refuses a notebook that holds a figure without one. The cell of parameters
that papermill put in is for the run, not for the reader: the page leaves it out. Below the title it says how
long the chapter takes to read and took to run.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import nbformat

from fetalseg_lib.report.durations import durations_of, title_cell


def prepare_page(path: Path) -> int:
    """Describe the figures, hide papermill's cell, tell the durations; returns the number of figures.

    Raises ``ValueError`` naming the cell that holds a figure without alt text, or more than one figure.
    """
    notebook = nbformat.read(path, as_version=4)
    described = 0
    for number, cell in enumerate(notebook.cells, start=1):
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "remove-cell"]
        texts = [text for output in cell.get("outputs", []) for text in _alt_texts(output)]
        if not texts:
            continue
        if len(texts) > 1:
            raise ValueError(
                f"{path}: cell {number} shows {len(texts)} figures; expected one, so that its words fit"
            )
        if not texts[0]:
            raise ValueError(f"{path}: cell {number}: a figure without alt text; use show(figure, alt=...)")
        cell.metadata.setdefault("mystnb", {}).setdefault("image", {})["alt"] = texts[0]
        described += 1
    if durations := durations_of(notebook):
        head = title_cell(notebook)
        head.source = re.sub(
            r"^# .+$", rf"\g<0>\n\n*{durations.sentence()}*", head.source, count=1, flags=re.M
        )
    nbformat.write(notebook, path)
    return described


def _alt_texts(output: Any) -> list[str]:
    kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
    if not kinds:
        return []
    metadata = output.get("metadata", {})
    return [next((metadata[kind]["alt"] for kind in kinds if "alt" in metadata.get(kind, {})), "")]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        prepare_page(Path(name))
