"""What the build makes for the exercises that run in the page: the lock, the files, the list."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fetalseg_book.exercises import CHAPTERS, exercises_of, plain_exercises_of
from fetalseg_book.publishing import live
from fetalseg_book.publishing.live import PYTHON, exercise_list, make

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "book" / "exercises"


def test_every_package_is_pinned_and_has_its_digest() -> None:
    wanted = json.loads((LOCK / "package.json").read_text(encoding="utf-8"))["dependencies"]
    text = (LOCK / "package-lock.json").read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)
    assert "://" not in text
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def fetched(lock: Path, folder: Path, bring: object) -> None:
        folder.mkdir(parents=True)
        for file in PYTHON:
            (folder / file).write_text("ten bytes!")

    monkeypatch.setattr(live, "fetch_runtime", fetched)
    make(LOCK, tmp_path)
    return tmp_path


def test_the_modules_are_served_as_they_are(made: Path) -> None:
    listed = json.loads((made / "files.json").read_text(encoding="utf-8"))
    assert listed["bytes"] == 30  # what is fetched, not imported
    assert "fetalseg_book/exercises/answer.py" in listed["modules"]
    for name in listed["modules"]:
        source = ROOT / name if (ROOT / name).is_file() else ROOT / "book" / name
        assert (made / "modules" / name).read_bytes() == source.read_bytes()
    plain = {chapter for chapter in CHAPTERS if plain_exercises_of(chapter)}
    served = {Path(name).stem for name in listed["modules"] if "/chapters/" in name} - {"__init__"}
    assert {name.replace("_", "-") for name in served} == plain


def test_without_a_connection_no_files_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError("npm: is there a connection?")

    (tmp_path / "files.json").write_text("{}")
    monkeypatch.setattr(live, "fetch_runtime", refused)
    monkeypatch.setattr("sys.argv", ["live", str(LOCK), "-o", str(tmp_path)])
    assert live.main() == 1
    assert not (tmp_path / "files.json").exists()


def test_the_list_has_every_exercise_once() -> None:
    lines = exercise_list().splitlines()
    names = [exercise.name for chapter in CHAPTERS for exercise in exercises_of(chapter)]
    assert sorted(re.findall(r"\[`(\w+)`:", "\n".join(lines))) == sorted(names)
    assert sum("NumPy" not in line for line in lines if line.startswith("  ")) >= 58
