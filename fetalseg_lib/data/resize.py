"""From native pixels to the network's: one resize for training and prediction alike.

Pixel centres lie at integers, as in OpenCV: column ``x`` becomes ``(x + 1/2) * scale - 1/2``.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def resize_image(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize uint8 ``H W`` to ``size`` (height, width): area means where it shrinks, bilinear where it grows.

    >>> resize_image(np.array([[0, 4], [8, 12]], np.uint8), (1, 1))
    array([[6]], dtype=uint8)
    """
    height, width = size
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized: Any = cv2.resize(image, (width, height), interpolation=method)
    return np.asarray(resized, dtype=np.uint8)


def resize_mask(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Resize bool ``H W`` to ``size`` (height, width): a pixel is inside when at least half of it is.

    >>> resize_mask(np.array([[True, True, False, True]]), (1, 2))
    array([[ True,  True]])
    """
    return resize_image(mask.astype(np.uint8) * np.uint8(255), size) >= 128
