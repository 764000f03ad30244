"""One ultrasound image with its head mask and its pixel size: the unit that all data of the book comes in."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray


class DataError(ValueError):
    """Something is wrong with the data: which file, what it is, and how to mend it.

    >>> print(DataError("the PNG is cut short", "Download it again.", file="007_HC.png"))
    007_HC.png: the PNG is cut short. Download it again.
    """

    def __init__(self, problem: str, mend: str, *, file: object = "") -> None:
        super().__init__(problem, mend)
        self.file, self.problem, self.mend = str(file), problem, mend

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}. {self.mend}"


@contextmanager
def about(file: object) -> Iterator[None]:
    """Let a :class:`DataError` within that names no file name this one."""
    try:
        yield
    except DataError as error:
        error.file = error.file or str(file)
        raise


def first_line(error: Exception) -> str:
    r"""What another library's error says, on one line, so that it fits into a message of ours.

    >>> first_line(OSError("broken file\nmore about it")), first_line(EOFError())
    ('broken file', 'EOFError')
    """
    return str(error).strip().partition("\n")[0] or type(error).__name__


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """An image (grey, uint8 ``H W``) and what is known of it, all at native resolution.

    ``mask`` is bool ``H W``, true inside the head; ``hc_mm`` the head circumference in mm. Both are
    ``None`` only for the HC18 test set. ``pixel_size_mm`` is the side of a square pixel in mm; ``exam`` the
    unit that a split must not tear apart. Raises ``ValueError`` where these do not fit together.

    >>> blank = np.zeros((2, 3), np.uint8)
    >>> Sample(image=blank, mask=blank > 0, pixel_size_mm=0.1, hc_mm=None, exam=7, name="007_HC.png").shape
    (2, 3)
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    pixel_size_mm: float
    hc_mm: float | None
    exam: int
    name: str

    def __post_init__(self) -> None:
        if self.image.ndim != 2 or self.image.dtype != np.uint8:
            raise ValueError(
                f"image of {self.name}: expected uint8 of shape (H, W), "
                f"got {self.image.dtype} of shape {self.image.shape}"
            )
        if self.mask is not None and (self.mask.dtype != np.bool_ or self.mask.shape != self.image.shape):
            raise ValueError(
                f"mask of {self.name}: expected bool of the image's shape {self.image.shape}, "
                f"got {self.mask.dtype} of shape {self.mask.shape}"
            )
        for field, value in (("pixel_size_mm", self.pixel_size_mm), ("hc_mm", self.hc_mm)):
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{field} of {self.name}: expected a positive length in mm, got {value}")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[0], self.image.shape[1]


class LazySamples(Sequence[Sample]):
    """Samples that are read or drawn when asked for; a slice is again lazy."""

    @abstractmethod
    def read(self, row: int) -> Sample:
        """Return sample ``row``, ``0 <= row < len(self)``."""

    @abstractmethod
    def fingerprint(self) -> Mapping[str, object]:
        """What the samples depend on, as JSON can hold it: equal fingerprints, equal samples."""

    @overload
    def __getitem__(self, row: int) -> Sample: ...
    @overload
    def __getitem__(self, row: slice) -> Subset: ...
    def __getitem__(self, row: int | slice) -> Sample | Subset:
        if isinstance(row, slice):
            return Subset(self, range(len(self))[row])
        return self.read(range(len(self))[row])


class Subset(LazySamples):
    """Some rows of other samples, in the order given."""

    def __init__(self, samples: LazySamples, rows: Sequence[int]) -> None:
        self._samples = samples
        self._rows = [range(len(samples))[row] for row in rows]

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, row: int) -> Sample:
        """Return the sample that stands at ``row`` of the subset."""
        return self._samples.read(self._rows[row])

    def fingerprint(self) -> Mapping[str, object]:
        """The whole's fingerprint and the rows taken from it."""
        return {"kind": "subset", "of": self._samples.fingerprint(), "rows": self._rows}
