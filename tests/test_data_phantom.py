"""Phantoms: exactly known, the same every time, with HC18's sizes, and a head that can be seen."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fetalseg_lib.data import phantom
from fetalseg_lib.data.layout import exam_number
from fetalseg_lib.data.phantom.anatomy import CHART, draw_head, place_head
from fetalseg_lib.data.phantom.folder import draw_outline
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.geometry import Ellipse, fit_ellipse, rasterize
from fetalseg_lib.growth import HADLOCK_1984, INTERGROWTH_21ST

SIZE = (270, 400)


def _circumference_by_moments(sample: Sample) -> float:
    """Second moments of the mask and the series of the ellipse's perimeter: nothing of what drew it."""
    rows, columns = np.nonzero(sample.mask)  # type: ignore[arg-type]
    minor, major = 2 * np.sqrt(np.linalg.eigvalsh(np.cov(columns, rows)))
    t = np.linspace(0, 2 * math.pi, 20_001)
    steps = np.hypot(np.diff(major * np.cos(t)), np.diff(minor * np.sin(t)))
    return float(steps.sum()) * sample.pixel_size_mm


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return list(phantom.generate(14, seed=11, size=SIZE))


def test_the_circumference_is_that_of_the_mask(samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.hc_mm == pytest.approx(_circumference_by_moments(sample), rel=0.003)


def test_a_row_depends_on_seed_and_row_alone() -> None:
    few, many = phantom.generate(3, seed=4, size=(64, 96)), list(phantom.generate(12, seed=4, size=(64, 96)))
    for row in (2, 0, 2):
        one = few[row]
        assert (one.image == many[row].image).all()
        assert (one.hc_mm, one.name) == (many[row].hc_mm, many[row].name)
    other = phantom.generate(3, seed=5, size=(64, 96))[2]
    assert other.hc_mm != many[2].hc_mm
    assert (other.image != many[2].image).mean() > 0.3
    assert len({sample.image.tobytes() for sample in many}) == 12


def test_some_exams_have_two_images_of_one_head() -> None:
    samples = list(phantom.generate(14, seed=2, size=(64, 96)))
    names = [sample.name for sample in samples]
    assert len(set(names)) == 14
    assert [exam_number(name) for name in names] == [sample.exam for sample in samples]
    exams = pd.Series([sample.exam for sample in samples])
    assert exams.value_counts().value_counts().to_dict() == {1: 10, 2: 2}
    first, second = samples[5], samples[6]
    assert first.exam == second.exam
    assert first.hc_mm == pytest.approx(second.hc_mm)
    assert (first.image != second.image).mean() > 0.3


def test_sizes_are_those_of_hc18() -> None:
    """Against HC18's own numbers: the distribution of HC, and cephalic index and pixel size by band."""
    rows = []
    for k in range(1500):
        rng = np.random.default_rng(k)
        ellipse, pixel_size = place_head(rng, draw_head(rng, frame_height=540, weeks=None), size=(540, 800))
        index = 100 * ellipse.semi_minor / ellipse.semi_major
        rows.append((ellipse.circumference * pixel_size, pixel_size, index, math.degrees(ellipse.angle)))
    heads = pd.DataFrame(rows, columns=["hc", "pixel", "index", "angle"])
    assert heads["hc"].mean() == pytest.approx(174.4, abs=5)
    assert heads["hc"].std() == pytest.approx(65.3, abs=5)
    assert heads["hc"].quantile([0.05, 0.5, 0.95]).tolist() == pytest.approx([72, 174, 300], abs=7)
    assert heads["pixel"].quantile([0.05, 0.5, 0.95]).tolist() == pytest.approx(
        [0.065, 0.128, 0.241], rel=0.08
    )
    assert heads["angle"].std() == pytest.approx(23, abs=2.5)
    published = [(0.085, 82.6, 4.6), (0.135, 78.5, 4.2), (0.224, 79.8, 4.3)]
    bands = np.digitize(heads["hc"], [100, 245])
    for k, (pixel, mean, sd) in enumerate(published):
        band = heads[bands == k]
        assert band["pixel"].mean() == pytest.approx(pixel, rel=0.12)
        assert band["index"].mean() == pytest.approx(mean, abs=1)
        assert band["index"].std() == pytest.approx(sd, abs=0.8)


def test_the_head_is_that_of_its_age() -> None:
    rngs = (np.random.default_rng(k) for k in range(2000))
    heads = [draw_head(rng, frame_height=540, weeks=(20, 20)) for rng in rngs]
    hc = [
        Ellipse(
            center_x=0, center_y=0, semi_major=h.semi_major_mm, semi_minor=h.semi_minor_mm, angle=0
        ).circumference
        for h in heads
    ]
    z = (np.array(hc) - INTERGROWTH_21ST.mean_hc_mm(20)) / INTERGROWTH_21ST.sd_hc_mm(20)
    assert z.mean() == pytest.approx(0, abs=0.08)
    assert z.std() == pytest.approx(1, abs=0.06)
    assert {head.weeks for head in heads} == {20}


@pytest.mark.parametrize("weeks", [11, 12, 13, 14])
def test_the_chart_continued_downwards_stays_near_another_chart(weeks: float) -> None:
    """Below 14 weeks the phantoms' chart is an extrapolation; Hadlock's table begins at 12."""
    assert CHART.mean_hc_mm(weeks) == pytest.approx(HADLOCK_1984.mean_hc_mm(weeks), abs=8)


def test_ages_come_from_where_they_are_asked() -> None:
    ages = [
        sample.gestational_age_weeks for sample in phantom.generate(12, seed=0, size=(64, 96), weeks=(30, 32))
    ]
    assert all(30 <= age <= 32 for age in ages)
    assert len(set(ages)) == 11  # one of the twelve is an exam's second image


def test_the_head_lies_whole_within_the_frame(samples: list[Sample]) -> None:
    for sample in samples:
        mask = sample.mask
        assert mask is not None
        assert mask[1:-1, 1:-1].sum() == mask.sum()
        assert 0.02 < mask.mean() < 0.6


def test_one_sees_a_bright_skull_around_a_darker_head_in_a_black_frame(samples: list[Sample]) -> None:
    """Grey levels along the normal of the border, where the beam meets it squarely: top and bottom."""
    contrast = []
    for sample in samples:
        mask = sample.mask
        assert mask is not None
        column = int(np.nonzero(mask)[1].mean())
        rows = np.nonzero(mask[:, column])[0]
        window = sample.image[:, column - 6 : column + 7].astype(float)
        walls = max(
            window[rows[0] : rows[0] + 10].mean(1).max(), window[rows[-1] - 9 : rows[-1] + 1].mean(1).max()
        )
        contrast.append(walls / (1 + np.median(sample.image[mask])))
        assert 0.02 < (sample.image == 0).mean() < 0.7
        corners = sample.image[[0, 0], [0, -1]]
        assert (corners == 0).all() or sample.image[:3, :3].max() > 0
    assert np.median(contrast) > 3
    assert min(contrast) > 1.5


def test_a_smaller_frame_shows_the_same_field() -> None:
    large, small = (phantom.generate(2, seed=0, size=size)[1] for size in ((540, 800), (270, 400)))
    assert small.hc_mm == pytest.approx(large.hc_mm)
    assert small.pixel_size_mm == pytest.approx(2 * large.pixel_size_mm, rel=1e-6)


def test_the_fingerprint_follows_the_settings_and_the_code() -> None:
    first = phantom.generate(4, seed=0).fingerprint()
    assert phantom.generate(4, seed=0).fingerprint() == first
    for other in (
        phantom.generate(5, seed=0),
        phantom.generate(4, seed=1),
        phantom.generate(4, seed=0, size=SIZE),
    ):
        assert other.fingerprint() != first
    assert len(str(first["code_sha256"])) == 64


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        pytest.param({"n": -1}, "n: expected 0 or more, got -1", id="n"),
        pytest.param({"seed": -1}, "seed: expected 0 or more, got -1", id="seed"),
        pytest.param({"size": (8, 800)}, r"size: expected .* of 32 or more, got \(8, 800\)", id="size"),
        pytest.param({"size": (100,)}, "size: expected", id="one side"),
        pytest.param(
            {"weeks": (10, 20)}, r"weeks: expected .* within 11 to 40, got \(10, 20\)", id="too early"
        ),
        pytest.param({"weeks": (38, 41)}, "weeks: expected", id="too late"),
        pytest.param({"weeks": (30, 20)}, "weeks: expected", id="backwards"),
        pytest.param({"weeks": (math.nan, 20)}, "weeks: expected", id="no age"),
        pytest.param(
            {"without": ["skin"]}, "without: expected some of speckle, .*; got skin", id="ingredient"
        ),
    ],
)
def test_bad_settings_are_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        phantom.generate(**({"n": 1, "seed": 0} | bad))


@pytest.mark.parametrize("center_x", [100.0, 20.0], ids=["whole", "cut by the border"])
def test_the_outline_is_that_of_the_ellipse(center_x: float) -> None:
    head = Ellipse(center_x=center_x, center_y=70, semi_major=60, semi_minor=45, angle=0.4)
    outline = draw_outline(rasterize(head, (150, 220)))
    assert set(np.unique(outline)) == {0, 255}
    rows, columns = np.nonzero(outline)
    found = fit_ellipse(np.stack([columns, rows], axis=1))
    assert found.circumference == pytest.approx(head.circumference, rel=0.006)
    assert (found.center_x, found.center_y) == pytest.approx((head.center_x, head.center_y), abs=0.5)


def test_only_labelled_samples_can_be_written(tmp_path: Path, samples: list[Sample]) -> None:
    sample = samples[0]
    bare = Sample(image=sample.image, mask=None, pixel_size_mm=0.1, hc_mm=None, exam=0, name="000_HC.png")
    with pytest.raises(ValueError, match=r"expected a mask and hc_mm with each, got none with 000_HC\.png"):
        phantom.write_folder([bare], tmp_path)
