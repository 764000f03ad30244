"""Write samples as a folder in HC18's layout, outlines and all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fetalseg_lib.data.layout import FILENAME, HEAD_CIRCUMFERENCE, PIXEL_SIZE, TRAINING, annotation_name
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.files import new_folder
from fetalseg_lib.geometry import fit_ellipse

_HALF_LINE_PX = 1.2


def write_folder(samples: Iterable[Sample], directory: str | Path) -> Path:
    """Write ``samples`` so that :func:`fetalseg_lib.data.hc18.load` reads them back; return the directory.

    As in HC18, the annotation is the ellipse's outline. The folder appears when it is whole. Raises
    ``ValueError`` where it has files already or another process writes it, and for a sample without mask or
    circumference, or whose mask no ellipse fits.
    """
    root = Path(directory)
    with new_folder(root) as draft:
        fill_folder(samples, draft)
    return root


def fill_folder(samples: Iterable[Sample], root: Path) -> None:
    """The same into the folder ``root``, which is empty and nobody's data yet."""
    folder = root / TRAINING.folder
    folder.mkdir()
    rows = []
    for sample in samples:
        if sample.mask is None or sample.hc_mm is None:
            raise ValueError(f"samples: expected a mask and hc_mm with each, got none with {sample.name}")
        _write_png(folder / sample.name, sample.image)
        _write_png(folder / annotation_name(sample.name), draw_outline(sample.mask))
        rows.append((sample.name, sample.pixel_size_mm, sample.hc_mm))
    table = pd.DataFrame(rows, columns=[FILENAME, PIXEL_SIZE, HEAD_CIRCUMFERENCE])
    table.to_csv(root / TRAINING.index, index=False)


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())  # OpenCV's own writing hides a full disk


def draw_outline(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The outline, 0 and 255, of the ellipse that fits the border of ``mask``."""
    height, width = mask.shape
    ellipse = fit_ellipse(_border(mask))
    x = np.arange(width)[None, :] - ellipse.center_x
    y = np.arange(height)[:, None] - ellipse.center_y
    cos, sin = np.cos(ellipse.angle), np.sin(ellipse.angle)
    u, v = x * cos + y * sin, y * cos - x * sin
    s = np.hypot(u / ellipse.semi_major, v / ellipse.semi_minor) + 1e-9
    steepness = np.hypot(u / ellipse.semi_major**2, v / ellipse.semi_minor**2) / s + 1e-9
    return np.where(np.abs(s - 1) <= _HALF_LINE_PX * steepness, 255, 0).astype(np.uint8)


def _border(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Points ``(n, 2)`` as ``x, y`` halfway between neighbours of which one is in the mask and one is not."""
    rows, columns = np.nonzero(mask[:, 1:] != mask[:, :-1])
    beside = np.stack([columns + 0.5, rows], axis=1)
    rows, columns = np.nonzero(mask[1:] != mask[:-1])
    above = np.stack([columns, rows + 0.5], axis=1)
    return np.concatenate([beside, above])
