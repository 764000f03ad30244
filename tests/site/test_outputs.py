"""The outputs that notebooks are committed with are those of the chapters as the build executed them.

nbval compares the same where it executes a notebook itself; the build has executed them all already.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbval.plugin import coalesce_streams

from fetalseg_book.publishing.site import ROOT

MARK = "# NBVAL_CHECK_OUTPUT"
EXECUTED = ROOT / "_build" / "tree" / "notebooks"


def marked(notebook: Path) -> list[NotebookNode]:
    cells = nbformat.read(notebook, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and MARK in cell.source]


def unmarked(cell: NotebookNode) -> str:
    """A cell's code as the page shows it."""
    return str(cell.source).removeprefix(f"{MARK}\n")


def texts(cell: NotebookNode) -> list[tuple[str, str]]:
    """What a cell's outputs say, each with its kind; streams as nbval joins them."""
    found = []
    for output in coalesce_streams(cell.outputs):
        if output.output_type == "stream":
            found.append((output.name, output.text))
        elif output.output_type == "error":
            found.append(("error", output.evalue))
        else:
            found += sorted((kind, str(value)) for kind, value in output.data.items())
    return found


def differences(committed: Path, executed: Path) -> list[str]:
    """What of the marked cells is missing or said otherwise in the executed copy, a line a cell."""
    cells = nbformat.read(executed, as_version=4).cells
    built = {cell.id: cell for cell in cells if cell.cell_type == "code"}
    found = []
    for cell in marked(committed):
        if cell.id not in built or unmarked(built[cell.id]) != unmarked(cell):
            found.append(f"cell {cell.id}: not in the executed copy; make book executes it again")
        elif texts(built[cell.id]) != texts(cell):
            found.append(f"cell {cell.id}: committed {texts(cell)}, executed {texts(built[cell.id])}")
    return found


CHECKED = [path for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if marked(path)]


@pytest.mark.parametrize("notebook", CHECKED, ids=lambda path: path.stem)
def test_a_committed_output_is_what_the_build_got(notebook: Path, site: Path) -> None:
    assert site.is_dir()
    assert differences(notebook, EXECUTED / notebook.name) == []


def cell(text: str, *outputs: NotebookNode, name: str = "one", mark: str = MARK) -> NotebookNode:
    return nbformat.v4.new_code_cell(f"{mark}\n{text}", id=name, outputs=list(outputs))


def said(text: str, stream: str = "stdout") -> NotebookNode:
    return nbformat.v4.new_output("stream", name=stream, text=text)


def write(path: Path, *cells: NotebookNode) -> Path:
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    return path


ERROR = nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])


@pytest.mark.parametrize(
    ("executed", "number"),
    [
        pytest.param([cell("print(1)", said("1\n"))], 0, id="the same"),
        pytest.param([cell("print(1)", said("1"), said("\n"))], 0, id="the same, in two parts"),
        pytest.param([cell("print(1)", said("2\n"))], 1, id="another number"),
        pytest.param([cell("print(1)")], 1, id="nothing"),
        pytest.param([cell("print(1)", said("1\n"), said("2\n"))], 1, id="more"),
        pytest.param([cell("print(1)", said("1\n", "stderr"))], 1, id="another stream"),
        pytest.param([cell("print(1)", said("1\n"), ERROR)], 1, id="an error"),
        pytest.param([], 1, id="no such cell"),
        pytest.param([cell("print(1)", said("1\n"), name="two")], 1, id="another cell"),
        pytest.param([cell("print( 1)", said("1\n"))], 1, id="a copy of older code"),
    ],
)
def test_another_output_is_seen(executed: list[NotebookNode], number: int, tmp_path: Path) -> None:
    other = cell("print(3)", name="two", mark="")
    committed = write(tmp_path / "committed.ipynb", cell("print(1)", said("1\n")), other)
    copy = write(tmp_path / "executed.ipynb", *executed)
    assert len(differences(committed, copy)) == number
