"""Read what people have on their disks, and refuse what is missing, too large or not whole.

How large an image is, is asked of the file and of its headers, before anything is decoded: a few bytes can
declare more pixels than a machine has memory for (a decompression bomb).
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import PngImagePlugin

from fetalseg_lib.data.sample import DataError, about, first_line

MAX_FILE_BYTES = 2**28
MAX_PIXELS = 2**25
"""33.5 million, about eighty times an image of HC18."""

_AGAIN = "Replace it by an intact copy; HC18's own comes by `fetalseg data download` once it is deleted."
_DECIMAL_COMMA = re.compile(r"\d*,\d+")


def check_size(width: int, height: int) -> None:
    """Raise ``DataError`` for a declared size in px that is empty or beyond :data:`MAX_PIXELS`."""
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        problem = f"it declares {width} x {height} pixels, expected 1 to {MAX_PIXELS:,} in all"
        raise DataError(problem, "Crop or shrink it first.")


def read_content(path: Path) -> bytes:
    """The bytes of a regular file of at most :data:`MAX_FILE_BYTES`; ``DataError`` for anything else."""
    with about(path):
        try:
            if not path.is_file():
                problem = "it is no file" if path.exists() else "there is no such file"
                if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
                    problem = "the folder cannot be opened"
                raise DataError(problem, "Check the name.")
            if (size := path.stat().st_size) > MAX_FILE_BYTES:
                problem = f"it has {size:,} bytes, expected at most {MAX_FILE_BYTES:,}"
                raise DataError(problem, "Save the image with fewer pixels, or compressed.")
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"it cannot be read ({error.strerror})", "Check its permissions.") from error


def read_gray(path: Path) -> NDArray[np.uint8]:
    """Read a PNG as uint8 ``H W``; ``DataError`` where it is missing, no PNG, too large, cut or damaged.

    Decoders differ in what they make of a file that a broken download cut short: some return the part they
    have, the rest black. So the chunks' own checksums are looked at first.
    """
    content = read_content(path)
    with about(path):
        try:
            header = PngImagePlugin.PngImageFile(io.BytesIO(content))
            check_size(*header.size)
            header.verify()
            image: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
        except DataError:
            raise
        except Exception as error:  # Pillow has no one class for what is broken
            raise DataError(f"it is no intact PNG ({first_line(error)})", _AGAIN) from error
        if image is None or image.shape != header.size[::-1]:
            raise DataError("the PNG cannot be decoded", _AGAIN)
    return np.asarray(image, dtype=np.uint8)


def read_rows(path: Path, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV: each one's line, and its cells by column as text without spaces around.

    Commas, semicolons or tabs separate the cells, whichever the header has most of. Raises ``DataError``
    where a ``needed`` column is missing, and naming the line where a row has more cells than the header, as
    one with unquoted decimal commas has.
    """
    content = read_content(path)
    with about(path):
        try:
            text = content.decode("utf-8-sig")
            separator = max(",;\t", key=text.partition("\n")[0].count)
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"the table cannot be read ({error})", "Check it.") from error
        columns = lines[0][1] if lines else []
        if again := sorted({name for name in columns if name and columns.count(name) > 1}):
            raise DataError(f"the table has two columns {again[0]!r}", "Correct the table.")
        if missing := [name for name in needed if name not in columns]:
            problem = f"the table has no column {' and '.join(map(repr, missing))}, only {columns}"
            raise DataError(problem, "Name the columns as HC18 does.")
        for line, cells in lines:
            if any(cells[len(columns) :]):
                problem = f"line {line} has {len(cells)} cells, the header {len(columns)}"
                raise DataError(problem, "With decimal commas, put semicolons between the cells.")
    blank = dict.fromkeys(columns, "")
    return [(line, blank | dict(zip(columns, cells, strict=False))) for line, cells in lines[1:]]


def read_length(text: str, told: str) -> float:
    """The length that a cell holds, also with a decimal comma; ``DataError`` unless positive and finite.

    ``told`` begins the error: where the cell stands.

    >>> read_length("0,2", "line 2 has pixel size(mm)")
    0.2
    """
    try:
        value = float(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise DataError(f"{told} = {text!r}, expected a positive number", "Correct the table.")
    return value
