"""Whether a mask is one filled head, and the ellipse that HC18's layout keeps of it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from fetalseg_lib.data.phantom.folder import draw_outline
from fetalseg_lib.data.sample import DataError
from fetalseg_lib.geometry import Ellipse, fit_ellipse, rasterize

MIN_DICE = 0.9
"""Of a mask with its ellipse: a head that is traced by hand strays from it a little, other shapes far."""

_SPECK = 0.05
_OUTLINE = 0.5
_OUTSIDE = 0.75
"""Of the image's border; a head that fills the image and is cut off by it takes less."""


def check_head(mask: NDArray[np.bool_], *, file: object) -> tuple[NDArray[np.bool_], Ellipse]:
    """The head of a mask ``H W``, its holes filled and specks taken out, and its ellipse in px.

    The ellipse is fitted to the outline that will be written, so that it is the very one that will be read.
    Raises ``DataError`` naming ``file`` for a mask that is empty, in several parts, not filled or no ellipse.

    >>> disc = rasterize(Ellipse(center_x=50, center_y=40, semi_major=30, semi_minor=25, angle=0), (80, 100))
    >>> head, ellipse = check_head(disc, file="disc.png")
    >>> bool((head == disc).all()), round(ellipse.semi_major), round(ellipse.semi_minor)
    (True, 30, 25)
    """
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if border.mean() > _OUTSIDE and not mask.all():
        mend = "Invert the mask, or name the head's number by --label."
        raise DataError(file=file, problem="it is inverted: the image's border is head", mend=mend)
    part = _only_part(mask, file)
    filled: NDArray[np.bool_] = np.asarray(binary_fill_holes(part), dtype=np.bool_)
    if part.sum() < _OUTLINE * filled.sum():
        raise DataError(
            file=file,
            problem="it is an outline, expected a filled mask",
            mend="HC18's layout takes outlines as they are: name them as it does.",
        )
    try:
        rows, columns = np.nonzero(draw_outline(filled))
        ellipse = fit_ellipse(np.stack([columns, rows], axis=1))
    except ValueError as error:
        raise DataError(
            file=file, problem=f"no ellipse fits the mask ({error})", mend="Draw the head anew."
        ) from error
    drawn = rasterize(ellipse, (filled.shape[0], filled.shape[1]))
    dice = 2 * float((drawn & filled).sum()) / float(drawn.sum() + filled.sum())
    if dice < MIN_DICE:
        raise DataError(
            file=file,
            problem=f"it is no ellipse: Dice {dice:.2f} with the one that fits best, expected {MIN_DICE}",
            mend="Draw the head anew; HC18's layout keeps ellipses only.",
        )
    return filled, ellipse


def _only_part(mask: NDArray[np.bool_], file: object) -> NDArray[np.bool_]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas: Any = stats[1:, cv2.CC_STAT_AREA]  # label 0 is the background
    if len(areas) == 0:
        raise DataError(file=file, problem="the mask is empty", mend="Leave the image out, or draw the head.")
    if (count := int((areas >= _SPECK * areas.max()).sum())) > 1:
        raise DataError(
            file=file, problem=f"the mask is in {count} parts, expected one head", mend="Keep the head alone."
        )
    return np.asarray(labels == 1 + int(areas.argmax()), dtype=np.bool_)
