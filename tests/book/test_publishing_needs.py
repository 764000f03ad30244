"""An edited file executes the chapters that use it, and no other."""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from killing import ask, modules_loaded_by

from fetalseg_book.publishing import needs

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ALL = {notebook.stem for notebook in NOTEBOOKS}


@functools.cache
def used(notebook: Path) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in needs.needs(notebook)}


@pytest.mark.parametrize(
    ("file", "chapters"),
    [
        ("book/fetalseg_book/studies/leakage.py", {"data"}),
        ("book/fetalseg_book/explorers/pos_weight.py", {"loss"}),
        ("book/fetalseg_book/exercises/chapters/clinic.py", {"clinic"}),
        ("book/fetalseg_book/exercises/chapters/phantom.py", {"phantom"}),  # also the name of the data in all
        ("book/fetalseg_book/publishing/notebook.py", ALL),  # it makes each of them a page
        ("book/fetalseg_book/publishing/pdf.py", set()),
        ("book/fetalseg_book/figures/fetalseg.mplstyle", ALL),
        ("fetalseg_lib/cli/__init__.py", set()),
    ],
)
def test_a_file_belongs_to_the_chapters_that_use_it(file: str, chapters: set[str]) -> None:
    assert (ROOT / file).is_file()
    assert {notebook.stem for notebook in NOTEBOOKS if file in used(notebook)} == chapters


def imports_of(notebook: Path) -> str:
    """What a chapter loads, as a program: its imports, and what is found by its name."""
    tree = ast.parse(needs._text(notebook))
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    name = notebook.stem.replace("-", "_")
    rooms = ("exercises.arrays", "exercises.chapters", "facts")
    found = [
        room
        for room in rooms
        if ROOT.joinpath("book/fetalseg_book", *room.split("."), f"{name}.py").is_file()
    ]
    return "\n".join([*map(ast.unparse, imports), *(f"import fetalseg_book.{room}.{name}" for room in found)])


@pytest.mark.parametrize("chapter", ["cost", "own-images"])
def test_every_module_that_a_chapter_loads_counts(chapter: str) -> None:
    """Held against the interpreter's own list of what it has loaded."""
    notebook = ROOT / "notebooks" / f"{chapter}.ipynb"
    loaded = set(ask(modules_loaded_by, imports_of(notebook)).values())
    assert len(loaded) > 50
    assert loaded - {str(path) for path in needs.needs(notebook)} - {str(Path(needs.__file__))} == set()


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


CHAPTER = """
%pip install nothing
from typing import TYPE_CHECKING
from fetalseg_lib import used
if TYPE_CHECKING:
    from fetalseg_lib import typed
def later():
    import fetalseg_lib.later
facts_of("a-chapter", profile="other")
"""
FILES = {
    "fetalseg_lib/__init__.py": "",
    "fetalseg_lib/used.py": "try:\n    from .indirect import x\nexcept ImportError:\n    pass",
    "fetalseg_lib/indirect.py": "",
    "fetalseg_lib/later.py": "",
    "fetalseg_lib/typed.py": "",
    "fetalseg_lib/data.csv": "",
    "fetalseg_lib/tables/deep.yaml": "",
    "fetalseg_lib/other/__init__.py": "",
    "fetalseg_lib/other/data.csv": "",
    "book/fetalseg_book/__init__.py": "import_module(f'{__name__}.named')",
    "book/fetalseg_book/named.py": "run('fetalseg_book.said')",
    "book/fetalseg_book/said.py": "",
    "book/fetalseg_book/facts/__init__.py": "",
    "book/fetalseg_book/facts/a_chapter.py": "",
    "book/fetalseg_book/facts/other.py": "",
    "book/fetalseg_book/publishing/__init__.py": "",
    "book/fetalseg_book/publishing/chapter.py": "",
}
LEFT_OUT = {"typed", "other"}


@pytest.mark.parametrize("edited", FILES)
def test_an_edited_file_changes_the_digest_where_it_is_used(edited: str, tmp_path: Path) -> None:
    digests = []
    for place, added in (("before", ""), ("after", "\n# edited")):
        root = tmp_path / place  # of its own: what a file holds is read once
        for name, text in FILES.items():
            write(root, name, text + added * (name == edited))
        cell = {"cell_type": "code", "source": [CHAPTER]}
        notebook = write(root, "notebooks/a-chapter.ipynb", json.dumps({"cells": [cell]}))
        digests.append(needs.digest(notebook, root))
    used_here = not LEFT_OUT & set(Path(edited).with_suffix("").parts)
    assert (digests[0] != digests[1]) == used_here


def test_the_build_asks_for_it_without_torch() -> None:
    code = "import sys, fetalseg_book.publishing.needs; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
    assert "code=code_of" in (ROOT / "Snakefile").read_text(encoding="utf-8")
