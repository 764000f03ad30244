"""How large an image may be: asked of the file and of its headers, before anything is decoded.

A few bytes can declare more pixels than a machine has memory for (a decompression bomb).
"""

from __future__ import annotations

import os
from pathlib import Path

from fetalseg_lib.data.sample import DataError

MAX_FILE_BYTES = 2**28
MAX_PIXELS = 2**25
"""33.5 million, about eighty times an image of HC18."""

MAX_PHANTOMS = 1_000_000
"""Of a folder or a study."""


def check_size(width: int, height: int, *, file: object) -> None:
    """Raise ``DataError`` for a declared size in px that is empty or beyond :data:`MAX_PIXELS`.

    >>> check_size(800, 540, file="000_HC.png")
    """
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise DataError(
            file=file,
            problem=f"it declares {width} x {height} pixels, expected 1 to {MAX_PIXELS:,} in all",
            mend="Crop or shrink it first.",
        )


def read_content(path: Path) -> bytes:
    """The bytes of a regular file of at most :data:`MAX_FILE_BYTES`; ``DataError`` for anything else."""
    try:
        if not path.is_file():
            problem = "it is no file" if path.exists() else "there is no such file"
            if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
                problem = "the folder cannot be opened"
            raise DataError(file=path, problem=problem, mend="Check the name.")
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise DataError(
                file=path,
                problem=f"it has {size:,} bytes, expected at most {MAX_FILE_BYTES:,}",
                mend="Save the image with fewer pixels, or compressed.",
            )
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            file=path, problem=f"it cannot be read ({error.strerror})", mend="Check its permissions."
        ) from error
