"""Look a whole HC18 folder over and tell everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from fetalseg_lib.data.hc18 import find_root, read_pair
from fetalseg_lib.data.layout import TEST, TRAINING, Part, annotation_name, read_index
from fetalseg_lib.data.read import read_gray
from fetalseg_lib.data.sample import DataError

HC_TOLERANCE_MM = 0.5
"""How far an outline's own circumference may be from the CSV's: ten times the largest distance in HC18."""


def check(root: str | Path | None = None, *, progress: bool = False) -> pd.DataFrame:
    """Check every line of the CSVs and every PNG: one row ``file, problem, mend`` per problem.

    It never stops at the first problem and never raises for bad data. The test set is looked at only
    where it is there: nothing but a submission to the challenge needs it.
    """
    try:
        found = list(_problems(find_root(root), progress))
    except DataError as error:
        found = [error]
    rows = [(error.file, error.problem, error.mend) for error in found]
    return pd.DataFrame(rows, columns=["file", "problem", "mend"])


def _problems(root: Path, progress: bool) -> Iterator[DataError]:
    """Those of the CSVs before those of the images."""
    readable = []
    for part in (TRAINING, TEST):
        if part.labelled or (root / part.index).exists():
            index, problems = read_index(root, part)
            yield from problems
            readable += [(part, *row) for row in index.itertuples(index=False)]
    for part, name, _, pixel_size_mm, hc_mm in tqdm(
        readable, desc="checking", unit="image", disable=not progress
    ):
        try:
            _check_image(root / part.folder / name, part, pixel_size_mm, hc_mm)
        except DataError as error:
            yield error


def _check_image(path: Path, part: Part, pixel_size_mm: float, hc_mm: float) -> None:
    """Raise ``DataError`` where a PNG is unfit, or outline and CSV tell different circumferences."""
    if not part.labelled:
        read_gray(path)
        return
    measured = read_pair(path)[1].circumference * pixel_size_mm
    if abs(measured - hc_mm) > HC_TOLERANCE_MM:
        raise DataError(
            f"its outline measures {measured:.1f} mm, but {part.index} says {hc_mm:.1f} mm",
            "Restore the annotation, or the pixel size and circumference in the CSV.",
            file=path.with_name(annotation_name(path.name)),
        )
