"""Names and folders that others chose."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fetalseg_lib.apply.images import find_images
from fetalseg_lib.data.read import read_content
from fetalseg_lib.data.sample import DataError
from fetalseg_lib.names import csv_cell, picture_name, visible

FILE_NAMES = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1)


@given(FILE_NAMES)
@example("=1+1")
@example("＝1＋1")
@example("\t=1+1")
@example("\x1b[2J")
@example("\udcff")
def test_no_cell_is_a_formula_and_none_moves_a_terminal(name: str) -> None:
    cell = csv_cell(name)
    assert cell.isprintable()
    assert cell[0] not in "=+-@\t\r＝＋－＠"


@given(FILE_NAMES, FILE_NAMES)
@example("'=1", "=1")
@example("\n", r"\n")
@example("a\\\n", "a\\\\n")
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (csv_cell(one) == csv_cell(other)) == (one == other)
    assert (picture_name(one) == picture_name(other)) == (one == other)


@given(FILE_NAMES)
@example("../../etc/passwd")
@example("CON.png")
@example("a" * 255)
def test_a_picture_s_name_is_plain_and_stays_in_its_folder(name: str) -> None:
    found = picture_name(name)
    assert len(found) <= 80
    assert found.isascii()
    assert Path(found).name == found
    assert found.endswith(".png")


def test_visible_keeps_what_it_is_told_to() -> None:
    assert visible("a\\b\n\x1b", keep="\\\n") == "a\\b\n\\x1b"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.PNG",
        "a.jpeg",
        "deep/er/c.tif",
        "notes.txt",
        ".hidden.png",
        ".git/x.png",
        "000_HC.png",
        "000_HC_Annotation.png",
        "lonely_Annotation.png",
        "out/a-12345678.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "README").write_bytes(b"text")
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def test_a_folder_gives_its_images_in_order_and_no_results_or_outlines(folder: Path) -> None:
    found = find_images([folder], leave_out=[folder / "out", None])
    assert [path.relative_to(folder).as_posix() for path in found] == [
        "000_HC.png",
        "IM0001",
        "a.jpeg",
        "b.PNG",
        "lonely_Annotation.png",
        "deep/er/c.tif",
    ]


def test_named_files_count_whatever_they_are_and_each_once(folder: Path) -> None:
    named = [folder / "notes.txt", folder / "nowhere.png", folder / "b.PNG", folder / "deep" / ".." / "b.PNG"]
    assert find_images(named) == named[:3]
    assert find_images([folder / "b.PNG", folder]).count(folder / "b.PNG") == 1


def test_nothing_found_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no image found; expected files that end in \.png, .*\.dcm"):
        find_images([tmp_path])


def test_a_folder_that_cannot_be_opened_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = folder / "deep" / "er"
    scandir, access = os.scandir, os.access

    def refusing(path: object) -> object:
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(closed))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refusing)  # root may open everything
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(closed) and access(path, mode))
    assert find_images([folder])[-1] == closed
    with pytest.raises(DataError, match=r"er: the folder cannot be opened"):
        read_content(closed)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX knows pipes and links")
def test_a_pipe_does_not_block_and_a_circle_of_links_ends(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "around").symlink_to(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    assert [path.name for path in find_images([tmp_path])] == ["a.png"]
