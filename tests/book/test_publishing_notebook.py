from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from fetalseg_book.publishing.notebook import captions, prepare_page

ROOT = Path(__file__).parents[2]


def figure(alt: str | None, **more: str) -> Any:
    metadata = {} if alt is None else {"image/svg+xml": {"alt": alt, **more}}
    return new_output("display_data", data={"image/svg+xml": "<svg/>"}, metadata=metadata)


def write(path: Path, *cells: Any) -> Path:
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def test_a_figures_words_go_where_the_page_looks_for_them(tmp_path: Path) -> None:
    text = new_output("stream", text="no figure")
    path = write(tmp_path / "n.ipynb", new_code_cell(outputs=[text, figure("A head.")]), new_code_cell())
    assert prepare_page(path) == 1
    first, second = nbformat.read(path, as_version=4).cells
    assert first.metadata["mystnb"]["image"]["alt"] == "A head."
    assert "mystnb" not in second.metadata


def test_figures_are_named_by_their_order_and_have_captions(tmp_path: Path) -> None:
    cells = [
        new_code_cell(outputs=[figure("A head, seen from above: 3 by 3 px. Black.")]),
        new_code_cell(),
        new_code_cell(outputs=[figure("Left: a head.", caption="Two `heads`.")]),
    ]
    path = write(tmp_path / "heads.ipynb", *cells)
    assert prepare_page(path) == 2
    first, _, second = nbformat.read(path, as_version=4).cells
    assert first.metadata["mystnb"]["figure"] == {
        "name": "fig-heads-1",
        "caption": "A head, seen from above.",
    }
    assert second.metadata["mystnb"]["figure"] == {"name": "fig-heads-2", "caption": "Two `heads`."}
    assert second.metadata["mystnb"]["image"]["alt"] == "Left: a head."


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        pytest.param([figure(None)], r"n\.ipynb: cell 1: a figure without alt text", id="no words"),
        pytest.param([figure("")], "a figure without alt text", id="empty words"),
        pytest.param([figure("A."), figure("B.")], "cell 1 shows 2 figures", id="two figures"),
    ],
)
def test_a_figure_that_nobody_can_hear_is_refused(tmp_path: Path, outputs: list[Any], message: str) -> None:
    path = write(tmp_path / "n.ipynb", new_code_cell(outputs=outputs))
    with pytest.raises(ValueError, match=message):
        prepare_page(path)


def test_the_page_leaves_out_what_papermill_put_in(tmp_path: Path) -> None:
    injected = new_code_cell("runs = 'elsewhere'", metadata={"tags": ["injected-parameters"]})
    given = new_code_cell("runs = '../runs'", metadata={"tags": ["parameters"]})
    path = write(tmp_path / "n.ipynb", given, injected)
    prepare_page(path)
    kept, hidden = nbformat.read(path, as_version=4).cells
    assert "remove-cell" not in kept.metadata["tags"]
    assert "remove-cell" in hidden.metadata["tags"]


def test_the_page_does_not_show_the_mark_of_a_checked_cell(tmp_path: Path) -> None:
    path = write(tmp_path / "n.ipynb", new_code_cell("# NBVAL_CHECK_OUTPUT\nprint(1)"))
    prepare_page(path)
    (cell,) = nbformat.read(path, as_version=4).cells
    assert cell.source == "print(1)"


def test_every_caption_is_of_a_cell_of_its_chapter() -> None:
    for chapter, by_cell in captions().items():
        notebook = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", as_version=4)
        assert set(by_cell) <= {cell.id for cell in notebook.cells if cell.cell_type == "code"}, chapter
        assert all(caption.endswith((".", "?")) for caption in by_cell.values())
