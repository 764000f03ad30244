"""A chapter, executed and made a page in one process.

``python -m fetalseg_book.publishing.chapter NOTEBOOK PAGE -p profile quick -p data phantom`` does what
papermill's own command does, and then what :mod:`fetalseg_book.publishing.notebook` does. Starting Python
once instead of twice saves seconds a chapter, and the book has many.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import papermill

from fetalseg_book.publishing.notebook import prepare_page


def make_page(notebook: Path, page: Path, parameters: Mapping[str, str]) -> None:
    """Execute ``notebook`` in its own folder with ``parameters``, and prepare the result as a page.

    Raises ``papermill.PapermillExecutionError`` at the first cell that fails, with the page as far as it
    came, and what :func:`~fetalseg_book.publishing.notebook.prepare_page` raises.
    """
    papermill.execute_notebook(
        notebook, page, parameters=dict(parameters), cwd=notebook.parent, progress_bar=False
    )
    prepare_page(page)


def main() -> None:
    """Make one page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument(
        "-p", dest="parameters", nargs=2, action="append", default=[], metavar=("NAME", "VALUE")
    )
    options = parser.parse_args()
    make_page(options.notebook, options.page, dict(options.parameters))


if __name__ == "__main__":
    main()
