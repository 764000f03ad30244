from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fetalseg_book.publishing.chapter import main, make_page


def write(path: Path, *code: str) -> Path:
    cells: list[Any] = [new_markdown_cell("# A chapter"), new_code_cell("profile = 'smoke'")]
    cells[1].metadata["tags"] = ["parameters"]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[*cells, *map(new_code_cell, code)], metadata=kernel), path)
    return path


def test_a_chapter_runs_beside_its_neighbours_with_its_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "neighbour.txt").write_text("here", encoding="utf-8")
    source = write(tmp_path / "chapter.ipynb", "print(profile, open('neighbour.txt').read())")
    page = tmp_path / "page.ipynb"
    monkeypatch.setattr("sys.argv", ["chapter", str(source), str(page), "-p", "profile", "quick"])
    main()
    title, _, injected, shown = nbformat.read(page, as_version=4).cells
    assert shown.outputs[0].text == "quick here\n"
    assert "remove-cell" in injected.metadata["tags"]  # for the run, not for the reader
    assert "min" in title.source  # how long it takes
    assert not nbformat.read(source, as_version=4).cells[2].get("outputs")


def test_a_cell_that_fails_stops_the_chapter(tmp_path: Path) -> None:
    source = write(tmp_path / "chapter.ipynb", "1 / 0", "print('not reached')")
    with pytest.raises(papermill.PapermillExecutionError, match="ZeroDivisionError"):
        make_page(source, tmp_path / "page.ipynb", {})
    assert not nbformat.read(tmp_path / "page.ipynb", as_version=4).cells[-1].get("outputs")
