"""Predict many files: in batches, past broken ones, and on from where a killed run stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from fetalseg_lib import __version__
from fetalseg_lib.apply.images import ImageTable
from fetalseg_lib.apply.prediction.measure import LEVEL, Prediction, predict_images
from fetalseg_lib.apply.prediction.pictures import draw_overlay, write_picture
from fetalseg_lib.apply.prediction.table import Row, Table, blank_row, length, open_table, row_of
from fetalseg_lib.apply.reading.image_file import GrayImage, count_frames, read_image
from fetalseg_lib.apply.trained import TrainedNetwork
from fetalseg_lib.data.read import read_content
from fetalseg_lib.data.sample import DataError
from fetalseg_lib.growth import GrowthChart
from fetalseg_lib.names import csv_cell, visible
from fetalseg_lib.speed import folded, freed_memory_kept, side_by_side
from fetalseg_lib.study.evaluate import MOST_PIXELS, PRECISION
from fetalseg_lib.study.records import digest
from fetalseg_lib.training.device import pick_device

_PICTURE = re.compile(r".*-[0-9a-f]{32}\.png(\.partial)?")
"""As :func:`~fetalseg_lib.names.picture_name` calls it, whole or left by a kill."""

MOST_THREADS = 4
"""That work on a batch each, where memory allows it."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is predicted with, and where the results go.

    ``pixel_sizes`` counts for images whose file does not tell its own. ``table`` is the CSV; ``overlays`` and
    ``masks`` are folders for pictures where they are wanted. Raises ``ValueError`` where both are one.
    """

    trained: TrainedNetwork
    chart: GrowthChart
    pixel_sizes: ImageTable
    table: Path
    overlays: Path | None = None
    masks: Path | None = None

    def __post_init__(self) -> None:
        given = [folder.resolve() for folder in (self.overlays, self.masks) if folder is not None]
        if len(set(given)) < len(given):
            raise ValueError(f"--masks: expected another folder than --overlay, got {self.masks} for both")

    @property
    def provenance(self) -> Row:
        """Of every row: weights and precision it comes from, and twelve digits for all the settings."""
        weights = self.trained.sha256
        settings = digest([__version__, weights, self.chart.name, LEVEL, PRECISION])
        return {"weights_sha256": weights, "precision": PRECISION, "settings": settings}

    def pictures(self, row: Row) -> list[Path]:
        """The pictures that belong to a row."""
        return [folder / row["picture"] for folder in (self.overlays, self.masks) if folder is not None]


@dataclass(frozen=True)
class Frame:
    """A file, or one frame of a clip, counted from 1.

    >>> Frame(Path("a.png")).name, Frame(Path("clip.dcm"), 3).name
    ('a.png', 'clip.dcm#3')
    """

    path: Path
    number: int | None = None

    @property
    def name(self) -> str:
        """What the table calls it."""
        return self.path.as_posix() + (f"#{self.number}" if self.number else "")


def _frames(files: Sequence[Path], frame: int | Literal["all"] | None) -> list[Frame]:
    """The files, and of each clip the frame that is chosen, or all of them."""
    if frame is None:
        return [Frame(file) for file in files]
    if frame != "all" and frame < 1:
        raise ValueError(f"--frame: expected a number from 1, or all, got {frame}")
    found = []
    for file in files:
        number = count_frames(file)
        chosen = range(1, number + 1) if frame == "all" else [frame]
        found += [Frame(file, one) for one in chosen] if number > 1 else [Frame(file)]
    if len({one.name for one in found}) < len(found):
        raise ValueError("--frame: a file has the name that a frame of a clip gets in the table; rename it")
    return found


def predict_files(
    job: Job,
    files: Sequence[Path],
    *,
    frame: int | Literal["all"] | None = None,
    batch_size: int = 16,
    device: str = "auto",
    progress: bool = True,
) -> list[Row]:
    """Predict every file and write the table; returns its rows, those of unreadable files with an ``error``.

    Of a clip in DICOM ``frame`` chooses one, counted from 1, or ``"all"`` gives each a row, ``FILE#N``.

    What an earlier run with the same weights and settings has done already is kept; a file that has changed,
    or could not be read, is tried again. The same files give the same table, killed and restarted or not:
    the batches are cut alike, since the last digits of a sum may depend on its batch. Raises ``DataError``
    where one row of ``pixel_sizes`` fits two files, ``ValueError`` where a folder for pictures has other
    files, and what :func:`~fetalseg_lib.apply.prediction.table.open_table` raises.
    """
    job.pixel_sizes.refuse_shared_rows(files)
    if batch_size < 1:
        raise ValueError(f"--batch-size: expected at least 1, got {batch_size}")
    chosen = pick_device(device)
    for folder in filter(None, (job.overlays, job.masks)):
        _refuse_others(folder)
    frames = _frames(files, frame)
    names = [one.name for one in frames]
    batches = [frames[start : start + batch_size] for start in range(0, len(frames), batch_size)]
    trained = threading.local()  # each thread has its own: two cannot move one network to the device
    at_once = MOST_PIXELS // (batch_size * math.prod(job.trained.image_size)) if chosen.type == "cpu" else 1

    def predicted(batch: Sequence[Frame]) -> list[Row]:
        if all(_is_done(one, table, job) for one in batch):
            return []
        if not hasattr(trained, "network"):
            trained.network = dataclasses.replace(job.trained, model=folded(job.trained.model))
        read = {one: _read(one, job.pixel_sizes) for one in batch}
        images = {one: image for one, image in read.items() if isinstance(image, GrayImage)}
        found = predict_images(trained.network, list(images.values()), chart=job.chart, device=chosen)
        errors = ((one.name, error) for one, error in read.items() if isinstance(error, str))
        unread = [blank_row(name, provenance=job.provenance, error=error) for name, error in errors]
        return _kept(job, dict(zip(images, found, strict=True))) + unread

    with (
        open_table(job.table, names) as table,
        tqdm(total=len(frames), desc="predicting", unit="image", disable=not progress) as bar,
        freed_memory_kept(),
        side_by_side(most=min(max(1, at_once), MOST_THREADS)) as pool,
        warnings.catch_warnings(action="ignore"),  # readers ignore them, which threads cannot do each alone
    ):
        for batch, rows in zip(batches, pool.map(predicted, batches), strict=True):
            if rows:
                table.add(rows)
            bar.update(len(batch))
        return [row for name in names if (row := table.get(name)) is not None]


def _refuse_others(folder: Path) -> None:
    """Raise ``ValueError`` where ``folder`` has files that are no pictures of a prediction."""
    for path in sorted(folder.iterdir()) if folder.exists() else []:
        if not path.name.startswith(".") and not _PICTURE.fullmatch(path.name):
            raise ValueError(
                f"{folder}: expected a new folder, or one of pictures that predict drew, but "
                f"{visible(path.name)} is there; choose another folder"
            )


def _is_done(frame: Frame, table: Table, job: Job) -> bool:
    """Whether the table tells of this very file by these settings, and its pictures are there."""
    row = table.get(frame.name)
    if row is None or row["settings"] != job.provenance["settings"]:
        return False
    if row["error"]:
        return _read(frame, job.pixel_sizes) == row["error"]
    size = job.pixel_sizes.pixel_size_mm(frame.path)
    if row["pixel_size_from"] != "file" and row["pixel_width_mm"] != ("" if size is None else length(size)):
        return False
    if not all(picture.is_file() for picture in job.pictures(row)):
        return False
    try:
        return hashlib.sha256(read_content(frame.path)).hexdigest() == row["image_sha256"]
    except DataError:
        return False


def _read(frame: Frame, sizes: ImageTable) -> GrayImage | str:
    """The image, with its pixel size as far as known, or what is wrong with it, as the table tells it."""
    try:
        image = read_image(frame.path, frame=frame.number)
    except DataError as error:
        return csv_cell(f"{error.problem}. {error.mend}")
    size = sizes.pixel_size_mm(frame.path)
    if image.pixel_spacing_mm is None and size is not None:
        return dataclasses.replace(image, pixel_spacing_mm=(size, size), spacing_is_own=False)
    return image


def _kept(job: Job, found: dict[Frame, Prediction]) -> list[Row]:
    """Write a batch's pictures; returns its rows, for later: where a row stands, its pictures are there."""
    rows = []
    for frame, prediction in found.items():
        row = row_of(frame.name, prediction, provenance=job.provenance)
        if job.overlays is not None:
            write_picture(job.overlays / row["picture"], draw_overlay(prediction))
        if job.masks is not None:
            write_picture(job.masks / row["picture"], prediction.mask.astype(np.uint8) * np.uint8(255))
        rows.append(row)
    return rows
