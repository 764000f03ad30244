"""The images from which int8 learns how large the numbers inside a network become."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.data import hc18, phantom, splits
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.data.sample import Sample

Source = Literal["hc18", "phantom"]
"""Whose images calibrate: HC18's validation fold, or phantoms where nobody has HC18."""

IMAGES = 96
"""Enough for every range to settle, and a minute's work; HC18's validation fold has a few more."""

_PHANTOM_SEED, _PHANTOM_SIZE = 4, (270, 400)


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Images uint8 ``N H W`` at the network's size, and in words where they are from.

    Raises ``ValueError`` where there is no image.
    """

    images: NDArray[np.uint8]
    source: str

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.images.dtype != np.uint8 or not len(self.images):
            raise ValueError(
                "calibration: expected at least one image, uint8 N H W, "
                f"got {self.images.dtype} of shape {self.images.shape}"
            )

    @property
    def description(self) -> str:
        """The source, how many images, and twelve digits that name them."""
        digest = hashlib.sha256(self.images.tobytes()).hexdigest()[:12]
        return f"{self.source}, {len(self.images)} images, sha256 {digest}"


def calibrate_on(
    source: Source, *, image_size: tuple[int, int], data_root: Path | None = None, images: int = IMAGES
) -> Calibration:
    """Read or draw up to ``images`` images of a source at the network's ``image_size`` (H, W).

    HC18's are of the validation fold, never of the test fold, and lie where ``data_root`` or
    :func:`~fetalseg_lib.data.hc18.find_root` says. Raises ``ValueError`` for another source,
    :class:`~fetalseg_lib.data.sample.DataError` where HC18 is not there.
    """
    if images < 1:
        raise ValueError(f"images: expected at least 1, got {images}")
    if source == "hc18":
        samples, words = _validation(images, data_root), "HC18, validation fold"
    elif source == "phantom":
        samples, words = phantom.generate(images, seed=_PHANTOM_SEED, size=_PHANTOM_SIZE), "phantoms"
    else:
        raise ValueError(f"calibration: expected hc18 or phantom, got {source!r}")
    small = [resize_image(sample.image, image_size) for sample in samples]
    return Calibration(images=np.stack(small), source=words)


def _validation(most: int, data_root: Path | None) -> Iterable[Sample]:
    loaded = hc18.load(data_root)
    try:
        rows = splits.hc18_rows(loaded.table, "validation")
    except ValueError as error:
        raise ValueError(f"{loaded.root}: {error}; calibrate on phantoms instead") from error
    # Evenly spread: names rise with the head's size, so the first would be small.
    chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)
    return (loaded[rows[place]] for place in chosen)
