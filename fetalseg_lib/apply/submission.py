"""The HC18 challenge: its four measures of an image, and the file that its server takes.

Source: van den Heuvel et al. 2018, doi:10.1371/journal.pone.0200412. The challenge judges an ellipse, not
a mask, so a prediction is measured first (:func:`fetalseg_lib.evaluation.biometry.measure_head`). Its
reference for the 335 test images is hidden; a measure on any other images is no challenge result.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from fetalseg_lib.evaluation.biometry import HeadMeasurement
from fetalseg_lib.geometry import Ellipse

COLUMNS = ("filename", "center_x_mm", "center_y_mm", "semi_axes_a_mm", "semi_axes_b_mm", "angle_rad")
LARGEST_SEMI_AXIS_MM = 100.0
"""Twice this is more than any head before birth measures: lengths beyond it are pixels, not mm."""


def submission_csv(measurements: Mapping[str, HeadMeasurement], *, placeholder: Ellipse | None = None) -> str:
    """The submission file as text: one row an image, sorted by file name.

    Lengths are in mm from the centre of the top left pixel, the angle in radians in ``[0, pi)`` from the x
    axis downwards to the long axis. The server wants an ellipse for every image: ``placeholder`` (in mm)
    stands for heads that could not be measured; without one they raise ``ValueError`` with their names.

    >>> from fetalseg_lib.evaluation.biometry import Status
    >>> head = Ellipse(center_x=50, center_y=40, semi_major=30, semi_minor=24, angle=-0.5)
    >>> found = HeadMeasurement(status=Status.MEASURED, ellipse_px=head, ellipse_mm=head)
    >>> print(submission_csv({"000_HC.png": found}).splitlines()[1])
    000_HC.png,50.000000,40.000000,30.000000,24.000000,2.641593
    """
    missing = sorted(name for name, found in measurements.items() if found.ellipse_mm is None)
    if missing and placeholder is None:
        raise ValueError(
            f"measurements: expected an ellipse for every image, got none for {', '.join(missing)}; "
            "give a placeholder ellipse, or look at these images"
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name in sorted(measurements):
        ellipse = measurements[name].ellipse_mm or placeholder
        assert ellipse is not None  # checked above
        lengths = (ellipse.center_x, ellipse.center_y, ellipse.semi_major, ellipse.semi_minor)
        writer.writerow([name, *(f"{value:.6f}" for value in (*lengths, ellipse.angle % math.pi))])
    return text.getvalue()


def check_submission(text: str, *, expected: Sequence[str]) -> pd.DataFrame:
    """Every problem of a submission file at once: a table of ``line``, ``problem`` and ``mend``.

    ``expected`` are the file names that must each have one row (for the challenge, the 335 test images).
    An empty table means that the file is well formed.

    >>> check_submission("filename,x", expected=["000_HC.png"])["problem"].tolist()
    ['header is filename,x']
    """
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or tuple(rows[0]) != COLUMNS:
        header = ",".join(rows[0]) if rows else "missing"
        return _table([(1, f"header is {header}", f"write {','.join(COLUMNS)}")])
    body = list(enumerate(rows[1:], start=2))
    problems = [problem for line, row in body for problem in _row_problems(line, row)]
    counts = Counter(row[0] for _, row in body if row)
    known = set(expected)
    for line, row in body:
        if row and row[0] not in known:
            problems.append((line, f"{row[0]} is none of the expected images", "take the row out"))
        elif row and counts[row[0]] > 1:
            problems.append((line, f"{row[0]} has {counts[row[0]]} rows", "keep one of them"))
    absent = [name for name in expected if name not in counts]
    problems += [(0, f"{name} has no row", "measure the image and add it") for name in absent]
    return _table(problems)


Problem = tuple[int, str, str]


def _row_problems(line: int, row: list[str]) -> Iterator[Problem]:
    if len(row) != len(COLUMNS):
        yield line, f"{len(row)} values", f"write {len(COLUMNS)}, separated by commas"
        return
    values: dict[str, float] = {}
    for name, given in zip(COLUMNS[1:], row[1:], strict=True):
        try:
            values[name] = float(given)
        except ValueError:
            values[name] = math.nan
        if not math.isfinite(values[name]):
            yield line, f"{name} is {given!r}", "write a finite number with a decimal point"
    a, b = values["semi_axes_a_mm"], values["semi_axes_b_mm"]
    if a <= 0 or b <= 0:
        yield line, f"semi-axes {a:g} and {b:g}", "write positive lengths"
    elif b > a:
        yield line, f"semi-axis b ({b:g}) is longer than a ({a:g})", "write the longer one as a"
    if a > LARGEST_SEMI_AXIS_MM:
        yield line, f"semi-axis a is {a:g} mm", "multiply pixels by the pixel size"
    if not (math.isnan(values["angle_rad"]) or abs(values["angle_rad"]) <= math.pi):
        yield line, f"angle is {values['angle_rad']:g} rad", "turn degrees into radians"


def _table(problems: list[Problem]) -> pd.DataFrame:
    return pd.DataFrame(sorted(problems), columns=["line", "problem", "mend"])
