"""The table of a prediction: its rows, and their file, written so that a killed run goes on.

While a run is going on, whole rows are added to ``NAME.csv.unfinished``. At its end ``NAME.csv`` appears at
once, in the order of the images, and the other file goes.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fetalseg_lib import NOTICE
from fetalseg_lib.apply.prediction.measure import Prediction
from fetalseg_lib.data.read import read_content
from fetalseg_lib.files import atomic_write, no_link, only_one
from fetalseg_lib.names import beside, csv_cell, picture_name

COLUMNS = (
    *("file", "hc_mm", "ga_weeks", "ga_low_weeks", "ga_high_weeks", "ga_level", "ga_chart", "ga_note"),
    *("flags", "error", "bpd_mm", "ofd_mm", "hc_px", "center_x_px", "center_y_px"),
    *("semi_major_px", "semi_minor_px", "angle_rad", "pixel_height_mm", "pixel_width_mm", "pixel_size_from"),
    *("image_height_px", "image_width_px", "picture", "image_sha256", "weights_sha256", "precision"),
    *("settings", "notice"),
)
_HEADER = ",".join(COLUMNS) + "\n"

Row = dict[str, str]
"""A row as text by column, as it stands in the file."""


def row_of(name: str, prediction: Prediction, *, provenance: Row) -> Row:
    """The row of an image that was measured; what is unknown is an empty cell.

    ``provenance`` holds the cells ``weights_sha256``, ``precision`` and ``settings``.
    """
    head, age, spacing = prediction.head, prediction.age, prediction.image.pixel_spacing_mm
    ellipse = head.ellipse_px
    height, width = prediction.image.shape
    row = blank_row(name, provenance=provenance) | {
        "ga_note": prediction.age_note,
        "flags": "; ".join(prediction.flags),
        "image_height_px": str(height),
        "image_width_px": str(width),
        "picture": picture_name(name, content=prediction.image.sha256),
        "image_sha256": prediction.image.sha256,
    }
    if spacing is not None:
        row |= {"pixel_height_mm": length(spacing[0]), "pixel_width_mm": length(spacing[1])}
        row |= {"pixel_size_from": "file" if prediction.image.spacing_is_own else "--pixel-size"}
        row |= _numbers(2, hc_mm=head.hc_mm, bpd_mm=head.bpd_mm, ofd_mm=head.ofd_mm)
    if ellipse is not None:
        row |= _numbers(2, hc_px=ellipse.circumference)
        row |= _numbers(2, center_x_px=ellipse.center_x, center_y_px=ellipse.center_y)
        row |= _numbers(2, semi_major_px=ellipse.semi_major, semi_minor_px=ellipse.semi_minor)
        row |= _numbers(4, angle_rad=ellipse.angle)
    if age is not None:
        row |= {"ga_chart": age.chart, "ga_level": f"{age.level:g}"}
        row |= _numbers(2, ga_weeks=age.weeks, ga_low_weeks=age.low_weeks, ga_high_weeks=age.high_weeks)
    return row


def blank_row(name: str, *, provenance: Row, error: str = "") -> Row:
    """The row of a file of which nothing else is known, but perhaps the ``error`` in reading it."""
    own = {"file": csv_cell(name), "error": error, "notice": NOTICE}
    return dict.fromkeys(COLUMNS, "") | own | provenance


def length(mm: float) -> str:
    """A pixel's size as the table writes it."""
    return f"{mm:.9g}"


def _numbers(digits: int, **values: float) -> Row:
    return {name: "" if math.isnan(value) else f"{value:.{digits}f}" for name, value in values.items()}


class Table:
    """The rows known so far, of an earlier run and of this one; :func:`open_table` makes it."""

    def __init__(self, rows: Mapping[str, Row], journal: BinaryIO) -> None:
        self._rows = dict(rows)
        self._journal = journal

    def get(self, name: str) -> Row | None:
        """The row of image ``name``, if there is one."""
        return self._rows.get(csv_cell(name))

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows: once this returns they are on the disk."""
        self._rows |= {row["file"]: row for row in rows}
        _append(self._journal, _text(rows))


@contextmanager
def open_table(path: Path, names: Sequence[str]) -> Iterator[Table]:
    """Open the table ``path`` for the images ``names``; it is written when the block ends without error.

    Raises ``ValueError`` where ``path``, or what a killed run left of it, is another table or holds other
    images, where another run is writing it, and ``OSError`` where it cannot be written.
    """
    unfinished = beside(path, ".unfinished")
    wanted = {csv_cell(name) for name in names}
    with only_one(path):
        finished = _rows(path, read_content(path), wanted) if path.exists() else {}
        if unfinished.exists() and not unfinished.is_file():
            raise ValueError(f"{unfinished}: expected rows of a killed run, got no regular file; remove it")
        with open(unfinished, "a+b", opener=no_link) as journal:
            table = Table(finished | _resume(journal, unfinished, wanted), journal)
            yield table
        rows = [table.get(name) for name in names]
        with atomic_write(path) as file:
            file.write((_HEADER + _text(row for row in rows if row is not None)).encode("utf-8"))
        unfinished.unlink()


def _rows(path: Path, content: bytes, wanted: Set[str]) -> dict[str, Row]:
    """The rows of an earlier run; an error where writing the table anew would lose any others."""
    rows = _parse(content)
    if rows is None:
        raise ValueError(f"{path}: expected a table of `fetalseg predict` or no file; choose another name")
    if others := sorted(rows.keys() - wanted):
        raise ValueError(
            f"{path}: holds {len(others)} images that are not asked for now, the first is {others[0]}; "
            "choose another name, or delete it"
        )
    return rows


def _resume(journal: BinaryIO, path: Path, wanted: Set[str]) -> dict[str, Row]:
    """The whole rows that a killed run left; what it left of another one is cut off."""
    journal.seek(0)
    content = journal.read()
    whole = content[: content.rfind(b"\n") + 1]
    if not _HEADER.encode().startswith(content):
        rows = _rows(path, whole, wanted)
        journal.truncate(len(whole))
        return rows
    journal.truncate(0)
    _append(journal, _HEADER)
    return {}


def _append(journal: BinaryIO, text: str) -> None:
    journal.write(text.encode("utf-8"))
    journal.flush()
    os.fsync(journal.fileno())


def _parse(content: bytes) -> dict[str, Row] | None:
    """Rows by their file; ``None`` for anything but a table with these very columns."""
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), restkey="", restval=None)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error):
        return None
    if tuple(reader.fieldnames or ()) != COLUMNS or any(set(row) != set(COLUMNS) for row in rows):
        return None
    return {row["file"]: row for row in rows if None not in row.values()}


def _text(rows: Iterable[Row]) -> str:
    buffer = io.StringIO()
    csv.DictWriter(buffer, COLUMNS, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
