"""The contribution guide names tests for its promises; a promise whose test is gone would hold nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGE = GUIDE[GUIDE.index("## What is promised") :]
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not re.match(r"\| (---|promise)", line)
]
NAMED = [row.split("|")[2].strip().strip("`") for row in ROWS]


def names_of(file: Path) -> set[str]:
    """The tests of a file as pytest names them, without parameters."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)
            }
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


def test_there_are_promises_in_every_section() -> None:
    sections = [part for part in PAGE.split("\n### ") if "| promise | test |" in part]
    assert len(sections) == 4
    assert all(part.count("`tests/") >= 5 for part in sections)


@pytest.mark.parametrize("named", sorted(set(NAMED)))
def test_every_named_test_exists(named: str) -> None:
    file, _, name = named.partition("::")
    assert (ROOT / file).is_file(), f"{file}: no such file"
    assert name.rpartition("::")[2].startswith("test_")
    assert name in names_of(ROOT / file), f"{file} has no {name}"


def test_every_row_names_a_test_and_the_first_of_them_a_promise() -> None:
    assert all(re.fullmatch(r"tests/(book/)?test_\w+\.py::\w+(::\w+)?", named) for named in NAMED)
    assert ROWS[0].split("|")[1].strip()


def test_the_book_s_page_has_ten_promises_and_says_where_their_tests_are() -> None:
    page = (ROOT / "book" / "promises.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^\d+\. \*\*", page, re.M)) == 10
    assert "CONTRIBUTING.md" in page
