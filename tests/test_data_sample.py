"""Samples refuse what does not fit together; sequences of them are lazy, also when sliced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from fetalseg_lib.data.sample import LazySamples, Sample

GOOD: dict[str, Any] = {
    "image": np.zeros((4, 6), np.uint8),
    "mask": np.ones((4, 6), bool),
    "pixel_size_mm": 0.1,
    "hc_mm": 100.0,
    "exam": 1,
    "name": "001_HC.png",
}

BAD = {
    "a colour image": ({"image": np.zeros((4, 6, 3), np.uint8)}, "image of 001_HC.png"),
    "a float image": ({"image": np.zeros((4, 6))}, "image of 001_HC.png"),
    "a mask of another size": ({"mask": np.ones((6, 4), bool)}, "mask of 001_HC.png"),
    "a mask of 0 and 255": ({"mask": np.ones((4, 6), np.uint8)}, "mask of 001_HC.png"),
    "no pixel size": ({"pixel_size_mm": 0.0}, "pixel_size_mm of 001_HC.png"),
    "a pixel size that is no number": ({"pixel_size_mm": float("nan")}, "pixel_size_mm of 001_HC.png"),
    "an infinite circumference": ({"hc_mm": float("inf")}, "hc_mm of 001_HC.png"),
}


@pytest.mark.parametrize(("change", "named"), BAD.values(), ids=BAD)
def test_a_sample_that_does_not_fit_together_is_refused(change: dict[str, Any], named: str) -> None:
    Sample(**GOOD)
    with pytest.raises(ValueError, match=named):
        Sample(**(GOOD | change))


class Counted(LazySamples):
    """Ten samples whose exam is their row, and a list of the rows that were read."""

    def __init__(self) -> None:
        self.rows_read: list[int] = []

    def __len__(self) -> int:
        return 10

    def read(self, row: int) -> Sample:
        self.rows_read.append(row)
        return Sample(**(GOOD | {"exam": row}))

    def fingerprint(self) -> Mapping[str, object]:
        return {"kind": "counted"}


def test_only_what_is_asked_for_is_read() -> None:
    samples = Counted()
    tail = samples[-4:][::2]
    assert len(tail) == 2
    assert samples.rows_read == []
    assert [sample.exam for sample in tail] == [6, 8]
    assert samples[-1].exam == 9
    assert samples.rows_read == [6, 8, 9]


@pytest.mark.parametrize("row", [10, -11])
def test_a_row_that_is_not_there_is_an_index_error(row: int) -> None:
    with pytest.raises(IndexError):
        Counted()[row]


def test_other_rows_have_another_fingerprint() -> None:
    samples = Counted()
    assert samples[:3].fingerprint() == samples[0:3].fingerprint()
    assert samples[:3].fingerprint() != samples[1:4].fingerprint() != samples.fingerprint()
