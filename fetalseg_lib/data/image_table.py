"""What one knows of one's own images beside the files: how large a pixel is, and which exam it comes from."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fetalseg_lib.data.layout import FILENAME, PIXEL_SIZE
from fetalseg_lib.data.sample import DataError

EXAM = "exam"


@dataclass(frozen=True, kw_only=True)
class ImageTable:
    """Pixel sizes in mm and exams by file name; ``every`` is the pixel size of all images not named.

    Raises ``ValueError`` where ``every`` is no positive length.

    >>> sizes = ImageTable(every=0.2, sizes={"a.png": 0.1})
    >>> sizes.pixel_size_mm(Path("scans/a.png")), sizes.pixel_size_mm(Path("scans/b.png"))
    (0.1, 0.2)
    """

    every: float | None = None
    sizes: Mapping[str, float] = field(default_factory=dict)
    exams: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.every is not None and not 0 < self.every < math.inf:
            raise ValueError(f"--pixel-size: expected a positive length in mm, got {self.every:g}")

    def pixel_size_mm(self, image: Path) -> float | None:
        """The side of a pixel of an image, or ``None`` where it is unknown."""
        return self.sizes.get(image.name, self.every)

    def exam(self, image: Path) -> str | None:
        """The exam of an image, or ``None`` where it is unknown."""
        return self.exams.get(image.name)


def read_image_table(path: Path) -> ImageTable:
    """Read a CSV with HC18's columns ``filename`` and ``pixel size(mm)``, and perhaps a column ``exam``.

    Other columns are left alone, so HC18's own CSVs serve too. Raises ``DataError`` naming the line.
    """
    mend = "Correct the table."
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(file=path, problem=f"the table cannot be read ({error})", mend="Check it.") from error
    if missing := [name for name in (FILENAME, PIXEL_SIZE) if name not in columns]:
        problem = f"the table has no column {' and '.join(map(repr, missing))}, only {columns}"
        raise DataError(file=path, problem=problem, mend="Name the columns as HC18 does.")
    sizes: dict[str, float] = {}
    exams: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        name, text = (row[FILENAME] or "").strip(), (row[PIXEL_SIZE] or "").strip()
        size = _positive(text)
        if not name or name in sizes:
            problem = f"line {line} {'names ' + name + ' a second time' if name else 'names no file'}"
            raise DataError(file=path, problem=problem, mend=mend)
        if size is None:
            problem = f"line {line} ({name}) has {PIXEL_SIZE} = {text!r}, expected a positive number"
            raise DataError(file=path, problem=problem, mend=mend)
        sizes[name] = size
        if exam := (row.get(EXAM) or "").strip():
            exams[name] = exam
    return ImageTable(sizes=sizes, exams=exams)


def _positive(text: str) -> float | None:
    try:
        size = float(text)
    except ValueError:
        return None
    return size if 0 < size < math.inf else None
