"""The challenge's measures, and the file that its server takes, by hand."""

from __future__ import annotations

import dataclasses
import math

import pytest

from fetalseg_book.studies.challenge import challenge_measures
from fetalseg_lib.apply.submission import submission_csv
from fetalseg_lib.evaluation.biometry import HeadMeasurement, Status, measure_head
from fetalseg_lib.geometry import Ellipse, rasterize

SHAPE, SPACING = (270, 400), (0.25, 0.25)
HEAD = Ellipse(center_x=200, center_y=130, semi_major=120, semi_minor=95, angle=0.4)
FOUND = measure_head(rasterize(HEAD, SHAPE), pixel_spacing_mm=SPACING)


def measures(found: HeadMeasurement, reference: Ellipse = HEAD) -> dict[str, float]:
    hc_mm = reference.circumference * SPACING[0]
    mask = rasterize(reference, SHAPE)
    return challenge_measures(found, mask, reference_hc_mm=hc_mm, pixel_spacing_mm=SPACING)


def test_a_right_answer() -> None:
    found = measures(FOUND)
    assert found["adf_mm"] == abs(found["df_mm"]) < 0.1
    assert found["dsc"] > 0.999
    assert found["hd_mm"] < 0.3
    assert found["failed"] == 0


def test_the_sign_of_df_says_too_large_or_too_small() -> None:
    larger = Ellipse(center_x=200, center_y=130, semi_major=124, semi_minor=99, angle=0.4)
    by_hand = (larger.circumference - HEAD.circumference) * 0.25
    too_small = measures(FOUND, reference=larger)
    assert too_small["df_mm"] == pytest.approx(-by_hand, abs=0.1)
    assert too_small["adf_mm"] == pytest.approx(by_hand, abs=0.1)
    assert too_small["hd_mm"] == pytest.approx(4 * 0.25, abs=0.2)
    too_large = measures(measure_head(rasterize(larger, SHAPE), pixel_spacing_mm=SPACING))
    assert too_large["df_mm"] == pytest.approx(by_hand, abs=0.1)


def test_a_head_that_was_not_found_counts_in_full() -> None:
    found = measures(HeadMeasurement(status=Status.EMPTY))
    assert found["adf_mm"] == -found["df_mm"] == HEAD.circumference * 0.25
    assert found["dsc"] == 0
    assert found["hd_mm"] == math.hypot(270 * 0.25, 400 * 0.25)
    assert found["failed"] == 1


def test_an_ellipse_beside_the_image_was_measured_all_the_same() -> None:
    """It covers nothing; that is no failure to measure."""
    beside = dataclasses.replace(HEAD, center_x=-1000)
    head = HeadMeasurement(
        status=Status.CUT_BY_BORDER, ellipse_px=beside, ellipse_mm=beside.scaled(x=0.25, y=0.25)
    )
    found = measures(head)
    assert (found["dsc"], found["failed"]) == (0, 0)
    assert found["df_mm"] == pytest.approx(0)


@pytest.mark.parametrize("hc_mm", [0.0, -1.0, math.nan, math.inf])
def test_bad_reference_is_named(hc_mm: float) -> None:
    with pytest.raises(ValueError, match="reference_hc_mm: expected"):
        challenge_measures(FOUND, rasterize(HEAD, SHAPE), reference_hc_mm=hc_mm, pixel_spacing_mm=SPACING)


def test_the_file_by_hand() -> None:
    lines = submission_csv({"b.png": FOUND, "a.png": FOUND}).splitlines()
    assert lines[0] == "filename,center_x_mm,center_y_mm,semi_axes_a_mm,semi_axes_b_mm,angle_rad"
    assert [line.split(",")[0] for line in lines[1:]] == ["a.png", "b.png"]
    values = [float(value) for value in lines[1].split(",")[1:]]
    assert values == pytest.approx([50, 32.5, 30, 23.75, 0.4], abs=0.02)


def test_an_upward_axis_has_an_angle_between_zero_and_pi() -> None:
    up = Ellipse(center_x=200, center_y=130, semi_major=120, semi_minor=95, angle=-0.4)
    found = measure_head(rasterize(up, SHAPE), pixel_spacing_mm=SPACING)
    angle = float(submission_csv({"a.png": found}).splitlines()[1].split(",")[-1])
    assert angle == pytest.approx(math.pi - 0.4, abs=0.01)


def test_a_head_that_was_not_found_is_named() -> None:
    answers = {"a.png": FOUND, "b.png": HeadMeasurement(status=Status.EMPTY)}
    with pytest.raises(ValueError, match=r"got none for b\.png; look at these images"):
        submission_csv(answers)
