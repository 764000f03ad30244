"""What a chapter shows besides the figures that it draws: the library's own source, and committed figures."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.display import Image, Markdown, display


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
    words = path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    display(Image(path, width=width), metadata={"image/png": {"alt": words}})
