"""The download: resumed, verified, unpacked safely, against a server that misbehaves on order."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from record import Record, phantom_files, serving

from fetalseg_lib.data import download as download_module
from fetalseg_lib.data import hc18
from fetalseg_lib.data.archive import extract
from fetalseg_lib.data.download import CHUNK_BYTES, FILES, RemoteFile, download, fetch_resumed
from fetalseg_lib.data.layout import TRAINING
from fetalseg_lib.data.sample import DataError


@pytest.fixture
def record() -> Iterator[Record]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download_module.time, "sleep", lambda seconds: None)


@pytest.fixture
def files(record: Record, tmp_path: Path) -> list[RemoteFile]:
    return phantom_files(record, tmp_path / "source")


def test_the_record_becomes_a_folder_that_loads(
    record: Record, files: list[RemoteFile], tmp_path: Path
) -> None:
    root = download(tmp_path / "data", files=files, record=record.url, progress=False)
    samples = hc18.load(root)
    assert [sample.name for sample in samples] == ["000_HC.png", "001_HC.png", "002_HC.png"]
    assert sorted(path.name for path in root.iterdir()) == [TRAINING.folder, TRAINING.index]
    assert len(list((root / TRAINING.folder).iterdir())) == 6


def test_what_is_there_is_not_fetched_again(record: Record, files: list[RemoteFile], tmp_path: Path) -> None:
    download(tmp_path / "data", files=files, record=record.url, progress=False)
    record.asked.clear()
    download(tmp_path / "data", files=files, record=record.url, progress=False)
    assert record.asked == []


def test_a_missing_file_is_fetched_again(record: Record, files: list[RemoteFile], tmp_path: Path) -> None:
    root = download(tmp_path / "data", files=files, record=record.url, progress=False)
    lost = root / TRAINING.folder / "001_HC_Annotation.png"
    content = lost.read_bytes()
    lost.unlink()
    (root / TRAINING.index).unlink()
    download(root, files=files, record=record.url, progress=False)
    assert lost.read_bytes() == content
    assert len(hc18.load(root)) == 3


@pytest.mark.parametrize(
    "other", [TRAINING.index, f"{TRAINING.folder}/000_HC.png", f"{TRAINING.folder}/mine.png"]
)
def test_the_images_of_others_are_not_overwritten(
    other: str, record: Record, files: list[RemoteFile], tmp_path: Path
) -> None:
    mine = tmp_path / "data" / other
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"of my own")
    with pytest.raises(ValueError, match="another file than HC18's"):
        download(tmp_path / "data", files=files, record=record.url, progress=False)
    assert mine.read_bytes() == b"of my own"
    assert [path.name for path in (tmp_path / "data").rglob("[!.]*.png")] in ([], [mine.name])


def test_a_connection_that_breaks_is_resumed(record: Record, files: list[RemoteFile], tmp_path: Path) -> None:
    size = files[1].size
    first, second = size // 3 // CHUNK_BYTES * CHUNK_BYTES, size // 4 // CHUNK_BYTES * CHUNK_BYTES
    assert first > second > 0
    record.break_after = [10**9, first, second + 100]  # the CSV whole, then the archive in three pieces
    root = download(tmp_path / "data", files=files, record=record.url, progress=False)
    assert record.asked[1:] == [
        ("training_set.zip", None),
        ("training_set.zip", f"bytes={first}-"),
        ("training_set.zip", f"bytes={first + second}-"),
    ]
    assert len(hc18.load(root)) == 3


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(
    record: Record, files: list[RemoteFile], tmp_path: Path
) -> None:
    record.break_after = [10**9, CHUNK_BYTES, 0, 0, 0, 0]
    with pytest.raises(DataError, match="goes on where it stopped"):
        download(tmp_path / "data", files=files, record=record.url, progress=False)
    assert not (tmp_path / "data" / TRAINING.folder).exists()
    record.asked.clear()
    root = download(tmp_path / "data", files=files, record=record.url, progress=False)
    assert record.asked == [("training_set.zip", f"bytes={CHUNK_BYTES}-")]
    assert len(hc18.load(root)) == 3


def test_a_server_without_ranges_starts_again(
    record: Record, files: list[RemoteFile], tmp_path: Path
) -> None:
    record.ranges = False
    record.break_after = [10**9, CHUNK_BYTES]
    root = download(tmp_path / "data", files=files, record=record.url, progress=False)
    assert record.asked[2] == ("training_set.zip", f"bytes={CHUNK_BYTES}-")
    assert len(hc18.load(root)) == 3


def test_altered_content_is_refused_and_forgotten(
    record: Record, files: list[RemoteFile], tmp_path: Path
) -> None:
    good = record.contents["training_set.zip"]
    record.contents["training_set.zip"] = good[:999] + bytes([good[999] ^ 1]) + good[1000:]
    with pytest.raises(DataError, match="not the record's file"):
        download(tmp_path / "data", files=files, record=record.url, progress=False)
    assert [path.name for path in (tmp_path / "data").iterdir()] == [TRAINING.index]
    record.contents["training_set.zip"] = good
    assert len(hc18.load(download(tmp_path / "data", files=files, record=record.url, progress=False))) == 3


def test_a_missing_file_and_a_missing_server_are_clear_errors(
    record: Record, files: list[RemoteFile], tmp_path: Path
) -> None:
    del record.contents[TRAINING.index]
    with pytest.raises(DataError, match=f"files/{TRAINING.index}: it cannot be downloaded .*404"):
        download(tmp_path, files=files, record=record.url, progress=False)
    with pytest.raises(DataError, match="by a browser"):
        download(tmp_path, files=files, record="http://127.0.0.1:9", progress=False)


def test_an_error_of_the_server_is_not_tried_again(record: Record, tmp_path: Path) -> None:
    with pytest.raises(requests.HTTPError):
        fetch_resumed(f"{record.url}/files/none", tmp_path / "part", size=1, progress=False)
    assert len(record.asked) == 1


def test_a_server_that_sends_too_much_does_not_fill_the_disk(record: Record, tmp_path: Path) -> None:
    record.contents["endless"] = b"wanted" + bytes(10 * CHUNK_BYTES)
    fetch_resumed(f"{record.url}/files/endless", tmp_path / "part", size=6, progress=False)
    assert (tmp_path / "part").read_bytes() == b"wanted"


def test_without_a_destination_it_goes_where_load_looks(
    record: Record, files: list[RemoteFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FETALSEG_HC18", raising=False)
    download(files=files, record=record.url, progress=False)
    assert len(hc18.load()) == 3
    monkeypatch.setenv("FETALSEG_HC18", "elsewhere")
    assert download(files=files, record=record.url, progress=False) == Path("elsewhere")
    assert len(hc18.load()) == 3


@pytest.mark.hc18
def test_the_real_csvs_have_the_sizes_and_checksums_of_the_record(hc18_root: Path) -> None:
    tables = [file for file in FILES if file.part is None]
    assert len(tables) == 2
    for file in tables:
        content = (hc18_root / file.name).read_bytes()
        assert (len(content), hashlib.md5(content).hexdigest()) == (file.size, file.md5)


def _archive(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def _special(name: str, kind: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    return member


GOOD = ("a/good.png", b"good")
EVIL: dict[str, tuple[tuple[str | zipfile.ZipInfo, bytes], str]] = {
    "absolute path": (("/evil.png", b""), "absolute path"),
    "drive": (("C:/evil.png", b""), "absolute path"),
    "backslash root": (("\\evil.png", b""), "absolute path"),
    "parent": (("../evil.png", b""), "leads out"),
    "parent in between": (("a/../../evil.png", b""), "leads out"),
    "parent by backslashes": (("a\\..\\..\\evil.png", b""), "leads out"),
    "symbolic link": ((_special("a/link.png", stat.S_IFLNK), b"/etc/passwd"), "link or a device"),
    "device": ((_special("a/device.png", stat.S_IFCHR), b""), "link or a device"),
    "the same name in capitals": (("A/GOOD.png", b""), "occurs twice"),
}


@pytest.mark.parametrize(("member", "words"), EVIL.values(), ids=EVIL)
def test_an_archive_that_reaches_outside_is_refused_before_anything_is_written(
    tmp_path: Path, member: tuple[str | zipfile.ZipInfo, bytes], words: str
) -> None:
    archive = _archive(tmp_path / "evil.zip", GOOD, member)
    with pytest.raises(DataError, match=words):
        extract(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["evil.zip"]


def test_an_absurdly_large_archive_is_refused(tmp_path: Path) -> None:
    bomb = _archive(tmp_path / "bomb.zip", ("a.png", bytes(1_000_000)), ("b.png", bytes(1_000_000)))
    assert bomb.stat().st_size < 5000
    with pytest.raises(DataError, match="2 files of 2000000 bytes, expected at most"):
        extract(bomb, tmp_path / "out", max_bytes=1_999_999)
    with pytest.raises(DataError, match="2 files"):
        extract(bomb, tmp_path / "out", max_files=1)
    assert not (tmp_path / "out").exists()
    assert len(extract(bomb, tmp_path / "out", max_files=2, max_bytes=2_000_000)) == 2


def test_a_size_that_lies_does_not_help(tmp_path: Path) -> None:
    """The directory of the archive claims ten bytes for a member that inflates to a million."""
    path = _archive(tmp_path / "liar.zip", ("a.png", bytes(1_000_000)))
    content = path.read_bytes().replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(DataError, match="no intact ZIP"):
        extract(path, tmp_path / "out", max_bytes=1000)
    assert sum(file.stat().st_size for file in (tmp_path / "out").rglob("*")) <= 1000


@pytest.mark.parametrize("keep", [0, 10, 0.5], ids=["empty", "ten bytes", "half"])
def test_a_damaged_archive_is_one_error(tmp_path: Path, keep: float) -> None:
    path = _archive(tmp_path / "cut.zip", GOOD, ("b.png", bytes(range(256))))
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else int(keep)])
    with pytest.raises(DataError, match=r"cut\.zip: it is no intact ZIP archive"):
        extract(path, tmp_path / "out")
