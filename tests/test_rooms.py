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


def test_the_library_stays_small() -> None:
    """Ceilings at what it has today, to be lowered with it: the aim is 12,000 lines, the core 8,000."""
    lines = {
        path.relative_to(ROOT / "fetalseg_lib").as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "fetalseg_lib").rglob("*.py")
    }
    core = sum(n for name, n in lines.items() if not name.startswith(("apply/", "data/phantom/")))
    assert sum(lines.values()) <= 11_981
    assert core <= 7_767
    assert len(lines) <= 111


FLOORS = (
    {"__main__"},
    {"cli"},
    {"apply"},
    {"study"},
    {"data", "models", "training", "evaluation"},
    {"complexity", "files", "geometry", "growth", "names", "speed"},
)
"""The rooms of the library, those that import others above them; CONTRIBUTING.md draws them."""


def room(path: Path) -> str:
    return path.relative_to(ROOT / "fetalseg_lib").parts[0].removesuffix(".py")


def upwards(path: Path, text: str) -> list[str]:
    """The modules of other rooms that a file names although they do not stand below its own."""
    (floor,) = (number for number, rooms in enumerate(FLOORS) if room(path) in rooms)
    below = set().union(*FLOORS[floor + 1 :]) | ({"names"} if room(path) == "files" else set())
    names = [
        name.split(".") for name in named(ast.parse(text)) if re.fullmatch(r"fetalseg_lib(\.\w+)+", name)
    ]
    return [".".join(name) for name in names if name[1] not in {room(path), *below}]


@pytest.mark.parametrize(
    ("file", "text", "number"),
    [
        ("models/aspp.py", "from fetalseg_lib.data import hc18", 1),
        ("models/aspp.py", "def f():\n    import fetalseg_lib.study.run", 1),
        ("models/aspp.py", "from fetalseg_lib.models.se import SEBlock", 0),
        ("study/run.py", "from fetalseg_lib.models import build_model", 0),
        ("geometry.py", "import fetalseg_lib.files", 1),
    ],
)
def test_an_arrow_upwards_is_seen(file: str, text: str, number: int) -> None:
    assert len(upwards(ROOT / "fetalseg_lib" / file, text)) == number


def test_a_room_imports_only_what_stands_below_it() -> None:
    files = [path for path in sorted((ROOT / "fetalseg_lib").rglob("*.py")) if room(path) != "__init__"]
    assert {room(path) for path in files} == set().union(*FLOORS)
    arrows = {str(path.relative_to(ROOT)): upwards(path, path.read_text(encoding="utf-8")) for path in files}
    assert {path: names for path, names in arrows.items() if names} == {}


def test_the_plan_of_the_rooms_names_them_all_and_only_what_is_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Where do I change X?")[2]
    plan, _, rest = page.partition("| to change")
    table = rest.partition("\n## ")[0]
    kit = {path.parent.name for path in (ROOT / "book" / "fetalseg_book").glob("*/__init__.py")}
    rooms = set().union(*FLOORS) - {"__main__"} | kit
    assert {name for name in rooms if not re.search(rf"\b{name}\b", plan)} == set()
    paths = re.findall(r"`((?:fetalseg_lib|book|notebooks)/[\w/.]*|\w+/)`", table)
    assert len(paths) > 15
    places = (ROOT, ROOT / "book" / "fetalseg_book")
    assert [path for path in paths if not any((place / path).exists() for place in places)] == []
