"""HC18: 999 ultrasound images of the fetal head with the outline that a sonographer drew.

Van den Heuvel et al. 2018, doi:10.1371/journal.pone.0200412; the data, CC BY 4.0:
doi:10.5281/zenodo.1327317. The outline becomes a mask through the ellipse fitted to it: filling holes
fails, silently, where the image border cuts the outline open.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.data.layout import TEST, TRAINING, Part, annotation_name, read_index
from fetalseg_lib.data.read import read_content, read_gray
from fetalseg_lib.data.sample import DataError, LazySamples, Sample, about
from fetalseg_lib.geometry import Ellipse, fit_ellipse, rasterize

ENVIRONMENT_VARIABLE = "FETALSEG_HC18"
DEFAULT_ROOT = Path("data/hc18")


def find_root(root: str | Path | None = None) -> Path:
    """Find the HC18 folder: ``root``, else the variable ``FETALSEG_HC18``, else ``data/hc18``.

    ``data/hc18`` is looked for in the working folder and above it. The first of the three that is given
    counts, even where it is wrong, so that a typing error never reads other data. Raises ``DataError`` where
    neither of HC18's CSVs lies in that folder.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    above = (folder / DEFAULT_ROOT for folder in Path.cwd().parents)
    default = next((path for path in (DEFAULT_ROOT, *above) if path.is_dir()), DEFAULT_ROOT)
    path = Path(root or named or default).expanduser()
    if any((path / part.index).is_file() for part in (TRAINING, TEST)):
        return path
    where = "argument `root`" if root else ENVIRONMENT_VARIABLE if named else f"default {DEFAULT_ROOT}"
    raise DataError(
        f"no HC18 data here (looked because of the {where}): expected {TRAINING.index} "
        f"beside the folder {TRAINING.folder}",
        f"Run `fetalseg data download`, or name the folder that has the data by the argument `root` or "
        f"the variable {ENVIRONMENT_VARIABLE}; without both it is {DEFAULT_ROOT}.",
        file=path,
    )


def load(root: str | Path | None = None) -> HC18:
    """Open the 999 labelled images (HC18's training set), lazily: a PNG is read when its sample is.

    The index is checked here, each file when it is read: ``DataError`` names the file and the mend.
    """
    return HC18(find_root(root), TRAINING)


def load_test(root: str | Path | None = None) -> HC18:
    """Open the 335 images whose labels are hidden: ``mask`` and ``hc_mm`` are ``None``."""
    return HC18(find_root(root), TEST)


class HC18(LazySamples):
    """One part of HC18 in the order of its CSV; ``table`` is ``name, exam, pixel_size_mm, hc_mm``."""

    def __init__(self, root: Path, part: Part) -> None:
        self.table, problems = read_index(root, part)
        if problems:
            first, *others = problems
            more = f" ({len(others)} more: `fetalseg data check` lists all.)" if others else ""
            raise DataError(first.problem, first.mend + more, file=first.file)
        self.root, self.part = root, part

    def __len__(self) -> int:
        return len(self.table)

    def read(self, row: int) -> Sample:
        """Read one image and, where there is an outline, draw its mask."""
        record = self.table.iloc[row]
        path = self.root / self.part.folder / str(record["name"])
        image, ellipse = read_pair(path) if self.part.labelled else (read_gray(path), None)
        hc_mm = float(record["hc_mm"])
        return Sample(
            image=image,
            mask=None if ellipse is None else rasterize(ellipse, (image.shape[0], image.shape[1])),
            pixel_size_mm=float(record["pixel_size_mm"]),
            hc_mm=None if math.isnan(hc_mm) else hc_mm,
            exam=int(record["exam"]),
            name=str(record["name"]),
        )

    def fingerprint(self) -> Mapping[str, object]:
        """Name, size and time of every file and the CSV's SHA-256, without reading a PNG."""
        listing = hashlib.sha256()
        for name in self.table["name"]:
            for file in (name, annotation_name(name)) if self.part.labelled else (name,):
                stat = (self.root / self.part.folder / file).stat()
                listing.update(f"{file} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        table = hashlib.sha256(read_content(self.root / self.part.index))
        return {
            "kind": "hc18",
            "part": self.part.folder,
            "n": len(self),
            "files_sha256": listing.hexdigest(),
            "csv_sha256": table.hexdigest(),
        }


def read_pair(path: Path) -> tuple[NDArray[np.uint8], Ellipse]:
    """Read an image and the ellipse (px) of its outline. Raises ``DataError`` where either is unfit."""
    image, outline_path = read_gray(path), path.with_name(annotation_name(path.name))
    outline = read_gray(outline_path)
    with about(outline_path):
        if outline.shape != image.shape:
            sizes = "{1}x{0} pixels, its image {3}x{2}".format(*outline.shape, *image.shape)
            raise DataError(f"the annotation is {sizes}", "Replace the pair by the record's own.")
        rows, columns = np.nonzero(outline > 127)
        try:
            return image, fit_ellipse(np.stack([columns, rows], axis=1))
        except ValueError as error:
            mend = "Draw it again, or replace it by the record's own."
            raise DataError(f"no ellipse fits the outline ({error})", mend) from error


_NAME = re.compile(r"own-[0-9a-f]{12}")


def is_own(data: str) -> bool:
    """Whether a dataset's name is one that :func:`own_name` gives.

    >>> is_own("own-0123456789ab"), is_own("hc18")
    (True, False)
    """
    return _NAME.fullmatch(data) is not None


def own_name(root: Path | HC18) -> str:
    """The name of a folder's labelled images: ``own-`` and twelve digits of a hash of its CSV and PNGs.

    Raises ``DataError`` where the folder is not in HC18's layout.
    """
    samples = root if isinstance(root, HC18) else load(root)
    digest = hashlib.sha256(read_content(samples.root / TRAINING.index))
    for name in samples.table["name"]:
        for file in (name, annotation_name(name)):
            content = read_content(samples.root / TRAINING.folder / file)
            digest.update(hashlib.sha256(content).digest())
    return f"own-{digest.hexdigest()[:12]}"
