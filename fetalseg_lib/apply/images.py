"""One's own images: which are meant, how large a pixel of each is, and which exam it comes from."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fetalseg_lib.apply.reading.dicom import is_dicom
from fetalseg_lib.apply.reading.image_file import SUFFIXES
from fetalseg_lib.data.layout import FILENAME, PIXEL_SIZE, annotation_name
from fetalseg_lib.data.read import read_length, read_rows
from fetalseg_lib.data.sample import DataError, about

_DEEPEST = 100
EXAM = "exam"


def find_images(named: Sequence[Path], *, leave_out: Sequence[Path | None] = ()) -> list[Path]:
    """The image files that are meant, each once: named files as they are, folders in sorted order.

    Of a folder and its subfolders those count that end as an image does, and DICOM without an ending; not
    hidden ones, not the outlines in HC18's layout, and nothing in the folders ``leave_out``. A file that is
    named counts whatever it is, as does a folder that cannot be opened: reading it will say so. Raises
    ``ValueError`` where nothing is left, or where folders lie absurdly deep.
    """
    own = {os.path.realpath(folder) for folder in leave_out if folder is not None}
    found: dict[str, Path] = {}
    for path in named:
        for image in _images_below(path, own) if path.is_dir() else [path]:
            found.setdefault(os.path.realpath(image), image)
    if not found:
        raise ValueError(
            f"{', '.join(map(str, named))}: no image found; expected files that end in {', '.join(SUFFIXES)}"
        )
    return list(found.values())


def _images_below(folder: Path, own: set[str]) -> Iterator[Path]:
    closed: list[Path] = []
    for place, folders, files in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        if len(Path(place).parts) - len(folder.parts) > _DEEPEST:
            raise ValueError(f"{folder}: its folders lie more than {_DEEPEST} deep within each other")
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(Path(place) / name) not in own
        )
        outlines = {annotation_name(name) for name in files}
        for name in sorted(files):
            path = Path(place) / name
            if not name.startswith(".") and name not in outlines and _is_image(path):
                yield path
    yield from closed


def _is_image(path: Path) -> bool:
    if path.suffix:
        return path.suffix.lower() in SUFFIXES
    try:
        if not path.is_file():  # opening a pipe would wait for its other end
            return False
        with path.open("rb") as file:
            return is_dicom(file.read(132))
    except OSError:
        return False


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
                problem = f"the table's row {name} fits it and {taken[name]} alike"
                mend = "Give each a row whose filename begins with its folder."
                raise DataError(problem, mend, file=image)

    def _row(self, image: Path) -> str | None:
        parts = _plain(os.path.normpath(Path.cwd() / image)).split("/")
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((self._rows[end] for end in ends if end in self._rows), None)

    @cached_property
    def _rows(self) -> Mapping[str, str]:
        return {_plain(name): name for name in (*self.exams, *self.sizes)}


def read_image_table(path: Path) -> ImageTable:
    """Read a CSV with HC18's columns ``filename`` and ``pixel size(mm)``, and perhaps a column ``exam``.

    Other columns are left alone, so HC18's own CSVs serve too. Raises ``DataError`` naming the line.
    """
    sizes: dict[str, float] = {}
    exams: dict[str, str] = {}
    seen = {""}
    for line, row in read_rows(path, (FILENAME, PIXEL_SIZE)):
        name = row[FILENAME]
        with about(path):
            if _plain(name) in seen:
                problem = f"line {line} {f'names {name} a second time' if name else 'names no file'}"
                raise DataError(problem, "Correct the table.")
            sizes[name] = read_length(row[PIXEL_SIZE], f"line {line} ({name}) has {PIXEL_SIZE}")
        seen.add(_plain(name))
        if exam := row.get(EXAM):
            exams[name] = exam
    return ImageTable(sizes=sizes, exams=exams)


def _plain(path: str) -> str:
    r"""A path as every system writes it: ``.\a\b.png`` and ``a/b.png`` are one, as are both forms of ü."""
    parts = unicodedata.normalize("NFC", path).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))
