"""The CSV of an HC18 folder, read against the files beside it: the good rows, and every problem found."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from fetalseg_lib.data.csv_file import positive, read_rows
from fetalseg_lib.data.layout import (
    FILENAME,
    HEAD_CIRCUMFERENCE,
    PIXEL_SIZE,
    Part,
    annotation_name,
    exam_number,
)
from fetalseg_lib.data.sample import DataError

_DOWNLOAD = "Mend it; HC18 itself comes intact by `fetalseg data download` into an empty folder."


def read_index(root: Path, part: Part) -> tuple[pd.DataFrame, list[DataError]]:
    """Read the CSV of one part of HC18 and hold it against the folder.

    Returns a frame ``name, exam, pixel_size_mm, hc_mm`` (``hc_mm`` is NaN in the test set) of the rows
    that have no problem, and the problems in the order of the file. No image is opened.
    """
    path = root / part.index
    if not path.is_file():
        return _frame([]), [DataError(file=path, problem="the CSV is missing", mend=_DOWNLOAD)]
    try:
        columns, table = read_rows(path)
    except DataError as error:
        return _frame([]), [error]
    missing = [column for column in part.columns if column not in columns]
    if missing:
        problem = f"the CSV has no column {', '.join(map(repr, missing))}, only {columns}"
        return _frame([]), [DataError(file=path, problem=problem, mend=_DOWNLOAD)]

    folder = root / part.folder
    present = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    if table and present.isdisjoint(row[FILENAME] for _, row in table):
        return _frame([]), [_elsewhere(folder, part)]
    rows: list[dict[str, object]] = []
    problems: list[DataError] = []
    if not table:
        problems.append(DataError(file=path, problem="the CSV lists no image", mend=_DOWNLOAD))
    seen: set[str] = set()
    for line, record in table:
        name = record[FILENAME]
        pixel_size, hc = positive(record[PIXEL_SIZE]), positive(record.get(HEAD_CIRCUMFERENCE, "nan"))
        found = _row_problems(path, line, part, present, name, name in seen)
        for column, value in ((PIXEL_SIZE, pixel_size), (HEAD_CIRCUMFERENCE, hc)):
            if value is None and column in part.columns:
                found.append(
                    DataError(
                        file=path,
                        problem=f"line {line} ({name}) has {column} = {record[column]!r}, "
                        "expected a positive number",
                        mend="Correct the line, or replace the CSV by the record's own.",
                    )
                )
        seen.add(name)
        problems += found
        if not found:
            hc_mm = math.nan if hc is None else hc
            rows.append(
                {"name": name, "exam": exam_number(name), "pixel_size_mm": pixel_size, "hc_mm": hc_mm}
            )
    problems += [
        DataError(
            file=folder / name,
            problem=f"the image has no line in {part.index}",
            mend="Remove it, or add one.",
        )
        for name in sorted(present - seen)
        if exam_number(name) is not None
    ]
    return _frame(rows), problems


def _row_problems(
    path: Path, line: int, part: Part, present: set[str], name: str, again: bool
) -> list[DataError]:
    """What is wrong with the name on one line."""
    if exam_number(name) is None:
        problem = f"line {line} has the file name {name!r}, expected one like 010_HC.png or 010_2HC.png"
        return [DataError(file=path, problem=problem, mend="Correct the name.")]
    if again:
        problem = f"line {line} lists {name} a second time"
        return [DataError(file=path, problem=problem, mend="Delete one of the two lines.")]
    found = []
    image = path.parent / part.folder / name
    if name not in present:
        problem = f"line {line} of {part.index} lists the image, but there is no such file"
        found.append(DataError(file=image, problem=problem, mend=_DOWNLOAD))
    outline = annotation_name(name)
    if part.labelled and outline not in present:
        problem = f"the annotation of {name} is missing"
        found.append(DataError(file=image.with_name(outline), problem=problem, mend=_DOWNLOAD))
    return found


def _elsewhere(folder: Path, part: Part) -> DataError:
    """One problem in place of one for each line, where not a single image is there."""
    inner = folder / part.folder
    if inner.is_dir():
        mend = "Move its files up into the outer folder."
        return DataError(file=inner, problem="the images lie one folder too deep", mend=mend)
    problem = f"none of the images that {part.index} lists is there"
    return DataError(file=folder, problem=problem, mend=_DOWNLOAD)


def _frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    columns = {"name": "str", "exam": "int64", "pixel_size_mm": "float64", "hc_mm": "float64"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)
