"""What can be measured on one image of a head, real or simulated, in the same way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from fetalseg_book.studies.realism.texture import measure_texture
from fetalseg_lib.data.hc18 import HC18, read_pair
from fetalseg_lib.data.phantom import Phantom
from fetalseg_lib.data.sample import LazySamples
from fetalseg_lib.geometry import Ellipse, rasterize

ANGLE_STEP = 15
"""Degrees between two steps of the skull's outward normal, from straight down (0) to straight up (180)."""
GREY_STEP = 4
"""Grey levels in one step of a histogram."""
INNER = 0.85
"""The share of the semi-axes within which there is brain and no skull."""

_REACH_MM = 3.0
_POINTS = 360


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadImage:
    """An image (uint8 ``H W``), its head's ellipse (px) and its scale; ``exam`` names its examination."""

    image: NDArray[np.uint8]
    ellipse: Ellipse
    pixel_size_mm: float
    hc_mm: float
    exam: str

    @property
    def head(self) -> NDArray[np.bool_]:
        """The filled head, ``H W``."""
        return rasterize(self.ellipse, (self.image.shape[0], self.image.shape[1]))

    @property
    def brain(self) -> NDArray[np.bool_]:
        """The inner part of the head, clear of the skull, ``H W``."""
        a, b = INNER * self.ellipse.semi_major, INNER * self.ellipse.semi_minor
        inner = replace(self.ellipse, semi_major=a, semi_minor=b)
        return rasterize(inner, (self.image.shape[0], self.image.shape[1]))


def real_images(samples: HC18, rows: Sequence[int]) -> Iterator[HeadImage]:
    """The labelled images of HC18 that stand in ``rows``."""
    for row in rows:
        record = samples.table.iloc[row]
        image, ellipse = read_pair(samples.root / samples.part.folder / str(record["name"]))
        yield HeadImage(
            image=image,
            ellipse=ellipse,
            pixel_size_mm=float(record["pixel_size_mm"]),
            hc_mm=float(record["hc_mm"]),
            exam=f"real {record['exam']}",
        )


def phantom_images(phantoms: LazySamples) -> Iterator[HeadImage]:
    """The phantoms, with the ellipses that they were drawn from."""
    for sample in phantoms:
        assert isinstance(sample, Phantom)
        assert sample.hc_mm is not None, "a phantom knows its circumference"
        yield HeadImage(
            image=sample.image,
            ellipse=sample.ellipse,
            pixel_size_mm=sample.pixel_size_mm,
            hc_mm=sample.hc_mm,
            exam=f"phantom {sample.exam}",
        )


def measure(pictures: Sequence[HeadImage]) -> pd.DataFrame:
    """One row of numbers for each image; a texture that no patch shows is nan.

    Columns: ``hc_mm``, ``pixel_size_mm``, ``cephalic_index``; ``head_share`` and ``zero_share`` of the
    pixels (in the head; exactly 0); ``grey_inside`` and ``grey_outside``, means of all pixels there;
    ``grey_levels``, how many different ones occur; ``speckle_snr``, ``axial_mm`` and ``lateral_mm`` of the
    brain, from :func:`~fetalseg_book.studies.realism.texture.measure_texture`.
    """
    return pd.DataFrame([_measure(picture) for picture in pictures])


def _measure(picture: HeadImage) -> dict[str, float]:
    image, head = picture.image, picture.head
    texture = measure_texture(image, picture.brain)
    return {
        "hc_mm": picture.hc_mm,
        "pixel_size_mm": picture.pixel_size_mm,
        "cephalic_index": picture.ellipse.semi_minor / picture.ellipse.semi_major,
        "head_share": float(head.mean()),
        "zero_share": float((image == 0).mean()),
        "grey_inside": float(image[head].mean()),
        "grey_outside": float(image[~head].mean()),
        "grey_levels": float(np.unique(image).size),
        "speckle_snr": texture.snr,
        "axial_mm": texture.axial_px * picture.pixel_size_mm,
        "lateral_mm": texture.lateral_px * picture.pixel_size_mm,
    }


def grey_shares(image: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of the pixels in each step of four grey levels, among those of ``where`` that are not 0.

    >>> shares = grey_shares(np.array([[0, 1, 3, 255]], np.uint8), np.ones((1, 4), bool))
    >>> shares.size, float(shares[0].round(3)), float(shares[-1].round(3))
    (64, 0.667, 0.333)
    """
    chosen = image[where & (image > 0)]
    counts = np.bincount(chosen // GREY_STEP, minlength=256 // GREY_STEP)
    shares: NDArray[np.float64] = counts / max(chosen.size, 1)
    return shares


def skull_peaks(picture: HeadImage) -> NDArray[np.float64]:
    """The mean peak grey of the skull in each step of its outward normal; nan where the image has none.

    The peak is the brightest grey within 3 mm of the ellipse, along its normal. The steps of
    ``ANGLE_STEP`` degrees begin at a normal that points straight down, away from the probe.
    """
    grey, angle = skull_profiles(picture)
    step = np.minimum(angle // ANGLE_STEP, 180 // ANGLE_STEP - 1).astype(int)
    peaks = pd.Series(grey.max(axis=1)).groupby(step).mean()
    return peaks.reindex(range(180 // ANGLE_STEP)).to_numpy(dtype=np.float64)


def skull_profiles(picture: HeadImage) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Grey along the normals of the head's ellipse, from 3 mm inside to 3 mm outside: ``(points, steps)``.

    And each normal's angle from straight down, in degrees, ``(points,)``. Normals that leave the image are
    left out.
    """
    columns, rows, angle = _normals(picture.ellipse, _REACH_MM / picture.pixel_size_mm)
    height, width = picture.image.shape
    grey: Any = map_coordinates(picture.image.astype(np.float32), [rows, columns], order=1, mode="nearest")
    seen = ((rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)).all(axis=1)
    return grey[seen], angle[seen]


def _normals(
    ellipse: Ellipse, reach_px: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Columns and rows ``(points, steps)`` along the normals, and each normal's angle from straight down."""
    t = np.linspace(0, 2 * math.pi, _POINTS, endpoint=False)
    cos, sin = math.cos(ellipse.angle), math.sin(ellipse.angle)
    u, v = np.cos(t) / ellipse.semi_major, np.sin(t) / ellipse.semi_minor
    length = np.hypot(u, v)
    across, down = (u * cos - v * sin) / length, (u * sin + v * cos) / length
    offsets = np.linspace(-reach_px, reach_px, 41)
    points = ellipse.points(_POINTS)
    columns = points[:, :1] + across[:, None] * offsets
    rows = points[:, 1:] + down[:, None] * offsets
    return columns, rows, np.degrees(np.arccos(np.clip(down, -1, 1)))
