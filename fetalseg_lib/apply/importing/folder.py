"""Write images with their masks as a new folder in HC18's layout, past those that are unfit."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from fetalseg_lib.apply.image_table import ImageTable
from fetalseg_lib.apply.importing.head import check_head
from fetalseg_lib.data.image_file import read_image
from fetalseg_lib.data.phantom.folder import fill_folder
from fetalseg_lib.data.sample import DataError, Sample
from fetalseg_lib.files import new_folder
from fetalseg_lib.names import csv_cell

SOURCES = "sources.csv"
"""Which file each image of the new folder comes from."""

_SQUARE = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledImage:
    """An image file, and how to get its mask, bool ``H W``, once the image's shape ``(H, W)`` is known."""

    path: Path
    mask: Callable[[tuple[int, int]], NDArray[np.bool_]]


def import_folder(
    images: Sequence[LabelledImage],
    table: ImageTable,
    directory: Path,
    *,
    problems: list[DataError] | None = None,
    progress: bool = False,
) -> list[DataError]:
    """Write ``images`` to the new folder ``directory``; returns what is wrong with those left out.

    ``problems`` are those of images that did not come so far; the new ones are added to it, also where this
    ends in an error. Pixel sizes come from the files (DICOM) or from ``table``, exams from ``table``; an
    image without an exam counts as an exam of its own. Colours become grey, the mask becomes the outline of
    its ellipse, and the circumference is that of the ellipse. The folder appears when it is whole.

    Raises ``ValueError`` where ``directory`` has files, is being written by another process, or no image is
    fit, and ``DataError`` where one row of ``table`` fits two images.
    """
    table.refuse_shared_rows(image.path for image in images)
    problems = [] if problems is None else problems
    before = len(problems)
    sources: list[tuple[str, Path]] = []
    with new_folder(directory) as draft:
        with closing(_samples(images, table, problems, sources, progress)) as samples:  # and its progress bar
            fill_folder(samples, draft)
        if not sources:
            first = f"; the first problem is {problems[0]}" if problems else ""
            count = before + len(images)
            raise ValueError(f"{directory}: none of {count} images can be imported{first}")
        _write_sources(draft / SOURCES, sources, table)
    return problems


def _samples(
    images: Sequence[LabelledImage],
    table: ImageTable,
    problems: list[DataError],
    sources: list[tuple[str, Path]],
    progress: bool,
) -> Generator[Sample, None, None]:
    """The fit images under HC18's names; what is wrong with the others goes to ``problems``."""
    exams: dict[str | Path, int] = {}
    taken: dict[int, int] = {}
    for image in tqdm(images, desc="importing", unit="image", disable=not progress):
        exam = exams.setdefault(table.exam(image.path) or image.path, len(exams))
        number = taken.get(exam, 0) + 1
        name = f"{exam:03d}_{number if number > 1 else ''}HC.png"
        try:
            yield _sample(image, table, exam=exam, name=name)
        except DataError as error:
            problems.append(error)
            continue
        taken[exam] = number
        sources.append((name, image.path))


def _sample(image: LabelledImage, table: ImageTable, *, exam: int, name: str) -> Sample:
    read = read_image(image.path)
    size = _pixel_size_mm(read.pixel_spacing_mm, table, image.path)
    mask, ellipse = check_head(image.mask(read.shape), file=image.path)
    return Sample(
        image=read.pixels,
        mask=mask,
        pixel_size_mm=size,
        hc_mm=ellipse.circumference * size,
        exam=exam,
        name=name,
    )


def _pixel_size_mm(own: tuple[float, float] | None, table: ImageTable, path: Path) -> float:
    if own is None:
        size = table.pixel_size_mm(path)
        if size is None:
            mend = "Give --pixel-size in mm, or as a CSV with the columns filename and pixel size(mm)."
            raise DataError(file=path, problem="its pixel size is unknown", mend=mend)
        return size
    if abs(own[0] - own[1]) > _SQUARE * max(own):
        raise DataError(
            file=path,
            problem=f"its pixels are {own[0]:g} x {own[1]:g} mm, expected square ones",
            mend="Resample it to square pixels, mask and all; HC18's layout knows one size only.",
        )
    return sum(own) / 2


def _write_sources(path: Path, sources: Sequence[tuple[str, Path]], table: ImageTable) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["filename", "source", "exam"])
        for name, source in sources:
            writer.writerow([name, csv_cell(source.as_posix()), csv_cell(table.exam(source) or "")])
