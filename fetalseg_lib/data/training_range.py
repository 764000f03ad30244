"""What the images that a network was trained on have in common, so that an image unlike them can be told.

A few plain properties, and of each the smallest and the largest value among the training images. Of a new
image that comes from where ``n`` training images came from, each property falls outside its range with a
chance of 2/(n + 1) at most. What an image shows they cannot see: another organ may well lie inside.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.data.cache import Cache
from fetalseg_lib.data.resize import resize_image

PROPERTIES = {
    "aspect_ratio": "width over height",
    "mean_gray": "mean grey",
    "contrast": "standard deviation of the greys",
    "dark_share": "share of nearly black pixels",
    "pixel_size_mm": "pixel size in mm",
    "hc_mm": "head circumference in mm",
}
DARK = 8
"""Greys below it count as nearly black: the image around the beam, and fluid."""

_HC18 = Path(__file__).with_name("hc18_training_range.json")
_THUMBNAIL = (32, 32)


@dataclass(frozen=True, kw_only=True)
class TrainingRange:
    """The smallest and the largest value of each property over a number of training images.

    Raises ``ValueError`` for other properties and for numbers that make no range.
    """

    images: int
    low: Mapping[str, float]
    high: Mapping[str, float]

    def __post_init__(self) -> None:
        if not isinstance(self.images, int) or self.images < 1:
            raise ValueError(f"training range: expected a number of images, got {self.images!r}")
        for name in PROPERTIES:
            low, high = self.low.get(name), self.high.get(name)
            if not (_is_number(low) and _is_number(high) and low <= high):  # type: ignore[operator]
                raise ValueError(f"training range: expected {name} from low to high, got {low!r} to {high!r}")

    def outside(self, values: Mapping[str, float]) -> list[str]:
        """In words, each of the ``values`` that no training image reaches; NaN is not judged.

        >>> low, high = dict.fromkeys(PROPERTIES, 1.0), dict.fromkeys(PROPERTIES, 2.0)
        >>> TrainingRange(images=9, low=low, high=high).outside({"mean_gray": 1.5, "hc_mm": 2.25})
        ['head circumference in mm 2.25 (training 1 to 2)']
        """
        return [
            f"{PROPERTIES[name]} {value:.3g} (training {self.low[name]:.3g} to {self.high[name]:.3g})"
            for name, value in values.items()
            if value < self.low[name] or value > self.high[name]
        ]

    def to_json(self) -> str:
        """As text, for the metadata of a file of weights."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> TrainingRange:
        """Read :meth:`to_json` back; ``ValueError`` for any other text."""
        try:
            return TrainingRange(**json.loads(text))
        except (TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"training range: not readable ({error})") from error


def appearance(image: NDArray[np.uint8], *, native_shape: tuple[int, int]) -> dict[str, float]:
    """The properties of an image before its head is known, from a thumbnail of the network's input ``H W``.

    >>> values = appearance(np.full((64, 64), 7, np.uint8), native_shape=(540, 800))
    >>> {name: round(value, 2) for name, value in values.items()}
    {'aspect_ratio': 1.48, 'mean_gray': 7.0, 'contrast': 0.0, 'dark_share': 1.0}
    """
    thumbnail = resize_image(image, _THUMBNAIL)
    height, width = native_shape
    return {
        "aspect_ratio": width / height,
        "mean_gray": float(thumbnail.mean()),
        "contrast": float(thumbnail.std()),
        "dark_share": float((thumbnail < DARK).mean()),
    }


def measure_range(cache: Cache, rows: Sequence[int]) -> TrainingRange:
    """The range of the cached images ``rows``, with their pixel sizes and annotated circumferences."""
    images = []
    for row in rows:
        known = cache.index.iloc[row]
        shape = (int(known["native_height"]), int(known["native_width"]))
        lengths = {name: float(known[name]) for name in ("pixel_size_mm", "hc_mm")}
        images.append(appearance(np.asarray(cache.images[row]), native_shape=shape) | lengths)
    return TrainingRange(
        images=len(images),
        low={name: min(image[name] for image in images) for name in PROPERTIES},
        high={name: max(image[name] for image in images) for name in PROPERTIES},
    )


def hc18_range() -> TrainingRange:
    """The range of HC18's training fold, for weights that were trained on it and carry no range yet."""
    return TrainingRange.from_json(_HC18.read_text(encoding="utf-8"))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
