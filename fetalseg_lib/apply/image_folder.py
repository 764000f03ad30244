"""Which images are meant: the files that are named, and the images in the folders that are named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from fetalseg_lib.apply.reading.dicom import is_dicom
from fetalseg_lib.apply.reading.image_file import SUFFIXES
from fetalseg_lib.data.layout import annotation_name

_DEEPEST = 100


def find_images(named: Sequence[Path], *, leave_out: Sequence[Path | None] = ()) -> list[Path]:
    """The image files that are meant, each once: named files as they are, folders in sorted order.

    Of a folder and its subfolders those count that end as an image does, and DICOM without an ending; not
    hidden ones, not the outlines in HC18's layout, and nothing in the folders ``leave_out``. A file that is
    named counts whatever it is, even where it does not exist: reading it will say so. So does a folder that
    cannot be opened. Raises ``ValueError`` where nothing is left,
    or where folders lie absurdly deep within each other.
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
