"""What a chapter is made from: an edited file executes the chapters that use it, and no other."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from fetalseg_lib.study.source import module_file, names_imported

_ROOT = Path(__file__).parents[3]
_PACKAGES = ("fetalseg_lib", "book/fetalseg_book")
_START = "fetalseg_book.publishing.chapter"
_BY_CHAPTER = ("fetalseg_book.exercises.arrays", "fetalseg_book.exercises.chapters", "fetalseg_book.facts")
"""Rooms with one module a chapter, imported by the chapter's name: ``exercises.check("loss", ...)``."""
_ASKED = re.compile(r"""\b(?:check|facts_of)\(\s*["']([\w-]+)["']""")
_STRING = re.compile(r"""["'](fetalseg_\w+(?:\.\w+)+|{__name__}(?:\.\w+)+)["']""")


def digest(notebook: Path, root: Path = _ROOT) -> str:
    """The sha256 of all files that :func:`needs` finds for a notebook, with their names."""
    files = [(path.relative_to(root).as_posix(), _sha256(path)) for path in needs(notebook, root)]
    return hashlib.sha256(repr(files).encode()).hexdigest()


def needs(notebook: Path, root: Path = _ROOT) -> list[Path]:
    """The files of both packages below ``root`` that executing a notebook may read, in order.

    These are the modules that it imports, directly or through others, also those that are named in a string
    only; and what lies beside such a module and is no Python: tables, profiles, weights.
    """
    text = _text(notebook)
    chapters = [name.replace("-", "_") for name in _ASKED.findall(text)]
    waiting = [
        _START,
        *_named(text, ""),
        *(f"{room}.{chapter}" for room in _BY_CHAPTER for chapter in chapters),
    ]
    seen: set[str] = set()
    found: set[Path] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen and (file := _file(name, root)):
            found |= {file, *_data(file.parent)}
            waiting += _names(name, file)
        seen.add(name)
    return sorted(found)


def _named(text: str, package: str) -> Iterator[str]:
    """All that may be a module of the two packages, in an import or as a string."""
    yield from (
        name for name in names_imported(_imports(ast.parse(text)), package) if name.startswith("fetalseg_")
    )
    yield from (name.replace("{__name__}", package) for name in _STRING.findall(text))


def _imports(tree: ast.AST) -> Iterator[ast.AST]:
    """The imports among the statements, but those for a type checker alone. An expression holds none."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            for field in ("body", "orelse", "finalbody", "handlers", "cases"):
                waiting += getattr(node, field, None) or []


@functools.cache
def _file(name: str, root: Path) -> Path | None:
    return next(filter(None, (module_file(name, root / package) for package in _PACKAGES)), None)


@functools.cache
def _names(name: str, file: Path) -> tuple[str, ...]:
    above = name.rpartition(".")[0]
    package = name if file.name == "__init__.py" else above
    return above, *_named(file.read_text(encoding="utf-8"), package)


@functools.cache
def _data(folder: Path) -> tuple[Path, ...]:
    """What is no Python in a package's folder, and in those below it that are no packages."""
    found: list[Path] = []
    for path in folder.iterdir():
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").is_file():
            found += _data(path)
        elif path.is_file() and path.suffix != ".py":
            found.append(path)
    return tuple(found)


@functools.cache
def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _text(notebook: Path) -> str:
    """The code of a notebook, without IPython's own commands."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)
