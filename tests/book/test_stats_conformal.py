"""Conformal intervals: quantiles by hand, and coverage on heads whose errors cluster in exams."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fetalseg_book.stats import ConformalInterval, calibrate, coverage

Heads = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]


def heads(exams: int, generator: np.random.Generator) -> Heads:
    """Measured and true circumferences: large exams have large errors, and an exam shares most of its own."""
    sizes = generator.choice([1, 6], size=exams, p=[0.7, 0.3])
    exam = np.repeat(np.arange(exams), sizes)
    truth = generator.uniform(60, 340, exams)[exam]
    spread = np.where(sizes == 6, 5.0, 1.5)[exam]
    error = spread * (0.9 * generator.normal(size=exams)[exam] + 0.44 * generator.normal(size=len(exam)))
    return truth + error, truth, exam


def test_without_clusters_it_is_split_conformal_prediction() -> None:
    """Nineteen exams of one image at 90 %: the smallest error with rank 18 = ceil(0.9 * 20)."""
    errors = np.arange(1.0, 20.0)
    found = calibrate(100 + errors, np.full(19, 100.0), np.arange(19), level=0.9)
    assert found.half_widths_mm == (18.0,)
    assert found.exams == (19,)


def test_an_exam_counts_once_however_many_images_it_has() -> None:
    """Three exams of errors 1, 2 and 3, the last with seven images: weights 1/4 each."""
    errors, exam = np.array([1.0, 2.0] + [3.0] * 7), np.array([5, 6] + [7] * 7)
    assert calibrate(100 + errors, np.full(9, 100.0), exam, level=0.5).half_widths_mm == (2.0,)
    as_if_independent = calibrate(100 + errors, np.full(9, 100.0), np.arange(9), level=0.5)
    assert as_if_independent.half_widths_mm == (3.0,)


def test_coverage_holds_for_an_image_of_a_new_exam() -> None:
    generator = np.random.default_rng(0)
    hits, naive_hits = [], []
    for _ in range(400):
        predicted, truth, exam = heads(40, generator)
        new_predicted, new_truth, new_exam = heads(20, generator)
        error = np.abs(new_predicted - new_truth)
        for exams, found in ((exam, hits), (np.arange(len(exam)), naive_hits)):
            width = calibrate(predicted, truth, exams, level=0.8).half_widths_mm[0]
            inside = np.bincount(new_exam, error <= width) / np.bincount(new_exam)
            found.append(inside.mean())
    assert 0.795 < np.mean(hits) < 0.84  # at least the level, and not much more
    assert np.mean(naive_hits) > 0.86  # large exams with large errors outvote the rest


def test_size_classes_keep_the_level_each_by_itself() -> None:
    generator = np.random.default_rng(1)
    truth = generator.uniform(60, 340, 4000)
    predicted = truth + generator.normal(0, 0.02 * truth)  # the error grows with the head
    exam, trimester = np.arange(4000), np.digitize(truth, [100, 245])
    first, second = slice(0, 2000), slice(2000, 4000)
    options: dict[str, Any] = {"groups": trimester[second]}
    one = calibrate(predicted[first], truth[first], exam[first], level=0.9)
    three = calibrate(predicted[first], truth[first], exam[first], level=0.9, edges_mm=(100.0, 245.0))
    flat, cut = (
        coverage(interval, predicted[second], truth[second], exam[second], **options).set_index("group")
        for interval in (one, three)
    )
    assert flat.loc["all", "coverage"] == pytest.approx(0.9, abs=0.02)
    assert flat.loc["0", "coverage"] > 0.98  # right on average, wrong for small and for large heads
    assert flat.loc["2", "coverage"] < 0.85
    assert cut["coverage"].tolist() == pytest.approx([0.9] * 4, abs=0.05)
    assert list(three.half_widths_mm) == sorted(three.half_widths_mm)


def test_coverage_by_hand() -> None:
    """Two exams of two images: one half covered, the other wholly; a failure is not covered."""
    interval = ConformalInterval(level=0.9, edges_mm=(), half_widths_mm=(2.0,), exams=(50,))
    predicted, truth = [100.0, 100.0, 100.0, 100.0, np.nan], [101.0, 103.0, 100.0, 98.0, 100.0]
    table = coverage(interval, predicted, truth, [1, 1, 2, 2, 3], groups=["x", "x", "y", "y", "y"])
    table = table.set_index("group")
    assert table["coverage"].to_dict() == pytest.approx({"all": 0.5, "x": 0.5, "y": 0.5})
    assert table["exams"].to_dict() == {"all": 3, "x": 1, "y": 2}
    assert table["failures"].to_dict() == {"all": 1, "x": 0, "y": 1}
    assert (table["low"] < table["coverage"]).all()
    assert (table["high"] > table["coverage"]).all()


def test_failures_take_no_part_in_the_calibration() -> None:
    predicted, truth, exam = heads(40, np.random.default_rng(2))
    whole = calibrate(predicted, truth, exam, level=0.8)
    more = calibrate(np.append(predicted, np.nan), np.append(truth, 200), np.append(exam, 99), level=0.8)
    assert whole == more


def test_the_half_width_goes_by_the_measured_size() -> None:
    interval = ConformalInterval(level=0.9, edges_mm=(100.0,), half_widths_mm=(2.0, 5.0), exams=(30, 30))
    assert interval.half_width([99.0, 100.0, 180.0]).tolist() == [2, 5, 5]
    assert interval.describe(99.4) == "HC 99 ± 2 mm, 90 %"


GOOD: Heads = (np.arange(100.0, 120.0), np.full(20, 110.0), np.arange(20))


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        pytest.param(GOOD, {"level": 90}, "level: expected", id="level in percent"),
        pytest.param(GOOD, {"edges_mm": (245.0, 100.0)}, "edges_mm: expected rising", id="falling edges"),
        pytest.param(GOOD, {"edges_mm": (105.0,)}, "at least 9 in each size class", id="small class"),
        pytest.param(GOOD, {"level": 0.99}, "at least 99", id="too few exams"),
        pytest.param((GOOD[0][:-1], *GOOD[1:]), {}, "expected one value each", id="lengths differ"),
        pytest.param(([], [], []), {}, "expected one value each", id="nothing"),
        pytest.param(
            (GOOD[0], GOOD[1] * np.nan, GOOD[2]), {}, "reference_mm: expected positive", id="no truth"
        ),
    ],
)
def test_bad_input_is_named(data: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibrate(*data, **options)
