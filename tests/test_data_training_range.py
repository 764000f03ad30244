from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fetalseg_lib.data import cache, hc18, phantom, splits
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.data.training_range import (
    PROPERTIES,
    TrainingRange,
    appearance,
    hc18_range,
    measure_range,
)

UNIT = TrainingRange(images=9, low=dict.fromkeys(PROPERTIES, 1.0), high=dict.fromkeys(PROPERTIES, 2.0))


def test_the_properties_of_an_image_made_by_hand() -> None:
    """A quarter at 7 (nearly black) and three quarters at 107: mean 82, SD 100 * sqrt(3/16)."""
    image = np.full((64, 64), 107, np.uint8)
    image[:32, :32] = 7
    values = appearance(image, native_shape=(100, 150))
    assert values == pytest.approx(
        {"aspect_ratio": 1.5, "mean_gray": 82, "contrast": 100 * np.sqrt(3 / 16), "dark_share": 0.25}
    )


def test_the_network_s_input_size_hardly_matters() -> None:
    (sample,) = phantom.generate(1, seed=3, size=(270, 400))
    large, small = (
        appearance(resize_image(sample.image, (side, side)), native_shape=sample.shape) for side in (256, 64)
    )
    for name, tolerance in (("mean_gray", 0.6), ("contrast", 0.6), ("dark_share", 0.02)):
        assert abs(large[name] - small[name]) <= tolerance, name


def test_the_range_is_that_of_the_training_rows_and_no_other(tmp_path: Path) -> None:
    samples = list(phantom.generate(6, seed=0, size=(96, 128)))
    built = cache.build(samples, image_size=(64, 64), directory=tmp_path)
    found = measure_range(built, [0, 2, 5])
    training = [samples[row] for row in (0, 2, 5)]
    assert found.images == 3
    assert found.low["hc_mm"] == min(sample.hc_mm or 0 for sample in training)
    assert found.high["pixel_size_mm"] == max(sample.pixel_size_mm for sample in training)
    for sample in training:
        image = resize_image(sample.image, (64, 64))
        assert found.outside(appearance(image, native_shape=sample.shape)) == []
    assert TrainingRange.from_json(found.to_json()) == found


def test_the_ends_are_inside_and_what_is_unknown_is_not_judged() -> None:
    assert UNIT.outside({"hc_mm": 1.0, "mean_gray": 2.0, "contrast": np.nan}) == []
    assert UNIT.outside({"hc_mm": 0.99, "pixel_size_mm": 2.5}) == [
        "head circumference in mm 0.99 (training 1 to 2)",
        "pixel size in mm 2.5 (training 1 to 2)",
    ]


def test_a_new_image_of_the_same_kind_is_flagged_as_often_as_the_ranks_say() -> None:
    """Of n + 1 exchangeable values the last is the smallest or the largest with a chance of 2/(n + 1)."""
    n, repeats = 19, 4000
    values = np.random.default_rng(0).lognormal(size=(repeats, n + 1))
    flagged = 0
    for row in values:
        limits = [dict.fromkeys(PROPERTIES, float(limit)) for limit in (row[:-1].min(), row[:-1].max())]
        known = TrainingRange(images=n, low=limits[0], high=limits[1])
        flagged += bool(known.outside({"mean_gray": float(row[-1])}))
    expected = 2 / (n + 1)
    assert abs(flagged / repeats - expected) < 4 * np.sqrt(expected * (1 - expected) / repeats)


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "{}",
        '{"images": 0, "low": {}, "high": {}}',
        '{"images": 3, "low": 1, "high": 2}',
        UNIT.to_json().replace("2.0", "0.5"),
        UNIT.to_json().replace("2.0", "NaN"),
        UNIT.to_json().replace("2.0", '"2"'),
        UNIT.to_json().replace("hc_mm", "hc"),
    ],
)
def test_text_that_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="training range"):
        TrainingRange.from_json(text)


@pytest.fixture(scope="module")
def appearances(hc18_root: Path) -> dict[str, list[np.ndarray]]:
    """The images of HC18's training fold and the held-out ones, at 256 x 256, with their shapes."""
    fold = splits.load().set_index("filename")["fold"]
    found: dict[str, list[np.ndarray]] = {"train": [], "held out": []}
    for sample in hc18.load(hc18_root)[::5]:
        kind = "train" if fold[sample.name] == "train" else "held out"
        found[kind].append(sample.image)
    return found


@pytest.mark.hc18
@pytest.mark.parametrize(
    ("change", "lowest", "highest"),
    [
        pytest.param(lambda image: image, 0, 0.03, id="as they are"),
        pytest.param(lambda image: 255 - image, 1, 1, id="inverted"),
        pytest.param(lambda image: np.zeros_like(image), 1, 1, id="black"),
        pytest.param(np.transpose, 1, 1, id="on their side"),
        pytest.param(lambda image: np.flipud(image), 0, 0.03, id="upside down, which cannot be seen"),
    ],
)
def test_held_out_images_are_inside_and_damaged_ones_outside(
    appearances: dict[str, list[np.ndarray]],
    change: Callable[[np.ndarray], np.ndarray],
    lowest: float,
    highest: float,
) -> None:
    flagged = []
    for image in appearances["held out"]:
        changed = np.ascontiguousarray(change(image))
        values = appearance(resize_image(changed, (256, 256)), native_shape=changed.shape)
        flagged.append(bool(hc18_range().outside(values)))
    assert lowest <= np.mean(flagged) <= highest


@pytest.mark.hc18
def test_no_training_image_is_outside_the_packaged_range(
    appearances: dict[str, list[np.ndarray]], hc18_root: Path
) -> None:
    for image in appearances["train"]:
        values = appearance(resize_image(image, (256, 256)), native_shape=image.shape)
        assert hc18_range().outside(values) == []
    fold = splits.load()["fold"].to_numpy()
    lengths = hc18.load(hc18_root).table[["pixel_size_mm", "hc_mm"]][fold == "train"]
    assert hc18_range().images == len(lengths)
    for name in ("pixel_size_mm", "hc_mm"):
        assert (hc18_range().low[name], hc18_range().high[name]) == (lengths[name].min(), lengths[name].max())
