"""The layout of the HC18 folder: what its files' names say, and its CSV held against the files beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fetalseg_lib.data.read import read_length, read_rows
from fetalseg_lib.data.sample import DataError, about

FILENAME = "filename"
PIXEL_SIZE = "pixel size(mm)"
HEAD_CIRCUMFERENCE = "head circumference (mm)"

_DOWNLOAD = "Mend it; HC18 itself comes intact by `fetalseg data download` into an empty folder."
_IMAGE_NAME = re.compile(r"(\d+)_\d*HC\.png")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One half of HC18: a folder of PNGs and the CSV that lists them."""

    folder: str
    index: str
    labelled: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the CSV must have."""
        return (FILENAME, PIXEL_SIZE, HEAD_CIRCUMFERENCE) if self.labelled else (FILENAME, PIXEL_SIZE)


TRAINING = Part(folder="training_set", index="training_set_pixel_size_and_HC.csv", labelled=True)
TEST = Part(folder="test_set", index="test_set_pixel_size.csv", labelled=False)


def exam_number(filename: str) -> int | None:
    """The exam in an image's name (the n-th image of exam 10 is ``010_nHC.png``); ``None`` for other names.

    >>> exam_number("010_2HC.png"), exam_number("010_HC.png"), exam_number("010_HC_Annotation.png")
    (10, 10, None)
    """
    found = _IMAGE_NAME.fullmatch(filename)
    return int(found[1]) if found else None


def annotation_name(filename: str) -> str:
    """The name of the outline that belongs to an image.

    >>> annotation_name("010_2HC.png")
    '010_2HC_Annotation.png'
    """
    return filename.removesuffix(".png") + "_Annotation.png"


def read_index(root: Path, part: Part) -> tuple[pd.DataFrame, list[DataError]]:
    """Read the CSV of one part of HC18 and hold it against the folder; no image is opened.

    Returns a frame ``name, exam, pixel_size_mm, hc_mm`` (``hc_mm`` is NaN in the test set) of the rows
    that have no problem, and the problems.
    """
    path, folder = root / part.index, root / part.folder
    present = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    try:
        table = _read_table(path, folder, part, present)
    except DataError as error:
        return _frame([]), [error]
    rows: list[dict[str, object]] = []
    problems: list[DataError] = []
    seen: set[str] = set()
    for line, row in table:
        name = row[FILENAME]
        found = [*_name_problems(path, line, name, seen)] or [*_file_problems(folder, part, name, present)]
        lengths = {PIXEL_SIZE: math.nan, HEAD_CIRCUMFERENCE: math.nan}
        for column in part.columns[1:]:
            try:
                with about(path):
                    lengths[column] = read_length(row[column], f"line {line} ({name}) has {column}")
            except DataError as error:
                found.append(error)
        seen.add(name)
        problems += found
        if not found:
            sizes = {"pixel_size_mm": lengths[PIXEL_SIZE], "hc_mm": lengths[HEAD_CIRCUMFERENCE]}
            rows.append({"name": name, "exam": exam_number(name), **sizes})
    problems += [
        DataError(f"the image has no line in {part.index}", "Remove it, or add one.", file=folder / name)
        for name in sorted(present - seen)
        if exam_number(name) is not None
    ]
    return _frame(rows), problems


def _read_table(path: Path, folder: Path, part: Part, present: Set[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of the CSV; one ``DataError`` in place of one for each line, where no image is there."""
    with about(path):
        if not path.is_file():
            raise DataError("the CSV is missing", _DOWNLOAD)
        if not (table := read_rows(path, part.columns)):
            raise DataError("the CSV lists no image", _DOWNLOAD)
    if present.isdisjoint(row[FILENAME] for _, row in table):
        if (inner := folder / part.folder).is_dir():
            mend = "Move its files up into the outer folder."
            raise DataError("the images lie one folder too deep", mend, file=inner)
        raise DataError(f"none of the images that {part.index} lists is there", _DOWNLOAD, file=folder)
    return table


def _name_problems(path: Path, line: int, name: str, seen: Set[str]) -> Iterator[DataError]:
    if exam_number(name) is None:
        problem = f"line {line} has the file name {name!r}, expected one like 010_HC.png or 010_2HC.png"
        yield DataError(problem, "Correct the name.", file=path)
    elif name in seen:
        yield DataError(f"line {line} lists {name} a second time", "Delete one of the two lines.", file=path)


def _file_problems(folder: Path, part: Part, name: str, present: Set[str]) -> Iterator[DataError]:
    if name not in present:
        problem = f"{part.index} lists the image, but there is no such file"
        yield DataError(problem, _DOWNLOAD, file=folder / name)
    outline = annotation_name(name)
    if part.labelled and outline not in present:
        yield DataError(f"the annotation of {name} is missing", _DOWNLOAD, file=folder / outline)


def _frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    columns = {"name": "str", "exam": "int64", "pixel_size_mm": "float64", "hc_mm": "float64"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)
