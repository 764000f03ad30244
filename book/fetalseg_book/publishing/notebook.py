"""The last step before an executed notebook becomes a page.

:func:`prepare_page` takes the alt texts that :func:`fetalseg_book.figures.style.show` left in the outputs
into the cells' metadata, where the page looks for them (``mystnb.image.alt``), and refuses a notebook that
holds a figure without one. Each figure gets a name and a caption (``mystnb.figure``), so that the book
numbers it and a text can refer to it: the caption of ``captions.yaml``, or what its words say first. The cell
of parameters that papermill put in is for the run, not for the reader: the page leaves it out, and the mark
by which nbval knows what to check as well. Below the title it says how long the chapter takes to read and
took to run.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import yaml

from fetalseg_book.publishing.durations import durations_of, title_cell

NBVAL_MARK = "# NBVAL_CHECK_OUTPUT"


def prepare_page(path: Path) -> int:
    """Describe and name figures, hide papermill's cell, tell the durations; returns the number of figures.

    Raises ``ValueError`` naming the cell that holds a figure without alt text, or more than one figure.
    """
    notebook = nbformat.read(path, as_version=4)
    described = 0
    for number, cell in enumerate(notebook.cells, start=1):
        cell.source = cell.source.removeprefix(f"{NBVAL_MARK}\n")
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "remove-cell"]
        texts = [words for output in cell.get("outputs", []) for words in _words(output)]
        if not texts:
            continue
        if len(texts) > 1:
            raise ValueError(
                f"{path}: cell {number} shows {len(texts)} figures; expected one, so that its words fit"
            )
        (words,) = texts
        if not words.get("alt"):
            raise ValueError(f"{path}: cell {number}: a figure without alt text; use show(figure, alt=...)")
        described += 1
        page = cell.metadata.setdefault("mystnb", {})
        page.setdefault("image", {})["alt"] = words["alt"]
        written = captions().get(path.stem, {}).get(cell.get("id", ""))
        caption = words.get("caption") or written or first_clause(words["alt"])
        page["figure"] = {"name": f"fig-{path.stem}-{described}", "caption": caption}
    if durations := durations_of(notebook):
        head = title_cell(notebook)
        head.source = re.sub(
            r"^# .+$", rf"\g<0>\n\n*{durations.sentence()}*", head.source, count=1, flags=re.M
        )
    nbformat.write(notebook, path)
    return described


@cache
def captions() -> dict[str, dict[str, str]]:
    """The captions of ``captions.yaml``: by chapter and the id of the cell that shows the figure."""
    text = Path(__file__).with_name("captions.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = yaml.safe_load(text)
    return found


def first_clause(text: str) -> str:
    """What a description says before it goes into detail.

    >>> first_clause("Mean Dice of every seed, as a point. proposed: 0.97; unet: 0.96.")
    'Mean Dice of every seed, as a point.'
    >>> first_clause("Parameters of each stage: enc0 352, enc1 1,248.")
    'Parameters of each stage.'
    """
    return re.split(r"[.:;](?:\s|$)", text, maxsplit=1)[0] + "."


def _words(output: Any) -> list[dict[str, str]]:
    """The words that go with a figure, if the output is one."""
    kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
    metadata = output.get("metadata", {})
    return [next((metadata[kind] for kind in kinds if "alt" in metadata.get(kind, {})), {})] if kinds else []
