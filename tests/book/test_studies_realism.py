"""What is measured on real images and phantoms alike, held against images made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter1d

from fetalseg_book.studies.realism import __main__ as command
from fetalseg_book.studies.realism.classifier import (
    REGIONS,
    SIDE,
    deal,
    encode,
    fit_logistic,
    logit_map,
    take_patches,
    tell_apart,
)
from fetalseg_book.studies.realism.measures import (
    HeadImage,
    grey_shares,
    measure,
    phantom_images,
    skull_peaks,
)
from fetalseg_book.studies.realism.texture import correlation_width, measure_texture, tiles
from fetalseg_book.studies.spread import spread_rows
from fetalseg_lib.data import hc18, phantom, splits
from fetalseg_lib.geometry import Ellipse
from fetalseg_lib.models.encoder import MobileNetV2Encoder
from fetalseg_lib.models.weights import resolve_encoder_weights

RESULTS = Path(__file__).parents[2] / "results" / "phantom"
CIRCLE = Ellipse(center_x=199.5, center_y=149.5, semi_major=100, semi_minor=100, angle=0.3)


def _picture(image: np.ndarray, ellipse: Ellipse = CIRCLE, *, pixel_size_mm: float = 0.1) -> HeadImage:
    hc_mm = ellipse.circumference * pixel_size_mm
    return HeadImage(image=image, ellipse=ellipse, pixel_size_mm=pixel_size_mm, hc_mm=hc_mm, exam="real 1")


def _angle_from_down() -> np.ndarray:
    """At each pixel of 300 by 400, the direction from the circle's centre, in degrees from straight down."""
    rows, columns = np.mgrid[:300, :400]
    return np.degrees(np.abs(np.arctan2(columns - CIRCLE.center_x, rows - CIRCLE.center_y)))


def _ring(brightness: np.ndarray) -> np.ndarray:
    """A ring three pixels wide on the circle, of the given brightness, on black."""
    rows, columns = np.mgrid[:300, :400]
    radius = np.hypot(columns - CIRCLE.center_x, rows - CIRCLE.center_y)
    return np.where(np.abs(radius - 100) <= 1.5, brightness, 0).astype(np.uint8)


# The skull


def test_the_skulls_brightness_is_read_by_the_angle_of_its_normal() -> None:
    peaks = skull_peaks(_picture(_ring(20 + _angle_from_down())))
    np.testing.assert_allclose(peaks, 20 + np.arange(7.5, 180, 15), atol=2.5)


def test_a_wall_that_leaves_the_image_is_not_counted() -> None:
    image = _ring(np.full((300, 400), 200.0))[:149]  # the lower half is cut off, and the sides with it
    peaks = skull_peaks(_picture(image))
    assert np.isnan(peaks[:5]).all()
    np.testing.assert_allclose(peaks[8:], 200, atol=1)


def test_of_a_tilted_ellipse_the_lower_end_faces_down() -> None:
    upright = Ellipse(center_x=150, center_y=150, semi_major=110, semi_minor=60, angle=np.pi / 2 - 1e-9)
    image = np.zeros((300, 300), np.uint8)
    image[255:266, 145:156] = 240
    assert np.nanargmax(skull_peaks(_picture(image, upright))) == 0


# The grain


@pytest.mark.parametrize(("axis", "sd"), [(0, 1.5), (0, 3.0), (1, 2.0), (1, 4.0)])
def test_smoothed_noise_has_the_width_that_theory_gives(axis: int, sd: float) -> None:
    """The autocorrelation of a Gaussian filter of SD s is a Gaussian of SD s√2: half as high at ±1.665 s."""
    noise = np.random.default_rng(0).standard_normal((10, 64, 64))
    widths = [correlation_width(gaussian_filter1d(patch, sd, axis=axis), axis=axis) for patch in noise]
    assert np.mean(widths) == pytest.approx(2 * np.sqrt(np.log(2)) * 2 * sd, rel=0.08)


def test_an_even_patch_has_no_width() -> None:
    assert np.isnan(correlation_width(np.full((64, 64), 7.0), axis=0))


def test_speckle_is_mean_over_sd() -> None:
    noise = np.random.default_rng(1).normal(100, 10, (300, 400))
    texture = measure_texture(noise.round().astype(np.uint8), np.ones(noise.shape, bool))
    assert texture.snr == pytest.approx(10, rel=0.05)


def test_windows_with_a_border_do_not_count_as_even() -> None:
    noise = np.random.default_rng(2).normal(100, 10, (128, 128))
    noise[:, 53:75] += 100  # a bright band through every other window
    texture = measure_texture(noise.round().astype(np.uint8), np.ones(noise.shape, bool))
    assert texture.snr == pytest.approx(10, rel=0.1)


def test_a_region_too_small_for_a_patch_has_no_texture() -> None:
    where = np.zeros((100, 100), bool)
    where[:20, :20] = True
    texture = measure_texture(np.full((100, 100), 50, np.uint8), where)
    assert np.isnan([texture.snr, texture.axial_px, texture.lateral_px]).all()


def test_tiles_stay_within_the_region() -> None:
    where = np.zeros((64, 96), bool)
    where[:, 32:] = True
    found = tiles(np.where(where, 9, 1).astype(np.uint8), where, side=16)
    assert found
    assert all((tile == 9).all() for tile in found)


# One image


def test_a_drawn_head_is_measured_as_drawn() -> None:
    ellipse = Ellipse(center_x=200, center_y=150, semi_major=120, semi_minor=90, angle=0)
    picture = _picture(np.zeros((300, 400), np.uint8), ellipse, pixel_size_mm=0.2)
    image = np.where(picture.head, 80, 0).astype(np.uint8)
    row = measure([_picture(image, ellipse, pixel_size_mm=0.2)]).iloc[0]
    assert row["cephalic_index"] == pytest.approx(0.75)
    assert row["head_share"] == pytest.approx(np.pi * 120 * 90 / (300 * 400), rel=1e-3)
    assert row["zero_share"] == pytest.approx(1 - row["head_share"])
    assert (row["grey_inside"], row["grey_outside"], row["grey_levels"]) == (80, 0, 2)


def test_grey_shares_leave_black_out_and_add_up() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    shares = grey_shares(image, np.ones((16, 16), bool))
    np.testing.assert_allclose(shares, np.r_[3, np.full(63, 4)] / 255)


# Telling apart


def _exams(n: int) -> list[str]:
    return [f"exam {k // 2}" for k in range(n)]


def test_two_halves_of_the_same_data_cannot_be_told_apart() -> None:
    features = np.random.default_rng(3).standard_normal((400, 30))
    found = tell_apart(features, np.arange(400) >= 200, _exams(400))
    assert 0.42 < found["accuracy"] < 0.58  # 3.2 SD of 400 guesses to either side


def test_a_plain_difference_is_found_by_every_fold() -> None:
    labels = np.arange(200) >= 100
    features = np.random.default_rng(4).standard_normal((200, 30)) + 6 * labels[:, None]
    found = tell_apart(features, labels, _exams(200))
    assert found["accuracy"] == found["lowest_fold"] == 1


def test_what_only_names_the_exam_is_of_no_use_for_others() -> None:
    """Each exam has a feature of its own: with its images on both sides of a split, all would be right."""
    features = np.repeat(np.eye(100), 2, axis=0)
    found = tell_apart(features, np.arange(200) >= 100, _exams(200))
    assert found["accuracy"] < 0.6


def test_logistic_regression_agrees_with_statsmodels() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    features = rng.standard_normal((300, 2))
    labels = rng.uniform(size=300) < 1 / (1 + np.exp(-(features @ [1.0, -0.5] + 0.3)))
    ours = fit_logistic(features, labels, penalty=0).logits(features)
    design = sm.add_constant(features)
    theirs = design @ sm.Logit(labels.astype(float), design).fit(disp=False).params
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_whole_exams_are_dealt() -> None:
    exams = _exams(60)
    fold = pd.Series(deal(exams, np.arange(60) >= 30))
    assert (fold[::2].to_numpy() == fold[1::2].to_numpy()).all()
    assert fold.value_counts().tolist() == [12] * 5


@pytest.mark.parametrize(
    ("labels", "exams", "message"),
    [
        pytest.param(
            [0] * 5 + [1] * 5,
            ["a"] * 10,
            "exams: expected one label each, got both for 'a'",
            id="shared exam",
        ),
        pytest.param([0] * 5 + [1] * 5, list("abcdefghhh"), "expected 5 or more", id="too few exams"),
    ],
)
def test_unusable_exams_are_refused(labels: list[int], exams: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tell_apart(np.zeros((10, 2)), np.array(labels, bool), exams)


@pytest.mark.parametrize(
    ("labels", "message"), [([True] * 4, "both kinds"), ([True, False], "one for each of 4 rows")]
)
def test_unusable_labels_are_refused(labels: list[bool], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_logistic(np.eye(4), np.array(labels))


# Patches


@pytest.fixture(scope="module")
def drawn() -> HeadImage:
    """The head 200, the outside 50, a black strip at the left."""
    picture = _picture(np.zeros((300, 400), np.uint8))
    image = np.where(picture.head, 200, 50).astype(np.uint8)
    image[:, :30] = 0
    return _picture(image)


@pytest.mark.parametrize(("region", "levels"), [("inside", {200}), ("skull", {50, 200}), ("outside", {50})])
def test_patches_show_their_region_alone(drawn: HeadImage, region: str, levels: set[int]) -> None:
    patches = take_patches(drawn, region, count=4)
    assert patches
    for patch in patches:
        assert patch.shape == (SIDE, SIDE)
        assert set(np.unique(patch)) - {0} == levels
        assert (patch == 0).mean() <= 0.1


def test_no_patch_where_none_fits() -> None:
    everywhere = Ellipse(center_x=50, center_y=50, semi_major=200, semi_minor=200, angle=0)
    assert take_patches(_picture(np.full((100, 100), 90, np.uint8), everywhere), "outside") == []


def test_another_region_is_refused(drawn: HeadImage) -> None:
    with pytest.raises(ValueError, match="region: expected one of inside, skull, outside; got 'sky'"):
        take_patches(drawn, "sky")


@pytest.fixture(scope="module")
def encoder() -> MobileNetV2Encoder:
    return MobileNetV2Encoder(resolve_encoder_weights("random"), stem="sum")


def test_features_do_not_depend_on_the_company(encoder: MobileNetV2Encoder) -> None:
    images = np.random.default_rng(6).integers(0, 256, (40, 64, 64)).astype(np.uint8)
    together = encode(encoder, list(images))
    alone = np.concatenate([encode(encoder, [image]) for image in images[[0, 39]]])
    np.testing.assert_allclose(together[[0, 39]], alone, rtol=1e-3, atol=1e-4)


def test_the_map_is_bright_where_the_patch_differs(encoder: MobileNetV2Encoder) -> None:
    rng = np.random.default_rng(7)
    dark, light = (rng.normal(mean, 5, (20, SIDE, SIDE)).round().astype(np.uint8) for mean in (60, 180))
    features = encode(encoder, [*dark, *light])
    classifier = fit_logistic(features, np.arange(40) >= 20)
    image = np.concatenate([dark[0], light[0], np.zeros_like(dark[0])], axis=1)
    logits = logit_map(encoder, classifier, image, step=SIDE)
    assert logits.shape == (1, 3)
    assert logits[0, 0] < 0 < logits[0, 1]
    assert np.isnan(logits[0, 2])


# The command and its committed files


def test_the_command_writes_numbers_figures_and_words(tmp_path: Path, monkeypatch) -> None:
    root = phantom.write_folder(phantom.generate(16, seed=1, size=(270, 400)), tmp_path / "hc18")
    folds = pd.Series(["test"] + ["train"] * 15)  # as if these phantoms were HC18
    monkeypatch.setattr(splits, "hc18_folds", lambda table: folds)
    out = tmp_path / "out" / "realism.json"
    out.parent.mkdir()
    generate = phantom.generate
    monkeypatch.setattr(
        command.phantom, "generate", lambda n, *, seed: generate(n, seed=seed, size=(270, 400))
    )
    command.main(["--root", str(root), "-n", "14", "--weights", "random", "-o", str(out)])
    facts = json.loads(out.read_text())
    assert facts["n"] == {"real": 14, "phantom": 14}
    assert facts["told_apart"].keys() >= {"whole", "control", *REGIONS}
    figures = sorted(path.stem for path in (out.parent / "figures").glob("*.png"))
    assert figures == ["give_away", "grey_levels", "side_by_side", "skull_by_angle"]
    assert all((out.parent / "figures" / f"{name}.txt").is_file() for name in figures)


def test_phantoms_bring_the_ellipse_that_they_were_drawn_from() -> None:
    phantoms = phantom.generate(2, seed=3, size=(135, 200))
    for picture, sample in zip(phantom_images(phantoms), phantoms, strict=True):
        assert (picture.head == sample.mask).all()
        assert picture.hc_mm == sample.hc_mm


@pytest.fixture(scope="module")
def facts() -> dict:
    """The committed numbers."""
    loaded: dict = json.loads((RESULTS / "realism.json").read_text(encoding="utf-8"))
    return loaded


def test_committed_shares_and_accuracies_are_possible(facts: dict) -> None:
    assert facts["fold"] == "train"
    for region in facts["grey"].values():
        for shares in region.values():
            assert sum(shares) == pytest.approx(1, abs=0.02)
    for found in facts["told_apart"].values():
        assert 0 <= found["lowest_fold"] <= found["accuracy"] <= found["highest_fold"] <= 1
    control = facts["told_apart"]["control"]
    assert abs(control["accuracy"] - 0.5) < 3.5 * np.sqrt(0.25 / control["n"])


def test_committed_figures_are_light_and_described() -> None:
    figures = sorted((RESULTS / "figures").glob("*.png"))
    assert len(figures) == 4
    for path in figures:
        assert path.stat().st_size < 400_000
        assert len(path.with_suffix(".txt").read_text(encoding="utf-8").split()) > 20


@pytest.mark.hc18
def test_committed_sizes_are_those_of_the_csv(facts: dict, hc18_root: Path) -> None:
    samples = hc18.load(hc18_root)
    rows = spread_rows(samples, facts["n"]["real"], fold="train")
    quantiles = samples.table["hc_mm"].iloc[rows].quantile(facts["quantiles"])
    np.testing.assert_allclose(facts["measures"]["hc_mm"]["real"], quantiles)
    fold = splits.load("hc18").set_index("filename")["fold"]
    assert set(fold[samples.table["name"].iloc[rows]]) == {"train"}
