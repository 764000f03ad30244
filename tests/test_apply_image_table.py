from pathlib import Path

import pytest

from fetalseg_lib.apply.images import ImageTable, read_image_table
from fetalseg_lib.data.sample import DataError


def test_a_table_in_hc18_s_columns_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sizes.csv"
    path.write_text(
        "filename, pixel size(mm),exam,remark\na.png,0.1, ann 1 ,x\nb.png,0.25,,\n", encoding="utf-8-sig"
    )
    table = read_image_table(path)
    assert table == ImageTable(sizes={"a.png": 0.1, "b.png": 0.25}, exams={"a.png": "ann 1"})
    assert table.pixel_size_mm(Path("deep/b.png")) == 0.25
    assert table.pixel_size_mm(Path("c.png")) is None
    assert (table.exam(Path("a.png")), table.exam(Path("b.png"))) == ("ann 1", None)


@pytest.mark.hc18
def test_hc18_s_own_tables_serve(hc18_root: Path) -> None:
    assert len(read_image_table(hc18_root / "test_set_pixel_size.csv").sizes) == 335


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column 'filename' and 'pixel size"),
        (b"filename,size\n", "no column 'pixel size"),
        (b"filename,pixel size(mm)\na.png,\n", "line 2 .a.png. has pixel size.mm. = ''"),
        (b"filename,pixel size(mm)\na.png\n", "line 2"),
        (b"filename,pixel size(mm)\na.png,0\n", "expected a positive number"),
        (b"filename,pixel size(mm)\na.png,inf\n", "expected a positive number"),
        (b"filename,pixel size(mm)\na.png,1 mm\n", "expected a positive number"),
        (b"filename,pixel size(mm)\na.png,1\na.png,1\n", "line 3 names a.png a second time"),
        (b"filename,pixel size(mm)\n,1\n", "line 2 names no file"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_tables_that_tell_nothing_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sizes.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_image_table(path)


def test_a_missing_table_and_a_length_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_image_table(tmp_path / "nowhere.csv")
    for every in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="--pixel-size: expected a positive length"):
            ImageTable(every=every)
