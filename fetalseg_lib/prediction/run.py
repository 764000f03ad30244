"""Predict many files: in batches, past broken ones, and on from where a killed run stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fetalseg_lib.data.image_file import GrayImage, read_image
from fetalseg_lib.data.limits import read_content
from fetalseg_lib.data.sample import DataError
from fetalseg_lib.prediction.measure import Prediction, Settings, predict_images
from fetalseg_lib.prediction.names import csv_cell
from fetalseg_lib.prediction.pictures import draw_overlay, write_picture
from fetalseg_lib.prediction.table import Row, Table, error_row, open_table, row_of
from fetalseg_lib.study.trained import TrainedNetwork
from fetalseg_lib.training.device import pick_device, pick_precision


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where results go: the table (.csv), and folders for overlays and masks where they are wanted."""

    table: Path
    overlays: Path | None = None
    masks: Path | None = None

    def pictures(self, row: Row) -> list[Path]:
        """The pictures that belong to a row."""
        return [folder / row["picture"] for folder in (self.overlays, self.masks) if folder is not None]


def predict_files(
    trained: TrainedNetwork,
    files: Sequence[Path],
    *,
    settings: Settings,
    outputs: Outputs,
    batch_size: int = 16,
    device: str = "auto",
    progress: bool = True,
) -> list[Row]:
    """Predict every file and write the table; returns its rows, those of unreadable files with an ``error``.

    What an earlier run with the same weights and settings has done already is kept; a file that has changed,
    or could not be read, is tried again. The same files give the same table, killed and restarted or not:
    the batches are cut alike, since the last digits of a sum may depend on its batch.

    Raises ``ValueError`` and ``OSError`` as :func:`~fetalseg_lib.prediction.table.open_table`.
    """
    if batch_size < 1:
        raise ValueError(f"--batch-size: expected at least 1, got {batch_size}")
    chosen = pick_device(device)
    precision = pick_precision("auto", chosen)
    names = [file.as_posix() for file in files]
    with (
        open_table(outputs.table, names) as table,
        tqdm(total=len(files), desc="predicting", unit="image", disable=not progress) as bar,
    ):
        for start in range(0, len(files), batch_size):
            batch = files[start : start + batch_size]
            if not all(_is_done(file, table, settings.digest(trained), outputs) for file in batch):
                images, problems = _read(batch)
                found = predict_images(
                    trained, list(images.values()), settings, device=chosen, precision=precision
                )
                _keep(trained, settings, dict(zip(images, found, strict=True)), problems, table, outputs)
            bar.update(len(batch))
        return [row for name in names if (row := table.get(name)) is not None]


def _is_done(file: Path, table: Table, settings: str, outputs: Outputs) -> bool:
    """Whether the table tells of this very file by these settings, and its pictures are there."""
    row = table.get(file.as_posix())
    if row is None or row["settings"] != settings:
        return False
    if row["error"]:
        return _problem(file) == row["error"]
    if not all(picture.is_file() for picture in outputs.pictures(row)):
        return False
    try:
        return hashlib.sha256(read_content(file)).hexdigest() == row["image_sha256"]
    except DataError:
        return False


def _problem(file: Path) -> str:
    """What is wrong with a file, as the table tells it; nothing where it can be read."""
    try:
        read_image(file)
    except DataError as error:
        return csv_cell(f"{error.problem}. {error.mend}")
    return ""


def _read(files: Sequence[Path]) -> tuple[dict[Path, GrayImage], dict[Path, str]]:
    """The readable images, and what is wrong with the others."""
    images, problems = {}, {}
    for file in files:
        try:
            images[file] = read_image(file)
        except DataError as error:
            problems[file] = csv_cell(f"{error.problem}. {error.mend}")
    return images, problems


def _keep(
    trained: TrainedNetwork,
    settings: Settings,
    found: dict[Path, Prediction],
    problems: dict[Path, str],
    table: Table,
    outputs: Outputs,
) -> None:
    """Write a batch's pictures, then its rows: where a row stands, its pictures are there."""
    rows = []
    for file, prediction in found.items():
        row = row_of(file.as_posix(), prediction, settings, trained)
        if outputs.overlays is not None:
            write_picture(outputs.overlays / row["picture"], draw_overlay(prediction))
        if outputs.masks is not None:
            write_picture(outputs.masks / row["picture"], prediction.mask.astype(np.uint8) * np.uint8(255))
        rows.append(row)
    rows += [error_row(file.as_posix(), problem, settings, trained) for file, problem in problems.items()]
    table.add(rows)
