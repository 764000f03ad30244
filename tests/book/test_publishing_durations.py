from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fetalseg_book.publishing.durations import Durations, durations_of, main, reading_minutes, write_table
from fetalseg_book.publishing.notebook import prepare_page

FOLDED = "````{admonition} Why?\n:class: dropdown\n" + "word " * 4000 + "\n````\n"


def chapter(*texts: str, seconds: float | None = 12.0, profile: str = "smoke") -> Any:
    cells = [new_markdown_cell(text) for text in texts]
    papermill = {"duration": seconds, "parameters": {"profile": profile}}
    return new_notebook(cells=cells, metadata={"papermill": papermill})


@pytest.mark.parametrize(
    ("notebook", "minutes"),
    [
        pytest.param(chapter("# T\n" + "word " * 998), 5, id="words of one cell"),
        pytest.param(chapter("word " * 300, "word " * 300), 3, id="words of two cells"),
        pytest.param(chapter("# T"), 1, id="never no time at all"),
        pytest.param(chapter("word " * 400 + "\n\n" + FOLDED), 2, id="answers are folded"),
        pytest.param(new_notebook(cells=[new_code_cell("x " * 9000)]), 1, id="code is not counted"),
    ],
)
def test_reading_time_counts_words_of_the_text(notebook: Any, minutes: int) -> None:
    assert reading_minutes(notebook) == minutes


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [
        (0.4, "Running: 1 second in"),
        (1.2, "2 seconds"),
        (89, "89 seconds"),
        (100, "2 minutes"),
        (620, "10 minutes"),
    ],
)
def test_running_time_is_said_in_seconds_or_minutes(seconds: float, spoken: str) -> None:
    found = Durations(title="", reading_minutes=1, running_seconds=seconds, profile="quick").sentence()
    assert spoken in found
    assert "about 1 minute." in found


@pytest.mark.parametrize("notebook", [new_notebook(), chapter("# T", seconds=None)])
def test_a_notebook_that_did_not_run_has_no_durations(notebook: Any) -> None:
    assert durations_of(notebook) is None


def test_the_page_says_its_durations_below_the_title(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    nbformat.write(chapter("# The title\n\n**A question?**", seconds=33.6), path)
    prepare_page(path)
    lines = nbformat.read(path, as_version=4).cells[0].source.splitlines()
    assert (lines[0], lines[-1]) == ("# The title", "**A question?**")
    assert lines[2] == (
        "*Reading: about 1 minute. Running: 34 seconds in the build of this page (profile `smoke`).*"
    )


def test_the_title_may_stand_in_a_later_cell_and_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    late = chapter("# The title")
    late.cells.insert(0, new_code_cell("# no title"))
    nbformat.write(late, path)
    prepare_page(path)
    assert nbformat.read(path, as_version=4).cells[1].source.startswith("# The title\n\n*Reading")
    with pytest.raises(ValueError, match="expected a title"):
        durations_of(chapter("## Only a section"))


def test_the_page_of_a_notebook_that_did_not_run_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# The title")]), path)
    prepare_page(path)
    assert nbformat.read(path, as_version=4).cells[0].source == "# The title"


def test_the_table_has_a_row_a_chapter_slowest_first_and_their_sum(tmp_path: Path) -> None:
    nbformat.write(chapter("# Fast, and short", seconds=2.4), tmp_path / "a.ipynb")
    nbformat.write(chapter("# Slow", "word " * 600, seconds=100.3), tmp_path / "b.ipynb")
    main([str(tmp_path), "-o", str(tmp_path / "t.csv")])
    rows = list(csv.reader((tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[1:] == [
        ["[Slow](../notebooks/b.ipynb)", "3", "100", "smoke"],
        ["[Fast, and short](../notebooks/a.ipynb)", "1", "2", "smoke"],
        ["All chapters", "4", "103", ""],
    ]


def test_a_chapter_that_was_not_run_is_refused(tmp_path: Path) -> None:
    nbformat.write(chapter("# T", seconds=None), tmp_path / "a.ipynb")
    with pytest.raises(ValueError, match=r"a\.ipynb: no duration"):
        write_table(tmp_path, tmp_path / "t.csv")
