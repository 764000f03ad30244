"""Ingredients to leave out, difficulties to turn up, one at a time, and the same bytes everywhere."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fetalseg_book.studies.robustness.degrade import IMAGE_KNOBS, degrade
from fetalseg_lib.data import phantom
from fetalseg_lib.data.phantom import INGREDIENTS, KNOBS, Phantom, Severity
from fetalseg_lib.geometry import rasterize

SIZE = (135, 200)
ROWS = (0, 1, 3)
Measure = Callable[[np.ndarray, Phantom], float]


def _set(**settings: object) -> list[Phantom]:
    made = phantom.generate(max(ROWS) + 1, seed=8, size=SIZE, **settings)  # type: ignore[arg-type]
    samples = [made.read(row) for row in ROWS]
    return samples


@pytest.fixture(scope="module")
def usual() -> list[Phantom]:
    return _set()


# The same bytes

PROGRAM = """
import hashlib
from fetalseg_lib.data import phantom
digest = hashlib.sha256()
for sample in phantom.generate(%d, seed=3, size=(135, 200))[:2]:
    digest.update(sample.image.tobytes() + sample.mask.tobytes())
    digest.update(repr((sample.hc_mm, sample.pixel_size_mm, sample.gestational_age_weeks)).encode())
print(digest.hexdigest())
"""


def _digest_of_another_process(n: int, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM % n],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


def test_the_bytes_depend_on_no_machine_no_thread_and_no_number() -> None:
    """Other instructions of the processor and another number of threads move last bits, but no grey level."""
    core = pytest.importorskip("numpy._core._multiarray_umath", reason="NumPy 1 keeps the list elsewhere")

    here = hashlib.sha256()
    for sample in phantom.generate(2, seed=3, size=(135, 200)):
        here.update(sample.image.tobytes() + sample.mask.tobytes())
        here.update(repr((sample.hc_mm, sample.pixel_size_mm, sample.gestational_age_weeks)).encode())
    plain = {"NPY_DISABLE_CPU_FEATURES": " ".join(core.__cpu_dispatch__), "OPENBLAS_CORETYPE": "Nehalem"}
    assert _digest_of_another_process(7, OMP_NUM_THREADS="2", **plain) == here.hexdigest()


def test_no_severity_is_the_usual_phantom(usual: list[Phantom]) -> None:
    for one, other in zip(usual, _set(severity=Severity()), strict=True):
        assert (one.image == other.image).all()


# Ingredients


@pytest.mark.parametrize("name", INGREDIENTS)
def test_without_an_ingredient_the_head_stays(name: str, usual: list[Phantom]) -> None:
    changed = _set(without=[name])
    assert any((one.image != other.image).any() for one, other in zip(usual, changed, strict=True))
    for one, other in zip(usual, changed, strict=True):
        assert one.ellipse == other.ellipse
        assert (one.mask == other.mask).all()
        assert (one.hc_mm, one.pixel_size_mm, one.name) == (other.hc_mm, other.pixel_size_mm, other.name)
        assert other.image[other.mask].std() > 1


def test_without_all_there_is_still_a_head() -> None:
    (bare,) = phantom.generate(1, seed=0, size=SIZE, without=INGREDIENTS)
    ring = gaussian_filter(bare.mask.astype(float), 2)
    wall = bare.image[(ring > 0.3) & (ring < 0.7)].mean()
    assert wall > 1.5 * bare.image[ring > 0.99].mean()
    assert wall > 1.5 * bare.image[ring < 0.01].mean()


def test_without_display_no_corner_is_black(usual: list[Phantom]) -> None:
    plain = _set(without=["display", "shadow", "uterus"])
    assert np.mean([(sample.image == 0).mean() for sample in usual]) > 0.1
    assert max((sample.image == 0).mean() for sample in plain) < 0.1


def test_without_speckle_tissue_is_smooth(usual: list[Phantom]) -> None:
    smooth = _set(without=["speckle"])
    for one, other in zip(usual, smooth, strict=True):
        assert _grain(other.image, other) < 0.9 * _grain(one.image, one)


# Knobs


def _brightness(image: np.ndarray, sample: Phantom) -> float:
    return float(image.mean())


def _grain(image: np.ndarray, sample: Phantom) -> float:
    """SD of the fine pattern over the mean grey, well inside the head."""
    grey = image.astype(float)
    core = dataclasses.replace(
        sample.ellipse,
        semi_major=0.75 * sample.ellipse.semi_major,
        semi_minor=0.75 * sample.ellipse.semi_minor,
    )
    inside = rasterize(core, sample.shape)
    return float((grey - gaussian_filter(grey, 2))[inside].std() / grey[inside].mean())


def _sharpness(image: np.ndarray, sample: Phantom) -> float:
    grey = image.astype(float)
    return float(np.abs(np.diff(grey, axis=1)).mean() / grey.mean())


def _depth_share(image: np.ndarray, sample: Phantom) -> float:
    """How much of all grey lies in the lower half of the frame."""
    return float(image[image.shape[0] // 2 :].sum() / image.sum())


def _slanted_wall(image: np.ndarray, sample: Phantom) -> float:
    """Grey along the head's left and right ends against that of its top and bottom."""
    ellipse = sample.ellipse
    points = ellipse.points(360)
    t = np.arctan2(points[:, 1] - ellipse.center_y, points[:, 0] - ellipse.center_x)
    rows, columns = np.rint(points).astype(int).T[::-1]
    seen = (rows >= 1) & (rows < image.shape[0] - 1) & (columns >= 1) & (columns < image.shape[1] - 1)
    grey = np.zeros(360)
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            at = image[
                np.clip(rows + row, 0, image.shape[0] - 1), np.clip(columns + column, 0, image.shape[1] - 1)
            ]
            grey = np.maximum(grey, at)
    upright = np.abs(np.sin(t))
    return float(grey[seen & (upright < 0.6)].mean() / grey[seen & (upright > 0.8)].mean())


def _bright_outside(image: np.ndarray, sample: Phantom) -> float:
    outside = image[~sample.mask]
    return float(np.quantile(outside[outside > 0], 0.97))


CASES: dict[str, tuple[Measure, int]] = {
    "gain": (_brightness, -1),
    "speckle": (_grain, 1),
    "shadow": (_brightness, -1),
    "dropout": (_slanted_wall, -1),
    "blur": (_sharpness, -1),
    "depth": (_depth_share, -1),
    "clutter": (_bright_outside, 1),
}
"""What each knob must move, and in which direction."""


def test_every_knob_has_its_case() -> None:
    assert set(CASES) == set(KNOBS)
    assert set(IMAGE_KNOBS) < set(KNOBS)


@pytest.mark.parametrize("knob", KNOBS)
def test_a_knob_moves_one_way(knob: str, usual: list[Phantom]) -> None:
    measure, sign = CASES[knob]
    steps = [usual, *(_set(severity=Severity(**{knob: value})) for value in (0.5, 1.0))]
    values = [np.mean([measure(sample.image, sample) for sample in samples]) for samples in steps]
    assert sign * values[0] < sign * values[1] < sign * values[2]
    for one, other in zip(steps[0], steps[2], strict=True):
        assert one.ellipse == other.ellipse


@pytest.mark.parametrize("knob", IMAGE_KNOBS)
def test_a_knob_moves_one_way_on_a_finished_image(knob: str, usual: list[Phantom]) -> None:
    measure, sign = CASES[knob]
    severities = [Severity(**{knob: value}) for value in (0, 0.3, 0.6, 1)]
    values = [
        np.mean([measure(degrade(sample.image, severity, seed=1), sample) for sample in usual])
        for severity in severities
    ]
    assert (np.diff(values) * sign > 0).all()


def test_a_finished_image_keeps_its_black_and_its_bytes(usual: list[Phantom]) -> None:
    image = usual[0].image
    assert (degrade(image, Severity()) == image).all()
    hard = Severity(gain=0.2, speckle=1, shadow=1, blur=1, depth=0.5)
    assert not degrade(image, hard)[image == 0].any()
    assert (degrade(image, hard, seed=4) == degrade(image, hard, seed=4)).all()
    assert (degrade(image, hard, seed=4) != degrade(image, hard, seed=5)).any()


# Bad arguments


@pytest.mark.parametrize("knob", KNOBS)
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
def test_severities_outside_0_to_1_are_refused(knob: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"severity {knob}: expected 0 to 1, got {value}"):
        Severity(**{knob: value})


@pytest.mark.parametrize(
    ("image", "severity", "message"),
    [
        pytest.param(np.zeros((4, 4)), Severity(gain=1), "image: expected uint8 of shape", id="no uint8"),
        pytest.param(
            np.zeros((4, 4, 3), np.uint8), Severity(), "image: expected uint8 of shape", id="colour"
        ),
        pytest.param(
            np.zeros((4, 4), np.uint8), Severity(dropout=0.1), "severity dropout: expected 0", id="dropout"
        ),
        pytest.param(
            np.zeros((4, 4), np.uint8), Severity(clutter=1), "severity clutter: expected 0", id="clutter"
        ),
    ],
)
def test_what_no_image_can_undergo_is_refused(image: np.ndarray, severity: Severity, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        degrade(image, severity)
