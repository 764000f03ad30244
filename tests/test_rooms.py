"""What each room may import."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_THE_LIBRARY = re.compile(r"(fetalseg_book|tools|tests)(\.\w+)*")


def named(tree: ast.AST) -> Iterator[str]:
    """The modules that a file names: in any import, or as a string, as ``import_module`` takes one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def outside(text: str) -> list[str]:
    return [name for name in named(ast.parse(text)) if NOT_THE_LIBRARY.fullmatch(name)]


@pytest.mark.parametrize(
    "text",
    [
        "import fetalseg_book",
        "from fetalseg_book.figures import style",
        "def f():\n    from tools.bench import pace",
        "import_module('fetalseg_book.audit')",
    ],
)
def test_an_arrow_out_of_the_library_is_seen(text: str) -> None:
    assert outside(f"import fetalseg_lib.data\n{text}")


def test_the_library_knows_nothing_of_what_makes_the_book() -> None:
    files = sorted((ROOT / "fetalseg_lib").rglob("*.py"))
    assert files
    arrows = {str(path.relative_to(ROOT)): outside(path.read_text(encoding="utf-8")) for path in files}
    assert {path: names for path, names in arrows.items() if names} == {}
