"""Overlap and distance metrics against values worked out by hand, and against the pitfalls of the field."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from fetalseg_lib.evaluation import surface
from fetalseg_lib.evaluation.metrics import segmentation_metrics
from fetalseg_lib.geometry import Ellipse, rasterize

Mask = NDArray[np.bool_]
SHAPE = (40, 60)
EMPTY = np.zeros(SHAPE, dtype=bool)
DISTANCES = ("hd_mm", "hd95_mm", "assd_mm")


def box(top: int, left: int, height: int, width: int) -> Mask:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[top : top + height, left : left + width] = True
    return mask


def disc(radius: float) -> Mask:
    circle = Ellipse(center_x=100, center_y=100, semi_major=radius, semi_minor=radius, angle=0)
    return rasterize(circle, (200, 200))


def measure(
    prediction: Mask, reference: Mask, spacing: tuple[float, float] = (1.0, 1.0), **options: float
) -> dict[str, float]:
    return segmentation_metrics(prediction, reference, pixel_spacing_mm=spacing, **options)


def test_overlap_by_hand() -> None:
    found = measure(box(10, 10, 10, 20), box(10, 15, 10, 20))  # 200 px each, 150 px in common
    assert found["dice"] == 300 / 400
    assert found["iou"] == 150 / 250
    assert found["precision"] == found["recall"] == 150 / 200


def test_precision_and_recall_are_not_swapped() -> None:
    found = measure(box(10, 10, 10, 10), box(10, 10, 10, 20))
    assert found["precision"] == 1
    assert found["recall"] == 0.5


@pytest.mark.parametrize(("shift", "mm"), [((3, 0), 1.5), ((0, 3), 0.6)], ids=["rows", "columns"])
def test_spacing_is_rows_then_columns(shift: tuple[int, int], mm: float) -> None:
    reference = box(10, 10, 12, 20)
    found = measure(np.roll(reference, shift, axis=(0, 1)), reference, spacing=(0.5, 0.2))
    assert found["hd_mm"] == pytest.approx(mm)


def test_concentric_discs_are_as_far_apart_as_their_radii() -> None:
    found = measure(disc(60), disc(52), spacing=(0.5, 0.5))
    for name in DISTANCES:
        assert found[name] == pytest.approx(8 * 0.5, abs=0.25), name  # half a pixel of rasterisation
    assert measure(disc(60), disc(52), spacing=(0.5, 0.5), nsd_tolerance_mm=3.5)["nsd"] == 0
    assert measure(disc(60), disc(52), spacing=(0.5, 0.5), nsd_tolerance_mm=4.5)["nsd"] == 1


def test_outline_of_a_pixel_and_of_a_box_by_hand() -> None:
    def length(mask: Mask, spacing: tuple[float, float]) -> float:
        return float(surface.outline(mask, pixel_spacing_mm=spacing).lengths.sum())

    # a diamond; and a box whose corners are cut by half a pixel each way
    assert length(box(5, 5, 1, 1), (0.6, 0.8)) == pytest.approx(4 * 0.5)
    assert length(box(5, 5, 4, 10), (0.6, 0.8)) == pytest.approx(2 * 3 * 0.6 + 2 * 9 * 0.8 + 4 * 0.5)


# Pitfalls, by the names under which the literature knows them


def test_pitfall_empty_prediction_is_a_failure_that_counts_not_a_nan() -> None:
    for prediction, reference in ((EMPTY, box(5, 5, 10, 10)), (box(5, 5, 10, 10), EMPTY)):
        found = measure(prediction, reference, spacing=(0.3, 0.4))
        diagonal = math.hypot(40 * 0.3, 60 * 0.4)
        assert [found[name] for name in ("dice", "iou", "precision", "recall", "nsd")] == [0] * 5
        assert [found[name] for name in DISTANCES] == pytest.approx([diagonal] * 3)
        assert found["one_empty"] == 1


def test_pitfall_both_empty_is_agreement() -> None:
    found = measure(EMPTY, EMPTY)
    assert [found[name] for name in ("dice", "iou", "precision", "recall", "nsd")] == [1] * 5
    assert [found[name] for name in (*DISTANCES, "one_empty")] == [0] * 4


def test_pitfall_no_overlap_still_has_distances() -> None:
    found = measure(box(5, 5, 8, 8), box(5, 35, 8, 8))
    assert found["dice"] == 0
    assert found["hd_mm"] == pytest.approx(30)
    assert found["one_empty"] == 0


def test_pitfall_overlap_cannot_see_where_an_error_lies() -> None:
    reference = box(10, 10, 20, 30)
    near, far = reference.copy(), reference.copy()
    near[15:17, 40] = True
    far[15:17, 58] = True
    assert measure(near, reference)["dice"] == measure(far, reference)["dice"]
    assert measure(near, reference)["hd_mm"] < 2 < 18 < measure(far, reference)["hd_mm"]


def test_pitfall_one_stray_pixel_rules_hd_but_not_hd95() -> None:
    reference = box(10, 10, 20, 30)
    speckled = reference.copy()
    speckled[20, 55] = True  # its outline is 2.8 of 98 px
    found = measure(speckled, reference)
    assert found["hd_mm"] == pytest.approx(15.5, abs=0.5)  # from 39.5 to the pixel at 55
    assert found["hd95_mm"] == 0


def test_pitfall_hd95_is_the_worse_direction_not_a_percentile_of_both_together() -> None:
    """A missed speck is 7 % of the reference's outline, but only 4 % of both outlines together."""
    found = measure(box(10, 10, 10, 10), box(10, 10, 10, 10) | box(15, 50, 1, 1))
    assert found["hd95_mm"] == pytest.approx(30.5, abs=0.5)  # from 19.5 to the speck at 50


def test_pitfall_elements_are_weighted_by_length_not_counted() -> None:
    """Tall pixels: each upright side has a tenth of the elements of a flat side, but twice the length."""
    spacing = (1.0, 0.1)
    reference, wider = np.zeros((2, 40, 200), dtype=bool)
    reference[10:30, 50:150] = True
    wider[10:30, 40:160] = True  # both upright sides 1 mm out
    upright, flat = 19.0, 9.9
    overhang = 1.0
    flat_share = (2 * flat + 2 * (flat + overhang)) / (4 * upright + 4 * flat + 4 * overhang)
    found = measure(wider, reference, spacing=spacing, nsd_tolerance_mm=0.5)
    assert found["nsd"] == pytest.approx(flat_share, abs=0.03)  # counting elements would give 0.87
    assert found["hd95_mm"] == pytest.approx(1, abs=0.01)


def test_pitfall_the_image_border_closes_the_outline() -> None:
    head = rasterize(Ellipse(center_x=20, center_y=4, semi_major=30, semi_minor=15, angle=0.2), SHAPE)
    moved = rasterize(Ellipse(center_x=23, center_y=6, semi_major=30, semi_minor=15, angle=0.2), SHAPE)
    inside = measure(moved, head, spacing=(0.5, 0.4))
    padded = measure(np.pad(moved, 7), np.pad(head, 7), spacing=(0.5, 0.4))
    assert inside == pytest.approx(padded)
    full = np.ones(SHAPE, dtype=bool)
    assert surface.outline(full, pixel_spacing_mm=(1.0, 1.0)).lengths.sum() == pytest.approx(
        2 * 39 + 2 * 59 + 2 * math.sqrt(2)
    )


def test_pitfall_a_hole_is_part_of_the_outline() -> None:
    reference = box(5, 5, 30, 30)
    holed = reference.copy()
    holed[20, 20] = False
    found = measure(holed, reference)
    # the hole is a diamond about (20, 20), the outer outline ends at 34.5
    assert found["hd_mm"] == pytest.approx(14.5, abs=0.3)
    assert found["hd95_mm"] == 0


def test_every_component_counts() -> None:
    two = box(5, 5, 10, 10) | box(5, 40, 10, 10)
    found = measure(box(5, 5, 10, 10), two)
    assert found["recall"] == 0.5
    assert found["hd_mm"] == pytest.approx(35)


# Properties

masks = arrays(np.bool_, (7, 9))


@settings(max_examples=60, deadline=None)
@given(masks, masks)
def test_swapping_the_masks_swaps_only_precision_and_recall(one: Mask, other: Mask) -> None:
    there, back = measure(one, other), measure(other, one)
    assert there["precision"] == back["recall"]
    for name in ("dice", "iou", "nsd", "one_empty", *DISTANCES):
        assert there[name] == pytest.approx(back[name]), name


@settings(max_examples=60, deadline=None)
@given(masks, masks, st.floats(0.05, 20))
def test_every_value_is_finite_and_distances_scale_with_the_pixel(
    one: Mask, other: Mask, scale: float
) -> None:
    small = measure(one, other, spacing=(1.0, 2.0))
    large = measure(one, other, spacing=(scale, 2 * scale))
    assert all(math.isfinite(value) for value in small.values())
    assert small["assd_mm"] <= small["hd_mm"] * (1 + 1e-9)
    assert small["hd95_mm"] <= small["hd_mm"]
    assert 0 <= small["iou"] <= small["dice"] <= 1
    for name in DISTANCES:
        assert large[name] == pytest.approx(scale * small[name]), name


@settings(max_examples=40, deadline=None)
@given(masks)
def test_a_mask_agrees_with_itself(mask: Mask) -> None:
    found = measure(mask, mask)
    assert [found[name] for name in ("dice", "iou", "precision", "recall", "nsd")] == [1] * 5
    assert [found[name] for name in (*DISTANCES, "one_empty")] == [0] * 4


GOOD = box(5, 5, 10, 10)


@pytest.mark.parametrize(
    ("prediction", "reference", "spacing", "message"),
    [
        pytest.param(GOOD.astype(np.uint8), GOOD, (1, 1), "prediction: expected a bool", id="uint8"),
        pytest.param(GOOD, GOOD.astype(float), (1, 1), "reference: expected a bool", id="float"),
        pytest.param(GOOD[None], GOOD[None], (1, 1), r"shape \(H, W\)", id="three axes"),
        pytest.param(GOOD.tolist(), GOOD, (1, 1), "got list", id="list"),
        pytest.param(GOOD[:-1], GOOD, (1, 1), "native resolution", id="other shape"),
        pytest.param(GOOD, GOOD, (1, 0), "two positive numbers", id="zero spacing"),
        pytest.param(GOOD, GOOD, (1, math.nan), "two positive numbers", id="NaN spacing"),
        pytest.param(GOOD, GOOD, (1, 1, 1), "two positive numbers", id="three spacings"),
        pytest.param(GOOD, GOOD, 0.1, "two positive numbers", id="one spacing"),
    ],
)
def test_bad_input_is_named(prediction: Any, reference: Any, spacing: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        segmentation_metrics(prediction, reference, pixel_spacing_mm=spacing)


def test_bad_options_are_named() -> None:
    distances = surface.surface_distances(GOOD, GOOD, pixel_spacing_mm=(1.0, 1.0))
    with pytest.raises(ValueError, match="percentile: expected"):
        surface.hausdorff(distances, percentile=0)
    with pytest.raises(ValueError, match="tolerance_mm: expected"):
        surface.normalized_surface_distance(distances, tolerance_mm=-1)
