"""How good an image is, measured on the image and its annotation alone: no network has a say in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fetalseg_book.studies.realism.measures import HeadImage, real_images, skull_profiles
from fetalseg_lib.data.hc18 import HC18
from fetalseg_lib.geometry import Ellipse

MEASURES = {
    "skull_contrast": "contrast of the skull",
    "faint_skull": "contrast of its faintest quarter",
    "grey_inside": "mean grey in the head",
    "grey_outside": "mean grey outside",
    "head_share": "share of head pixels",
}
"""What is measured of an image, in words."""


def measure_images(samples: HC18, rows: Sequence[int]) -> pd.DataFrame:
    """One row for each labelled image: ``name``, ``exam``, ``hc_mm``, ``cut`` and all :data:`MEASURES`.

    ``skull_contrast`` and ``faint_skull`` are those of :func:`skull_contrast`, ``cut`` that of
    :func:`leaves_image`; the greys are means over all pixels inside and outside the head.
    """
    found = []
    for row, picture in zip(rows, real_images(samples, rows), strict=True):
        known = samples.table.iloc[row]
        mean, faint = skull_contrast(picture)
        height, width = picture.image.shape
        head = picture.head
        found.append(
            {
                "name": str(known["name"]),
                "exam": int(known["exam"]),
                "hc_mm": float(known["hc_mm"]),
                "cut": leaves_image(picture.ellipse, (height, width)),
                "skull_contrast": mean,
                "faint_skull": faint,
                "grey_inside": float(picture.image[head].mean()),
                "grey_outside": float(picture.image[~head].mean()),
                "head_share": float(head.mean()),
            }
        )
    return pd.DataFrame(found)


def skull_contrast(picture: HeadImage) -> tuple[float, float]:
    """How far the skull stands out, in grey levels: the mean along the outline, and its lower quartile.

    At each point of the annotated ellipse, the brightest grey within 3 mm along the normal, minus the mean
    grey of that stretch. Nan where no part of the outline lies well inside the image.
    """
    grey, _ = skull_profiles(picture)
    if not len(grey):
        return float("nan"), float("nan")
    contrast = grey.max(axis=1) - grey.mean(axis=1)
    return float(contrast.mean()), float(np.quantile(contrast, 0.25))


def leaves_image(ellipse: Ellipse, shape: tuple[int, int]) -> bool:
    """Whether the outline of a head reaches the border of an image ``(H, W)``, or goes beyond.

    >>> head = Ellipse(center_x=50, center_y=20, semi_major=40, semi_minor=19, angle=0)
    >>> leaves_image(head, (60, 100)), leaves_image(head, (39, 100))
    (False, True)
    """
    height, width = shape
    x, y = ellipse.points(720).T
    return bool(x.min() <= 0 or y.min() <= 0 or x.max() >= width - 1 or y.max() >= height - 1)
