"""``python -m fetalseg_book.publishing.first_cell``: write the one first cell into every notebook.

A launch button opens a notebook alone, without the library and the result files beside it. Its first code
cell fetches them. The cell is written here and nowhere else; the address of the repository comes from
``_config.yml``. A test holds the notebooks in step.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from fetalseg_book.publishing.site import ROOT

CELL_ID = "first-cell"
TEXT = """\
# A notebook that was opened alone, as on Colab, fetches the rest of the book. Anywhere else nothing happens.
from importlib.util import find_spec
from pathlib import Path

if find_spec("fetalseg_book") is None:
    if not Path("../book/fetalseg_book").is_dir():
        ![ -d fetalseg ] || git clone --quiet --depth 1 ADDRESS fetalseg
        %cd -q fetalseg/notebooks
    %run ../book/fetalseg_book/publishing/colab.py"""


def address() -> str:
    """Where the repository lies, as ``_config.yml`` says."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    return str(settings["repository"]["url"])


def first_cell() -> dict[str, Any]:
    """The cell, as a notebook's JSON holds it. The page leaves it out."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": CELL_ID,
        "metadata": {"tags": ["remove-cell"]},
        "outputs": [],
        "source": TEXT.replace("ADDRESS", address()).splitlines(keepends=True),
    }


def with_first_cell(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells of a notebook, with the first cell before all other code, once."""
    others = [cell for cell in cells if cell.get("id") != CELL_ID]
    before = next(number for number, cell in enumerate(others) if cell["cell_type"] == "code")
    return [*others[:before], first_cell(), *others[before:]]


def main() -> None:
    """Bring all notebooks in step."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        write(path)


def write(path: Path) -> None:
    """Bring one notebook in step; what else is in it stays as it was, to the byte."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"] = with_first_cell(notebook["cells"])
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
