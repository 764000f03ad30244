"""A CSV as people have it: commas, semicolons or tabs between the cells, decimal points or commas."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

from fetalseg_lib.data.limits import read_content
from fetalseg_lib.data.sample import DataError

_DECIMAL_COMMA = re.compile(r"\d*,\d+")


def read_rows(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The columns of a CSV, and of each row its line and its cells by column, as text without spaces around.

    What stands oftenest in the header between its names separates the cells. Raises ``DataError`` naming the
    line where a row has more cells than the header, as one with unquoted decimal commas has.
    """
    mend = "Correct the table."
    try:
        text = read_content(path).decode("utf-8-sig")
        separator = max(",;\t", key=text.partition("\n")[0].count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(file=path, problem=f"the table cannot be read ({error})", mend="Check it.") from error
    columns = lines[0][1] if lines else []
    if again := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise DataError(file=path, problem=f"the table has two columns {again[0]!r}", mend=mend)
    rows = []
    for line, cells in lines[1:]:
        if any(cells[len(columns) :]):
            problem = f"line {line} has {len(cells)} cells, the header {len(columns)}"
            raise DataError(
                file=path, problem=problem, mend="With decimal commas, put semicolons between the cells."
            )
        rows.append((line, dict(zip(columns, cells + [""] * (len(columns) - len(cells)), strict=False))))
    return columns, rows


def positive(text: str) -> float | None:
    """The number that ``text`` writes, also with a decimal comma, if it is positive and finite.

    >>> positive("0.2"), positive("0,2"), positive("1,000.5"), positive("-1")
    (0.2, 0.2, None, None)
    """
    try:
        value = float(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None
