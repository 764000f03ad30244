"""Write images with their masks as a new folder in HC18's layout, past those that are unfit.

A mask is fit that is one filled head (:func:`check_head`); its ellipse is what the layout keeps of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes
from tqdm import tqdm

from fetalseg_lib.apply.images import ImageTable
from fetalseg_lib.apply.reading.image_file import read_image
from fetalseg_lib.data.phantom.folder import draw_outline, fill_folder
from fetalseg_lib.data.sample import DataError, Sample, about
from fetalseg_lib.files import new_folder
from fetalseg_lib.geometry import Ellipse, fit_ellipse, rasterize
from fetalseg_lib.names import csv_cell

MIN_DICE = 0.9
"""Of a mask with its ellipse: a head that is traced by hand strays from it a little, other shapes far."""

_SPECK = 0.05
_OUTLINE = 0.5
_OUTSIDE = 0.75
"""Of the image's border; a head that fills the image and is cut off by it takes less."""


def check_head(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Ellipse]:
    """The head of a mask ``H W``, its holes filled and specks taken out, and its ellipse in px.

    The ellipse is fitted to the outline that will be written, so that it is the very one that will be read.
    Raises ``DataError`` for a mask that is empty, in several parts, not filled or no ellipse.
    """
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if border.mean() > _OUTSIDE and not mask.all():
        mend = "Invert the mask, or name the head's number by --label."
        raise DataError("it is inverted: the image's border is head", mend)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas: Any = stats[1:, cv2.CC_STAT_AREA]  # label 0 is the background
    if len(areas) == 0:
        raise DataError("the mask is empty", "Leave the image out, or draw the head.")
    if (count := int((areas >= _SPECK * areas.max()).sum())) > 1:
        raise DataError(f"the mask is in {count} parts, expected one head", "Keep the head alone.")
    part = labels == 1 + int(areas.argmax())
    filled: NDArray[np.bool_] = np.asarray(binary_fill_holes(part), dtype=np.bool_)
    if part.sum() < _OUTLINE * filled.sum():
        mend = "HC18's layout takes outlines as they are: name them as it does."
        raise DataError("it is an outline, expected a filled mask", mend)
    try:
        rows, columns = np.nonzero(draw_outline(filled))
        ellipse = fit_ellipse(np.stack([columns, rows], axis=1))
    except ValueError as error:
        raise DataError(f"no ellipse fits the mask ({error})", "Draw the head anew.") from error
    drawn = rasterize(ellipse, (filled.shape[0], filled.shape[1]))
    dice = 2 * float((drawn & filled).sum()) / float(drawn.sum() + filled.sum())
    if dice < MIN_DICE:
        problem = f"it is no ellipse: Dice {dice:.2f} with the one that fits best, expected {MIN_DICE}"
        raise DataError(problem, "Draw the head anew; HC18's layout keeps ellipses only.")
    return filled, ellipse


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
    ends in an error. An image without an exam counts as an exam of its own. The mask becomes the outline of
    its ellipse, and the circumference is that of the ellipse. The folder appears when it is whole. Raises
    ``ValueError`` where ``directory`` has files, is being written by another process, or no image is fit,
    and ``DataError`` where one row of ``table`` fits two images.
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
            with about(image.path):
                yield _sample(image, table, exam=exam, name=name)
        except DataError as error:
            problems.append(error)
            continue
        taken[exam] = number
        sources.append((name, image.path))


def _sample(image: LabelledImage, table: ImageTable, *, exam: int, name: str) -> Sample:
    read = read_image(image.path)
    size = _pixel_size_mm(read.pixel_spacing_mm, table.pixel_size_mm(image.path))
    mask, ellipse = check_head(image.mask(read.shape))
    length = ellipse.circumference * size
    return Sample(image=read.pixels, mask=mask, pixel_size_mm=size, hc_mm=length, exam=exam, name=name)


def _pixel_size_mm(own: tuple[float, float] | None, given: float | None) -> float:
    if own is None:
        if given is None:
            mend = "Give --pixel-size in mm, or as a CSV with the columns filename and pixel size(mm)."
            raise DataError("its pixel size is unknown", mend)
        return given
    height, width = own
    if abs(height - width) > _SQUARE * max(height, width):
        mend = "Resample it to square pixels, mask and all; HC18's layout knows one size only."
        raise DataError(f"its pixels are {height:g} x {width:g} mm, expected square ones", mend)
    return (height + width) / 2


def _write_sources(path: Path, sources: Sequence[tuple[str, Path]], table: ImageTable) -> None:
    rows = [(name, csv_cell(of.as_posix()), csv_cell(table.exam(of) or "")) for name, of in sources]
    pd.DataFrame(rows, columns=["filename", "source", "exam"]).to_csv(path, index=False, lineterminator="\n")
