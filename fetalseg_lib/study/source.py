"""A digest of the code that trains and evaluates: results of other code are never taken for its own."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_LIBRARY = Path(__file__).parents[1]
_START = "fetalseg_lib.study.run"
_DATA = ("data/split_hc18.csv", "data/folds_hc18.csv")
_LEFT_OUT = {
    # What they decide stands in the configuration, which a run is compared by anyway.
    "fetalseg_lib.models.variants",
    "fetalseg_lib.study.config",
    "fetalseg_lib.study.profile",
    # They write, lock, name and count, and change no number of a run.
    "fetalseg_lib",
    "fetalseg_lib.complexity",
    "fetalseg_lib.files",
    "fetalseg_lib.names",
    "fetalseg_lib.study.identity",
    "fetalseg_lib.study.records",
    "fetalseg_lib.study.source",
}


@functools.cache
def source_digest() -> str:
    """The sha256 of the code that this process computes runs with, as it stood when this was first asked.

    Every module of the library that a run imports counts, directly or through others, by its name and its
    syntax tree: a comment, a docstring or a line break changes nothing, nor does the Python that reads it.
    """
    return read_digest()


def read_digest() -> str:
    """The same of the files as they are now."""
    return hashlib.sha256(repr(sorted(read_content().items())).encode()).hexdigest()


def read_content() -> dict[str, str]:
    """Each module that counts, and each file of data, with its own sha256."""
    content = {name: hashlib.sha256((_LIBRARY / name).read_bytes()).hexdigest() for name in _DATA}
    waiting = [_START]
    while waiting:
        name = waiting.pop()
        if name in content or name in _LEFT_OUT or (file := module_file(name, _LIBRARY)) is None:
            continue
        content[name], imports = _parse(file.read_bytes(), name)
        above = name.rpartition(".")[0]
        waiting += [above, *names_imported(imports, name if file.name == "__init__.py" else above)]
    return content


def module_file(name: str, package: Path) -> Path | None:
    """The file of a module of the package that lies in this folder; ``None`` for any other name."""
    parts = name.split(".")
    if parts[0] != package.name:
        return None
    path = package.joinpath(*parts[1:])
    files = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((file for file in files if file.is_file()), None)


def names_imported(imports: Iterable[ast.AST], package: str) -> Iterator[str]:
    """All that a module of ``package`` may import; whether a name is a module's is told by its file."""
    for node in imports:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@functools.cache
def _parse(code: bytes, name: str) -> tuple[str, list[ast.AST]]:
    """The digest of a module, and all that it imports: once for each text, as a run asks again."""
    words: list[str] = []
    imports: list[ast.AST] = []
    _read(ast.parse(code, name), words, imports)
    return hashlib.sha256("\n".join(words).encode()).hexdigest(), imports


def _read(node: ast.AST, words: list[str], imports: list[ast.AST]) -> None:
    """Add a node and all below it, without docstrings and what differs between versions of Python."""
    words.append(type(node).__name__)
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        imports.append(node)
    for field in node._fields:
        value = getattr(node, field, None)
        if value is None or value == [] or field in ("ctx", "kind", "type_comment"):
            continue
        words.append(field)
        for item in value if isinstance(value, list) else (value,):
            if not isinstance(item, ast.AST):
                words.append(repr(item))
            elif not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)):
                _read(item, words, imports)
    words.append(")")
