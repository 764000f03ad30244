"""Head measurement against ellipses whose size is known, and against the annotations of HC18."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.measure import find_contours

from fetalseg_lib.evaluation import biometry
from fetalseg_lib.evaluation.biometry import HeadMeasurement, Status, measure_head
from fetalseg_lib.geometry import Ellipse, fit_ellipse, rasterize

NATIVE, NETWORK = (540, 800), (256, 256)


def random_heads(n: int, seed: int) -> list[Ellipse]:
    """Ellipses wholly inside a native frame, from small to large, in every direction."""
    generator = np.random.default_rng(seed)
    heads: list[Ellipse] = []
    while len(heads) < n:
        semi_major = generator.uniform(60, 300)
        head = Ellipse(
            center_x=generator.uniform(0.3, 0.7) * NATIVE[1],
            center_y=generator.uniform(0.3, 0.7) * NATIVE[0],
            semi_major=semi_major,
            semi_minor=semi_major * generator.uniform(0.65, 0.95),
            angle=generator.uniform(-math.pi / 2, math.pi / 2),
        )
        x, y = head.points(100).T
        if x.min() > 4 and y.min() > 4 and x.max() < NATIVE[1] - 5 and y.max() < NATIVE[0] - 5:
            heads.append(head)
    return heads


def at_network_size(head: Ellipse) -> NDArray[np.bool_]:
    """The head as a network sees it: squeezed to 256x256, half-pixel centres, then rasterised."""
    row, column = NETWORK[0] / NATIVE[0], NETWORK[1] / NATIVE[1]
    points = (head.points(400) + 0.5) * [column, row] - 0.5
    return rasterize(fit_ellipse(points), NETWORK)


def relative_errors(heads: list[Ellipse], measured: list[HeadMeasurement], *, scale: float) -> Any:
    return np.array([m.hc_mm / (h.circumference * scale) - 1 for h, m in zip(heads, measured, strict=True)])


def test_no_bias_through_the_anisotropic_resize() -> None:
    heads = random_heads(200, seed=7)
    probabilities = [
        cv2.resize(at_network_size(head).astype(np.float32), NATIVE[::-1], interpolation=cv2.INTER_LINEAR)
        for head in heads
    ]
    measured = [measure_head(probability, pixel_spacing_mm=(0.2, 0.2)) for probability in probabilities]
    errors = relative_errors(heads, measured, scale=0.2)
    assert abs(errors.mean()) < 0.0005  # 0.05 px in 100 px of circumference
    assert np.abs(errors).max() < 0.005


def test_no_bias_when_measured_on_the_squeezed_grid_itself() -> None:
    heads = random_heads(200, seed=8)
    spacing = (0.2 * NATIVE[0] / NETWORK[0], 0.2 * NATIVE[1] / NETWORK[1])
    measured = [measure_head(at_network_size(head), pixel_spacing_mm=spacing) for head in heads]
    errors = relative_errors(heads, measured, scale=0.2)
    assert abs(errors.mean()) < 0.0005
    assert np.abs(errors).max() < 0.005


def test_every_number_of_a_known_head() -> None:
    head = Ellipse(center_x=300, center_y=250, semi_major=180, semi_minor=140, angle=-0.6)
    found = measure_head(rasterize(head, NATIVE), pixel_spacing_mm=(0.1, 0.1))
    assert found.status is Status.MEASURED
    assert found.measured
    assert found.ellipse_px is not None
    assert found.ellipse_px.center_x == pytest.approx(300, abs=0.1)
    assert found.ellipse_px.center_y == pytest.approx(250, abs=0.1)
    assert found.ellipse_px.angle == pytest.approx(-0.6, abs=0.005)
    assert found.hc_mm == pytest.approx(head.circumference * 0.1, abs=0.02)
    assert found.ofd_mm == pytest.approx(36, abs=0.02)
    assert found.bpd_mm == pytest.approx(28, abs=0.02)
    assert found.cephalic_index == pytest.approx(100 * 140 / 180, abs=0.1)


def test_a_circle_in_mm_stays_one_on_anisotropic_pixels() -> None:
    on_screen = Ellipse(center_x=128, center_y=128, semi_major=100, semi_minor=50, angle=0)
    found = measure_head(rasterize(on_screen, NETWORK), pixel_spacing_mm=(0.4, 0.2))
    assert found.cephalic_index == pytest.approx(100, abs=0.5)
    assert found.hc_mm == pytest.approx(2 * math.pi * 20, rel=0.002)


@given(seed=st.integers(0, 2**32 - 1), smooth=st.sampled_from([1, 3, 9]), share=st.floats(0.2, 0.8))
def test_the_contour_is_the_outer_one_of_marching_squares(seed: int, smooth: int, share: float) -> None:
    """Maps with holes, with pixels that touch at corners, and cut by the border."""
    noise = cv2.blur(np.random.default_rng(seed).random((20, 30)), (smooth, smooth))
    component = biometry._largest_component(
        (noise - np.quantile(noise, share) + 0.4999).clip(0, 1).astype("f4")
    )
    assume(component is not None)
    assert component is not None
    lines = find_contours(component.probability, 0.5)  # type: ignore[no-untyped-call]
    arcs = [line for line in lines if (line[0] != line[-1]).any()]
    around = max(lines, key=lambda line: np.ptp(line, axis=0).sum(), default=np.empty((1, 2)))
    expected = np.concatenate(arcs) if arcs else around[:-1]
    found = biometry._contour_points(component.probability)
    assert set(map(tuple, found.round(9))) == set(map(tuple, expected[:, ::-1].round(9)))


# Pitfalls


def test_pitfall_a_contour_through_pixel_centres_is_too_short() -> None:
    head = Ellipse(center_x=128, center_y=128, semi_major=90, semi_minor=70, angle=0.3)
    mask = rasterize(head, NETWORK)
    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    through_centres = fit_ellipse(lines[0][:, 0]).circumference
    assert through_centres - head.circumference < -2
    found = measure_head(mask, pixel_spacing_mm=(1.0, 1.0))
    assert found.hc_mm == pytest.approx(head.circumference, abs=0.3)


def test_pitfall_a_stray_component_and_a_hole_change_nothing() -> None:
    head = rasterize(Ellipse(center_x=128, center_y=128, semi_major=90, semi_minor=70, angle=0), NETWORK)
    clean = measure_head(head, pixel_spacing_mm=(1.0, 1.0))
    head[5:20, 5:20] = True
    head[100:140, 100:150] = False
    assert measure_head(head, pixel_spacing_mm=(1.0, 1.0)) == clean


def test_pitfall_the_image_border_is_no_skull() -> None:
    for center_x in (60, 200):  # cut on the left, cut on the right
        head = Ellipse(center_x=center_x, center_y=128, semi_major=90, semi_minor=70, angle=0.2)
        found = measure_head(rasterize(head, NETWORK), pixel_spacing_mm=(1.0, 1.0))
        assert found.status is Status.CUT_BY_BORDER
        assert found.measured
        assert found.hc_mm == pytest.approx(head.circumference, rel=0.002)
    tall = Ellipse(center_x=128, center_y=40, semi_major=90, semi_minor=70, angle=math.pi / 2)
    both_ends = measure_head(rasterize(tall, (80, 256)), pixel_spacing_mm=(1.0, 1.0))  # two open arcs
    assert both_ends.hc_mm == pytest.approx(tall.circumference, rel=0.02)


def test_a_probability_places_the_contour_between_pixels() -> None:
    """The 0.5 level of a ramp: moving it by a fraction of a pixel must show, which no mask can show."""
    y, x = np.mgrid[:200, :200] - 100.0

    def soft_disc(radius: float) -> NDArray[np.float64]:
        return np.asarray(np.clip(radius - np.hypot(x, y) + 0.5, 0, 1))

    lengths = [measure_head(soft_disc(r), pixel_spacing_mm=(1.0, 1.0)).hc_mm for r in (60.0, 60.25)]
    assert lengths[0] == pytest.approx(2 * math.pi * 60, abs=0.1)
    assert lengths[1] - lengths[0] == pytest.approx(2 * math.pi * 0.25, abs=0.1)


# Named results


def band(top: int, height: int) -> NDArray[np.bool_]:
    mask = np.zeros(NETWORK, dtype=bool)
    mask[top : top + height, 40:200] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "status"),
    [
        pytest.param(np.zeros(NETWORK, dtype=bool), Status.EMPTY, id="empty"),
        pytest.param(np.full(NETWORK, 0.5), Status.EMPTY, id="undecided everywhere"),
        pytest.param(np.pad([[True, True]], 20), Status.TOO_FEW_POINTS, id="two pixels"),
        pytest.param(np.ones(NETWORK, dtype=bool), Status.TOO_FEW_POINTS, id="whole image"),
        pytest.param(np.ones((1, 1), dtype=bool), Status.TOO_FEW_POINTS, id="image of one pixel"),
        pytest.param(band(100, 1), Status.SLIVER, id="line"),
        pytest.param(band(100, 12), Status.SLIVER, id="band"),
        pytest.param(np.eye(200, dtype=bool)[:, ::-1], Status.TOO_FEW_POINTS, id="diagonal line"),
    ],
)
def test_what_cannot_be_measured_has_a_name(mask: NDArray[np.bool_], status: Status) -> None:
    found = measure_head(mask, pixel_spacing_mm=(1.0, 1.0))
    assert found.status is status
    assert not found.measured
    assert found.ellipse_px is None
    assert all(math.isnan(value) for value in (found.hc_mm, found.bpd_mm, found.ofd_mm, found.cephalic_index))


def test_half_planes_and_noise_never_crash() -> None:
    generator = np.random.default_rng(0)
    for row in range(0, 200, 7):
        half = np.arange(256)[:, None] * np.ones(256) + generator.normal(0, 3, NETWORK) < row
        assert measure_head(half, pixel_spacing_mm=(1.0, 1.0)).status in set(Status)
    for share in np.linspace(0, 1, 30):
        noise = generator.random((30, 40)) < share
        found = measure_head(noise, pixel_spacing_mm=(1.0, 1.0))
        assert found.measured == math.isfinite(found.hc_mm)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(np.full(NETWORK, 2.5), "logits need a sigmoid", id="logits"),
        pytest.param(np.full(NETWORK, -0.1), "logits need a sigmoid", id="negative"),
        pytest.param(np.full(NETWORK, np.nan), "got values from nan", id="NaN"),
        pytest.param(np.zeros(NETWORK, dtype=np.uint8), "compare labels with 0", id="uint8"),
        pytest.param(np.zeros((1, 4, 4), dtype=bool), r"shape \(H, W\)", id="three axes"),
        pytest.param(np.zeros((0, 4), dtype=bool), r"shape \(H, W\)", id="no pixels"),
        pytest.param([[0.1]], "got list", id="list"),
    ],
)
def test_bad_input_is_named(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure_head(given, pixel_spacing_mm=(1.0, 1.0))


def test_bad_spacing_is_named() -> None:
    with pytest.raises(ValueError, match="pixel_spacing_mm: expected two positive"):
        measure_head(np.zeros(NETWORK, dtype=bool), pixel_spacing_mm=(1.0, -1.0))


@pytest.mark.hc18
def test_hc18_annotations_give_the_circumference_of_the_table() -> None:
    """Outline, fitted and filled, measured again: a share of the images, the same on every run."""
    root = os.environ.get("FETALSEG_HC18")
    if not root:
        pytest.skip("FETALSEG_HC18 is not set: no annotations to measure")
    table = pd.read_csv(Path(root) / "training_set_pixel_size_and_HC.csv")
    table.columns = pd.Index(["name", "pixel_mm", "hc_mm"])
    spread = table.sort_values("hc_mm").iloc[::20]  # all sizes of head
    cut = table[table["name"].isin(["186_HC.png", "346_HC.png", "628_2HC.png", "787_HC.png"])]
    for row in pd.concat([spread, cut]).itertuples():
        name = str(row.name).replace(".png", "_Annotation.png")
        annotation = cv2.imread(str(Path(root) / "training_set" / name), cv2.IMREAD_GRAYSCALE)
        y, x = np.nonzero(annotation)
        head = rasterize(fit_ellipse(np.column_stack([x, y])), annotation.shape)
        found = measure_head(head, pixel_spacing_mm=(row.pixel_mm, row.pixel_mm))
        assert found.hc_mm == pytest.approx(row.hc_mm, abs=0.1), row.name
        assert (found.status is Status.CUT_BY_BORDER) == (row.name in set(cut["name"])), row.name
