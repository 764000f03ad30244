"""Augmentation: four small movements of image and mask together, each with probability one half.

Horizontal flip, rotation by up to 20°, scale by up to 10 %, translation by up to 10 % of the side, of the
image squeezed to the network's size. What moves in from outside is black and not head.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import albumentations as A


def build_augmentation() -> A.Compose:
    """Build the four transforms: linear interpolation for the image, nearest for the mask, zeros outside.

    >>> [(type(step).__name__, step.p) for step in build_augmentation().transforms]
    [('HorizontalFlip', 0.5), ('Affine', 0.5), ('Affine', 0.5), ('Affine', 0.5)]
    """
    # Seconds to import, for training alone; and at import it would ask the network for a newer version.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations as A

    border = {"border_mode": cv2.BORDER_CONSTANT, "fill": 0, "fill_mask": 0}
    return A.Compose(
        [
            A.HorizontalFlip(p=0.5),
            A.Affine(rotate=(-20, 20), p=0.5, **border),
            A.Affine(scale=(0.9, 1.1), keep_ratio=True, p=0.5, **border),
            A.Affine(translate_percent=(-0.1, 0.1), p=0.5, **border),
        ]
    )


def apply_augmentation(
    augmentation: A.Compose, image: NDArray[np.uint8], mask: NDArray[np.uint8], *, seed: tuple[int, ...]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Move image and mask (both uint8 ``H W``) together; equal seeds move equally.

    The transforms share one stream of random numbers. ``Compose.set_random_seed`` would give each its
    own stream *with the same seed*, and all four coins would always fall on the same side.
    """
    generator = np.random.default_rng(seed)
    augmentation.set_random_state(generator, random.Random(int(generator.integers(2**63))))
    moved = augmentation(image=image, mask=mask)
    return moved["image"], moved["mask"]
