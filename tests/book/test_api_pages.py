"""The API pages: every module of the library has its place on one page, once."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ROOT / "fetalseg_lib", ROOT / "book" / "fetalseg_book"
LEFT_OUT = re.compile(r"(fetalseg_lib|fetalseg_book)(|\.cli(\..*)?|(.*)\.__main__)")
"""Commands say what they do with --help."""


def modules() -> dict[str, Path]:
    """The file of every module that says what it is."""
    files = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for package in PACKAGES
        for path in package.rglob("*.py")
    }
    return {name: path for name, path in files.items() if not LEFT_OUT.fullmatch(name)}


def documented() -> list[tuple[str, str]]:
    """Each module that a page documents, with the page's name."""
    return [
        (module, page.stem)
        for page in sorted((ROOT / "book" / "api").glob("*.md"))
        for module in re.findall(r"^\.\. automodule:: (\S+)$", page.read_text(encoding="utf-8"), re.M)
    ]


def test_every_module_is_documented_once() -> None:
    library = sorted(name for name in modules() if name.startswith("fetalseg_lib"))
    assert sorted(module for module, _ in documented()) == library


def test_a_module_stands_on_the_page_of_its_room() -> None:
    for module, page in documented():
        room = module.split(".")[1]
        assert page == ("geometry" if room in ("geometry", "names", "growth", "files", "speed") else room), (
            module
        )


def test_every_module_says_what_it_is() -> None:
    silent = [
        name
        for name, path in modules().items()
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent
