"""What a chapter shows besides the figures that it draws: the library's own source, and committed figures."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from IPython.display import Image, Markdown, display
from matplotlib.figure import Figure

from fetalseg_book.figures.style import light_png
from fetalseg_lib.files import atomic_write
from fetalseg_lib.names import with_ending


def source(part: Callable[..., Any]) -> Markdown:
    """The source of a function, method or class, set as Python code.

    >>> from fetalseg_lib.models.se import SEBlock
    >>> source(SEBlock.forward).data.splitlines()[:2]
    ['```python', 'def forward(self, features: Tensor) -> Tensor:']
    """
    return Markdown(f"```python\n{textwrap.dedent(inspect.getsource(part)).rstrip()}\n```")


def show_file(path: Path, *, width: int = 720) -> None:
    """Display a committed figure, ``width`` px wide, with the words of the ``.txt`` of the same name.

    Raises ``FileNotFoundError`` where the figure or its words are missing.
    """
    words = _words(path).read_text(encoding="utf-8").strip()
    display(Image(path, width=width), metadata={"image/png": {"alt": words}})


def write_file(figure: Figure, path: Path, *, alt: str) -> None:
    """Write a figure for :func:`show_file`: ``path`` as PNG, and beside it a ``.txt`` with the words ``alt``.

    Raises ``ValueError`` where there are no words, or the figure is too heavy for a page.
    """
    if not alt.strip():
        raise ValueError("alt: expected a sentence that says what the figure shows, got nothing")
    picture, _ = light_png(figure)
    plt.close(figure)
    for file, content in ((path, picture), (_words(path), f"{alt}\n".encode())):
        with atomic_write(file) as opened:
            opened.write(content)


def _words(path: Path) -> Path:
    return with_ending(path, ".txt", instead_of=(".png", ".jpg", ".svg"))
