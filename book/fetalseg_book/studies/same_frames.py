"""Which images of a dataset show the very same frame, byte for byte or under other screen annotations."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fetalseg_lib.data.sample import LazySamples, Sample

GREY_LEVELS = 2
"""How far two grey values may be apart and still count as equal."""

SAME_SHARE = 0.9
"""Two images are one frame when this share of their pixels is equal; what a machine writes over is less."""

_ALIKE = 0.9
_THUMBNAIL = (48, 64)


def same_frames(samples: LazySamples) -> pd.DataFrame:
    """Find the pairs of images that are one frame.

    Candidates are pairs whose thumbnails correlate above 0.9; of those, one frame are the pairs that
    agree in 90 % of the pixels that are not black in both. The frame has one row per pair: ``first``,
    ``second`` (names), ``same_exam``, ``same_pixels`` (whether the images are equal), ``same_outline``
    (whether the masks overlap with a Dice above 0.999: a copy and not a second look), ``dice`` of the two
    masks and ``hc_difference_mm``. Raises ``ValueError`` for a sample without mask or circumference.
    """
    thumbnails = np.stack([_thumbnail(samples[row].image) for row in range(len(samples))])
    correlation = thumbnails @ thumbnails.T
    columns = ["first", "second", "same_exam", "same_pixels", "same_outline", "dice", "hc_difference_mm"]
    rows = []
    for i, j in combinations(range(len(samples)), 2):
        if correlation[i, j] < _ALIKE:
            continue
        one, other = samples[i], samples[j]
        if share_of_equal_pixels(one.image, other.image) >= SAME_SHARE:
            rows.append(_compare(one, other))
    return pd.DataFrame(rows, columns=columns)


def share_of_equal_pixels(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The share of pixels, black in at most one of the images, that differ by two grey levels or less.

    Images of different size have no pixel in common.

    >>> one = np.array([[0, 10, 20, 30, 40]], np.uint8)
    >>> share_of_equal_pixels(one, np.array([[0, 11, 22, 33, 40]], np.uint8))
    0.75
    """
    if one.shape != other.shape:
        return 0.0
    seen = (one > 0) | (other > 0)
    difference = np.abs(one.astype(np.int16) - other)
    return float((difference[seen] <= GREY_LEVELS).mean()) if seen.any() else 1.0


def _compare(one: Sample, other: Sample) -> dict[str, object]:
    first, second = sorted((one, other), key=lambda sample: (len(sample.name), sample.name))
    if first.mask is None or second.mask is None or first.hc_mm is None or second.hc_mm is None:
        raise ValueError(f"samples: expected masks and hc_mm, got none with {first.name} or {second.name}")
    overlap = int((first.mask & second.mask).sum())
    dice = 2 * overlap / int(first.mask.sum() + second.mask.sum())
    return {
        "first": first.name,
        "second": second.name,
        "same_exam": first.exam == second.exam,
        "same_pixels": bool(np.array_equal(first.image, second.image)),
        "same_outline": dice > 0.999,
        "dice": dice,
        "hc_difference_mm": abs(first.hc_mm - second.hc_mm),
    }


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A small copy as a vector of mean 0 and length 1, so that a dot product is a correlation."""
    small: Any = cv2.resize(image, _THUMBNAIL[::-1], interpolation=cv2.INTER_AREA)
    vector = np.asarray(small, dtype=np.float64).ravel()
    vector -= vector.mean()
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector
