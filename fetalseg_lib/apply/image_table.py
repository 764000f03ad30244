"""What one knows of one's own images beside the files: how large a pixel is, and which exam it comes from."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fetalseg_lib.data.csv_file import positive, read_rows
from fetalseg_lib.data.layout import FILENAME, PIXEL_SIZE
from fetalseg_lib.data.sample import DataError

EXAM = "exam"


@dataclass(frozen=True, kw_only=True)
class ImageTable:
    """Pixel sizes in mm and exams by file name; ``every`` is the pixel size of all images not named.

    A name may have folders before it. Of the names that an image's path ends with, the longest counts. Raises
    ``ValueError`` where ``every`` is no positive length.

    >>> sizes = ImageTable(every=0.2, sizes={"a.png": 0.1, "right/a.png": 0.3})
    >>> [sizes.pixel_size_mm(Path(name)) for name in ("left/a.png", "scans/right/a.png", "b.png")]
    [0.1, 0.3, 0.2]
    """

    every: float | None = None
    sizes: Mapping[str, float] = field(default_factory=dict)
    exams: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.every is not None and not 0 < self.every < math.inf:
            raise ValueError(f"--pixel-size: expected a positive length in mm, got {self.every:g}")

    def pixel_size_mm(self, image: Path) -> float | None:
        """The side of a pixel of an image, or ``None`` where it is unknown."""
        name = self._row(image)
        return self.every if name is None else self.sizes.get(name, self.every)

    def exam(self, image: Path) -> str | None:
        """The exam of an image, or ``None`` where it is unknown."""
        name = self._row(image)
        return None if name is None else self.exams.get(name)

    def refuse_shared_rows(self, images: Iterable[Path]) -> None:
        """Raise ``DataError`` naming both where one row of the table would count for two images."""
        taken: dict[str, Path] = {}
        for image in images:
            if (name := self._row(image)) is not None and taken.setdefault(name, image) != image:
                raise DataError(
                    file=image,
                    problem=f"the table's row {name} fits it and {taken[name]} alike",
                    mend="Give each a row whose filename begins with its folder.",
                )

    def _row(self, image: Path) -> str | None:
        parts = _plain(os.path.normpath(Path.cwd() / image)).split("/")
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((self._rows[end] for end in ends if end in self._rows), None)

    @cached_property
    def _rows(self) -> Mapping[str, str]:
        return {_plain(name): name for name in (*self.exams, *self.sizes)}


def read_image_table(path: Path) -> ImageTable:
    """Read a CSV with HC18's columns ``filename`` and ``pixel size(mm)``, and perhaps a column ``exam``.

    A filename may have folders before it, as far as they are needed to tell files of one name apart. Other
    columns are left alone, so HC18's own CSVs serve too. Raises ``DataError`` naming the line.
    """
    mend = "Correct the table."
    columns, rows = read_rows(path)
    if missing := [name for name in (FILENAME, PIXEL_SIZE) if name not in columns]:
        problem = f"the table has no column {' and '.join(map(repr, missing))}, only {columns}"
        raise DataError(file=path, problem=problem, mend="Name the columns as HC18 does.")
    sizes: dict[str, float] = {}
    exams: dict[str, str] = {}
    seen: set[str] = set()
    for line, row in rows:
        name, size = row[FILENAME], positive(row[PIXEL_SIZE])
        if not name or _plain(name) in seen:
            problem = f"line {line} {'names ' + name + ' a second time' if name else 'names no file'}"
            raise DataError(file=path, problem=problem, mend=mend)
        if size is None:
            problem = (
                f"line {line} ({name}) has {PIXEL_SIZE} = {row[PIXEL_SIZE]!r}, expected a positive number"
            )
            raise DataError(file=path, problem=problem, mend=mend)
        seen.add(_plain(name))
        sizes[name] = size
        if exam := row.get(EXAM):
            exams[name] = exam
    return ImageTable(sizes=sizes, exams=exams)


def _plain(path: str) -> str:
    r"""A path as every system writes it: ``.\a\b.png`` and ``a/b.png`` are one, as are both forms of ü."""
    parts = unicodedata.normalize("NFC", path).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))
