"""HC18 as it lies on disk, and every way in which it may lie there wrongly."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import binary_fill_holes

from fetalseg_lib.data import hc18, phantom
from fetalseg_lib.data.check import check
from fetalseg_lib.data.layout import TEST, TRAINING
from fetalseg_lib.data.sample import DataError, Sample

CUT_BY_THE_BORDER = ("186_HC.png", "346_HC.png", "628_2HC.png", "787_HC.png")


@pytest.fixture(scope="module")
def drawn() -> list[Sample]:
    """Seven phantoms, the last of them the second image of its exam."""
    return list(phantom.generate(7, seed=5, size=(216, 320)))


@pytest.fixture(scope="module")
def pristine(drawn: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """They in HC18's layout."""
    return phantom.write_folder(drawn, tmp_path_factory.mktemp("hc18"))


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(pristine, tmp_path / "copy")


def test_what_was_written_is_read_back(pristine: Path, drawn: list[Sample]) -> None:
    samples = hc18.load(pristine)
    assert [sample.name for sample in samples] == [sample.name for sample in drawn]
    assert samples[6].name == "005_2HC.png"
    assert samples[6].exam == samples[5].exam == 5
    for read, written in zip(samples, drawn, strict=True):
        assert read.mask is not None
        assert written.mask is not None
        assert (read.image == written.image).all()
        assert read.pixel_size_mm == pytest.approx(written.pixel_size_mm, rel=1e-12)
        assert read.hc_mm == pytest.approx(written.hc_mm, rel=1e-12)
        assert (read.mask != written.mask).mean() < 0.001


def test_an_intact_folder_has_no_problem(pristine: Path) -> None:
    assert check(pristine).empty


def _table(root: Path) -> pd.DataFrame:
    return pd.read_csv(root / TRAINING.index, dtype=str)


def _set(column: int, value: str) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        table = _table(root)
        table.iloc[2, column] = value
        table.to_csv(root / TRAINING.index, index=False)

    return spoil


def _list_twice(root: Path) -> None:
    table = _table(root)
    pd.concat([table, table.iloc[[2]]]).to_csv(root / TRAINING.index, index=False)


def _drop_line(root: Path) -> None:
    _table(root).drop(index=2).to_csv(root / TRAINING.index, index=False)


def _drop_column(root: Path) -> None:
    _table(root).iloc[:, :2].to_csv(root / TRAINING.index, index=False)


def _empty_table(root: Path) -> None:
    _table(root).head(0).to_csv(root / TRAINING.index, index=False)


def _remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / TRAINING.folder / name).unlink()


def _cut(name: str, keep: float) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        path = root / TRAINING.folder / name
        content = path.read_bytes()
        path.write_bytes(content[: int(keep * len(content))])

    return spoil


def _flip_a_bit(root: Path) -> None:
    path = root / TRAINING.folder / "002_HC.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _bomb(root: Path) -> None:
    """A header that declares 30,000 x 30,000 pixels, and the checksum that belongs to it."""
    path = root / TRAINING.folder / "002_HC.png"
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 30_000, 30_000)
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)


def _late_header(root: Path) -> None:
    path = root / TRAINING.folder / "002_HC.png"
    chunk = b"\0\0\0\0tEXt" + zlib.crc32(b"tEXt").to_bytes(4, "big")
    path.write_bytes(path.read_bytes()[:8] + chunk + path.read_bytes()[8:])


def _no_png(root: Path) -> None:
    (root / TRAINING.folder / "002_HC.png").write_text("<html>404</html>")


def _resize_outline(root: Path) -> None:
    path = root / TRAINING.folder / "002_HC_Annotation.png"
    cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path), 0), (160, 108)))


def _blank_outline(root: Path) -> None:
    path = root / TRAINING.folder / "002_HC_Annotation.png"
    cv2.imwrite(str(path), np.zeros((216, 320), np.uint8))


IMAGE, OUTLINE, CSV = "002_HC.png", "002_HC_Annotation.png", TRAINING.index

# what is done to the folder, the file that the error must name, and words of the error
SEEN_AT_ONCE = {
    "annotation missing": (_remove(OUTLINE), OUTLINE, "annotation of 002_HC.png is missing"),
    "image missing": (_remove(IMAGE), IMAGE, "no such file"),
    "pixel size not a number": (_set(1, "0.1 mm"), CSV, r"line 4 \(002_HC.png\) has pixel size.* '0.1 mm'"),
    "pixel size empty": (_set(1, ""), CSV, "line 4 .*pixel size"),
    "pixel size nan": (_set(1, "nan"), CSV, "line 4 .*pixel size"),
    "pixel size zero": (_set(1, "0"), CSV, "line 4 .*pixel size.*positive"),
    "pixel size negative": (_set(1, "-0.1"), CSV, "line 4 .*pixel size.*positive"),
    "circumference infinite": (_set(2, "inf"), CSV, "line 4 .*head circumference"),
    "a name twice": (_list_twice, CSV, "line 9 lists 002_HC.png a second time"),
    "a name of another form": (_set(0, "../002.png"), CSV, "line 4 has the file name"),
    "an image without a line": (_drop_line, IMAGE, "no line in"),
    "a column missing": (_drop_column, CSV, r"no column 'head circumference \(mm\)'"),
    "no lines": (_empty_table, CSV, "lists no image"),
}
SEEN_ON_READING = {
    "PNG cut in half": (_cut(IMAGE, 0.5), IMAGE, "no intact PNG"),
    "PNG cut at the end": (_cut(IMAGE, 0.999), IMAGE, "no intact PNG"),
    "PNG empty": (_cut(IMAGE, 0), IMAGE, "no intact PNG"),
    "annotation cut": (_cut(OUTLINE, 0.5), OUTLINE, "no intact PNG"),
    "PNG bomb": (_bomb, IMAGE, "declares 30000 x 30000 pixels"),
    "PNG without a header": (_late_header, IMAGE, "cannot be decoded"),
    "PNG damaged": (_flip_a_bit, IMAGE, "no intact PNG"),
    "not a PNG": (_no_png, IMAGE, "no intact PNG"),
    "annotation of another size": (_resize_outline, OUTLINE, "160x108 pixels, its image 320x216"),
    "annotation empty": (_blank_outline, OUTLINE, "no ellipse fits"),
}
Case = tuple[Callable[[Path], None], str, str]


def _assert_named(error: DataError, root: Path, file: str, words: str) -> None:
    assert Path(error.file).name == file
    assert Path(error.file).is_relative_to(root)
    assert error.mend
    assert str(error).startswith(error.file)
    with pytest.raises(DataError, match=words):
        raise error


@pytest.mark.parametrize("case", SEEN_AT_ONCE.values(), ids=SEEN_AT_ONCE)
def test_a_bad_index_is_one_error_when_the_data_is_opened(root: Path, case: Case) -> None:
    spoil, file, words = case
    spoil(root)
    with pytest.raises(DataError) as caught:
        hc18.load(root)
    _assert_named(caught.value, root, file, words)


@pytest.mark.parametrize("case", SEEN_ON_READING.values(), ids=SEEN_ON_READING)
def test_a_bad_image_is_one_error_when_it_is_read(root: Path, case: Case) -> None:
    spoil, file, words = case
    spoil(root)
    samples = hc18.load(root)
    assert samples[1].name == "001_HC.png"
    with pytest.raises(DataError) as caught:
        samples[2]
    _assert_named(caught.value, root, file, words)


@pytest.mark.parametrize(
    "case", (SEEN_AT_ONCE | SEEN_ON_READING).values(), ids=SEEN_AT_ONCE | SEEN_ON_READING
)
def test_check_tells_the_same(root: Path, case: Case) -> None:
    spoil, file, _ = case
    spoil(root)
    report = check(root)
    assert list(report.columns) == ["file", "problem", "mend"]
    assert file in {Path(path).name for path in report["file"]}
    assert (report["mend"] != "").all()


def test_check_tells_everything_at_once(root: Path) -> None:
    _remove("000_HC_Annotation.png")(root)
    _cut("001_HC.png", 0.5)(root)
    _set(1, "-1")(root)
    _resize = root / TRAINING.folder / "004_HC_Annotation.png"
    cv2.imwrite(str(_resize), np.zeros((10, 10), np.uint8))
    (root / TRAINING.folder / "099_HC.png").write_bytes(b"")
    files = [Path(path).name for path in check(root)["file"]]
    assert sorted(files) == sorted(
        ["000_HC_Annotation.png", "001_HC.png", CSV, "004_HC_Annotation.png", "099_HC.png"]
    )
    with pytest.raises(DataError, match=r"2 more: `fetalseg data check` lists all"):
        hc18.load(root)


def test_check_finds_an_outline_that_contradicts_the_csv(root: Path) -> None:
    pixel_size = float(_table(root).iloc[2, 1])
    _set(1, str(2 * pixel_size))(root)
    report = check(root)
    assert [Path(path).name for path in report["file"]] == [OUTLINE]
    assert "measures" in report["problem"].item()


@pytest.mark.parametrize("there", [True, False], ids=["an empty folder", "no folder"])
def test_no_data_is_one_error_with_all_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    folder = tmp_path if there else tmp_path / "missing"
    for way in ("argument", "variable", "default"):
        monkeypatch.delenv("FETALSEG_HC18", raising=False)
        monkeypatch.chdir(tmp_path)
        if way == "variable":
            monkeypatch.setenv("FETALSEG_HC18", str(folder))
        with pytest.raises(DataError) as caught:
            hc18.load(folder if way == "argument" else None)
        for words in ("`root`", "FETALSEG_HC18", "data/hc18", "fetalseg data download"):
            assert words in str(caught.value)
        assert len(check(folder if way == "argument" else None)) == 1


def test_the_argument_comes_before_the_variable_and_that_before_the_default(
    pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pristine, "data/hc18")
    other = shutil.copytree(pristine, tmp_path / "other")
    monkeypatch.delenv("FETALSEG_HC18", raising=False)
    assert hc18.find_root() == Path("data/hc18")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert hc18.find_root().samefile(tmp_path / "data/hc18")  # found from a folder below
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FETALSEG_HC18", str(other))
    assert hc18.find_root() == other
    assert hc18.find_root(pristine) == pristine
    monkeypatch.setenv("FETALSEG_HC18", str(tmp_path / "mistyped"))
    with pytest.raises(DataError, match="mistyped"):
        hc18.find_root()


def test_the_fingerprint_follows_the_files(root: Path) -> None:
    first = hc18.load(root).fingerprint()
    assert hc18.load(root).fingerprint() == first
    image = root / TRAINING.folder / IMAGE
    stat = image.stat()
    os.utime(image, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))
    touched = hc18.load(root).fingerprint()
    assert touched != first
    _set(2, "123.4")(root)
    assert hc18.load(root).fingerprint() != touched


def test_the_test_set_has_no_labels(root: Path) -> None:
    (root / TRAINING.folder).rename(root / TEST.folder)
    _table(root).iloc[:, :2].to_csv(root / TEST.index, index=False)
    (root / TRAINING.index).unlink()
    sample = hc18.load_test(root)[2]
    assert sample.mask is None
    assert sample.hc_mm is None
    assert sample.pixel_size_mm > 0
    with pytest.raises(DataError, match=f"{TRAINING.index}: the CSV is missing"):
        hc18.load(root)


@pytest.mark.hc18
def test_the_real_masks_have_the_circumference_of_the_csv(hc18_root: Path) -> None:
    """Independent of the fit: the sonographers' own numbers, from the record's CSV."""
    samples = hc18.load(hc18_root)
    assert len(samples) == 999
    assert len(hc18.load_test(hc18_root)) == 335
    assert samples.table["exam"].nunique() == 806
    errors = []
    for row in range(0, 999, 12):
        record = samples.table.iloc[row]
        _, ellipse = hc18.read_pair(hc18_root / TRAINING.folder / record["name"])
        errors.append(abs(ellipse.circumference * record["pixel_size_mm"] - record["hc_mm"]))
    assert max(errors) < 0.07
    assert np.mean(errors) < 0.015


@pytest.mark.hc18
@pytest.mark.parametrize("name", CUT_BY_THE_BORDER)
def test_heads_cut_by_the_border_are_filled_all_the_same(hc18_root: Path, name: str) -> None:
    samples = hc18.load(hc18_root)
    sample = samples[int(samples.table.index[samples.table["name"] == name][0])]
    outline = cv2.imread(str(hc18_root / TRAINING.folder / name.replace(".png", "_Annotation.png")), 0) > 0
    assert sample.mask is not None
    assert binary_fill_holes(outline).mean() < 0.02  # what hole filling makes of it: nothing
    assert sample.mask.mean() > 0.1
    center = np.argwhere(sample.mask).mean(axis=0).astype(int)
    assert sample.mask[tuple(center)]
    assert not (outline & ~cv2.dilate(sample.mask.astype(np.uint8), np.ones((7, 7))).astype(bool)).any()
