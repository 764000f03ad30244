"""Where and why networks fail: image quality, agreement of trainings, gates and maps, by hand-made cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr

from fetalseg_book.studies.error_analysis.agreement import (
    association,
    between_runs,
    by_group,
    times_among_worst,
    times_by_chance,
)
from fetalseg_book.studies.error_analysis.figures import (
    association_plot,
    correlation_cascade,
    gates_by_block,
    maps_on_image,
    shared_failures,
)
from fetalseg_book.studies.error_analysis.gates import (
    record_gates,
    replaced_gates,
    replacements,
    se_blocks,
    spread,
)
from fetalseg_book.studies.error_analysis.maps import (
    CASCADE,
    activation_maps,
    randomised,
    rank_agreement,
    shrink,
)
from fetalseg_book.studies.error_analysis.quality import leaves_image, skull_contrast
from fetalseg_book.studies.realism.measures import HeadImage
from fetalseg_lib.geometry import Ellipse
from fetalseg_lib.models import build_model
from fetalseg_lib.study.records import read_json

RESULTS = Path(__file__).parents[2] / "results" / "analysis"
CIRCLE = Ellipse(center_x=99.5, center_y=99.5, semi_major=60, semi_minor=60, angle=0)


def _picture(image: np.ndarray) -> HeadImage:
    return HeadImage(
        image=image.astype(np.uint8), ellipse=CIRCLE, pixel_size_mm=0.5, hc_mm=188.5, exam="real 1"
    )


def _disc_and_ring(ring: float) -> np.ndarray:
    rows, columns = np.mgrid[:200, :200]
    radius = np.hypot(columns - 99.5, rows - 99.5)
    return np.where(np.abs(radius - 60) <= 1, ring, 50)


# Image quality


def test_an_even_image_has_no_contrast() -> None:
    assert skull_contrast(_picture(np.full((200, 200), 50))) == (0, 0)


def test_contrast_grows_with_the_ring_and_not_with_the_brightness_of_all() -> None:
    weak, strong = (skull_contrast(_picture(_disc_and_ring(ring)))[0] for ring in (100, 200))
    assert strong == pytest.approx(3 * weak, rel=0.05)  # 150 above its surroundings against 50
    brighter = skull_contrast(_picture(_disc_and_ring(100) + 40))[0]
    assert brighter == pytest.approx(weak, rel=0.01)


def test_a_skull_that_is_half_gone_shows_in_its_faintest_quarter() -> None:
    image = _disc_and_ring(200)
    image[100:] = 50
    mean, faint = skull_contrast(_picture(image))
    whole, _ = skull_contrast(_picture(_disc_and_ring(200)))
    assert faint == pytest.approx(0, abs=1)
    assert mean == pytest.approx(whole / 2, rel=0.1)


@pytest.mark.parametrize(("width", "cut"), [(161, False), (160, True), (100, True)])
def test_an_outline_that_reaches_the_border_is_cut(width: int, cut: bool) -> None:
    assert leaves_image(CIRCLE, (300, width)) is cut  # its right end is at column 159.5


# Agreement of trainings


def _frame(values: dict[tuple[str, int], list[float]]) -> pd.DataFrame:
    rows = [
        (variant, seed, f"{k}.png", k, value)
        for (variant, seed), scores in values.items()
        for k, value in enumerate(scores)
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "name", "exam", "dice"])


def test_runs_are_compared_by_the_ranks_of_their_images() -> None:
    frame = _frame({("a", 0): [1, 2, 3, 4], ("a", 1): [10, 20, 30, 40], ("b", 0): [4, 3, 2, 1]})
    found = between_runs(frame, "dice").set_index(["first", "second"])
    assert found.loc[[("a", "a")], "rho"].tolist() == pytest.approx([1])
    assert found.loc[[("a", "b")], "rho"].tolist() == pytest.approx([-1, -1])
    assert found["same"].tolist() == [True, False, False]


def test_the_worst_images_are_counted_over_runs() -> None:
    scores = {("a", 0): [0.1, 0.9, 0.8, 0.7], ("a", 1): [0.2, 0.9, 0.1, 0.7], ("b", 0): [0.3, 0.4, 0.8, 0.7]}
    counts = times_among_worst(_frame(scores), "dice", share=0.25)
    assert counts.to_dict() == {"0.png": 2, "1.png": 0, "2.png": 1, "3.png": 0}
    with pytest.raises(ValueError, match="share"):
        times_among_worst(_frame(scores), "dice", share=0)


def test_chance_keeps_the_number_of_images_and_of_failures() -> None:
    expected = times_by_chance(200, runs=6, share=0.1)
    assert expected.sum() == pytest.approx(200)
    assert expected @ np.arange(7) == pytest.approx(200 * 6 * 0.1)


def test_a_group_has_the_mean_of_its_images_alone() -> None:
    frame = _frame({("a", 0): [1, 2, 3, 4], ("a", 1): [3, 4, 5, 6]})
    groups = pd.Series({"0.png": "x", "1.png": "x", "2.png": "y", "3.png": "y"})
    found = by_group(frame, groups, "dice").set_index("group")
    assert found["mean"].to_dict() == {"x": 2.5, "y": 4.5}
    assert found["images"].tolist() == [2, 2]


def test_association_is_spearmans_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal(80)
    y = x + rng.standard_normal(80)
    rho, low, high = association(x, y, np.arange(80), resamples=200)
    assert rho == pytest.approx(spearmanr(x, y).statistic)
    assert low < rho < high


def test_what_a_third_value_explains_is_taken_out() -> None:
    rng = np.random.default_rng(2)
    size = rng.standard_normal(400)
    x, y = size + 0.3 * rng.standard_normal(400), size + 0.3 * rng.standard_normal(400)
    exams = np.arange(400)
    assert association(x, y, exams, resamples=50)[0] > 0.8
    assert abs(association(x, y, exams, given=size, resamples=50)[0]) < 0.15


def test_images_that_lack_a_measure_are_left_out() -> None:
    x = np.array([1.0, 2, 3, np.nan, 5])
    assert association(x, [1, 2, 3, -9, 5], np.arange(5), resamples=20)[0] == 1


# Gates

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 64, 64), dtype=np.uint8)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    small = {"aspp_channels": 8, "aspp_pool_channels": 8, "bottleneck_channels": 16}
    sizes = {"decoder_channels": (16, 16, 8, 8, 8), "init_channels": 8, "se_reduction": 4}
    return build_model("proposed", encoder_weights="random", **small, **sizes).eval()


def test_gates_are_those_that_the_blocks_give(model: torch.nn.Module) -> None:
    gates = record_gates(model, IMAGES, batch_size=3)
    assert list(gates) == list(se_blocks(model))
    assert len(gates) == 10
    batch = torch.from_numpy(IMAGES).unsqueeze(1).float() / 255
    with torch.inference_mode():
        skip = model.init_conv(batch)
        expected = model.dec1.skip_se.gates(skip)
    np.testing.assert_allclose(gates["dec1 skip"], expected, atol=1e-5)


def test_each_replacement_does_what_it_says(model: torch.nn.Module) -> None:
    means = {name: found.mean(axis=0) for name, found in record_gates(model, IMAGES).items()}
    ways = replacements(means)
    own = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    name = "dec1 skip"
    means[name] = np.array([0.5, 0.6], np.float32)
    assert ways["another image's"](name, own).tolist() == own[[1, 0]].tolist()
    assert ways["all one"](name, own).eq(1).all()
    np.testing.assert_allclose(ways["the mean"](name, own), [[0.5, 0.6], [0.5, 0.6]])
    assert ways["the mean, in the blocks"](name, own) is own
    np.testing.assert_allclose(ways["the mean, in the skips"](name, own), [[0.5, 0.6], [0.5, 0.6]])


def test_gates_are_replaced_and_come_back(model: torch.nn.Module) -> None:
    batch = torch.from_numpy(IMAGES).unsqueeze(1).float() / 255
    with torch.inference_mode():
        before = model(batch)
        with replaced_gates(model, lambda _name, gates: torch.zeros_like(gates)):
            shut = model(batch)
        after = model(batch)
    assert not torch.allclose(before, shut)
    torch.testing.assert_close(before, after)


def test_a_network_without_gates_is_refused() -> None:
    with pytest.raises(ValueError, match="SE blocks"):
        se_blocks(torch.nn.Conv2d(1, 1, 1))


def test_spread_splits_the_variance() -> None:
    gates = np.array([[0.1, 0.5], [0.3, 0.7]], np.float32)  # channels 0.2 and 0.6, each ± 0.1
    found = spread(gates)
    assert found["over_channels"] == pytest.approx(0.2)
    assert found["over_images"] == pytest.approx(0.1)
    assert found["image_share"] == pytest.approx(0.01 / 0.05)


# Maps


def test_a_map_is_the_weighted_sum_of_the_layer(model: torch.nn.Module) -> None:
    """dec1 is followed by a 1×1 convolution alone: the gradient of the logits is its weight."""
    batch = torch.from_numpy(IMAGES[:2]).unsqueeze(1).float() / 255
    region = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    region[:, :, 10:20, 10:20] = True
    found = activation_maps(model, batch, region, layers=["dec1", "bottleneck"])
    with torch.no_grad():
        logits = model(batch) - model.head.bias
    expected = logits[:, 0] * 100 / 64**2  # mean over all pixels of a gradient that lives on 100 of them
    np.testing.assert_allclose(found["dec1"], expected, rtol=1e-4, atol=1e-6)
    assert found["bottleneck"].shape == (2, 2, 2)
    with pytest.raises(ValueError, match="layers: expected some of"):
        activation_maps(model, batch, region, layers=["dec9"])


def test_only_the_named_stages_are_drawn_anew(model: torch.nn.Module) -> None:
    changed = randomised(model, ["head", "dec1"], seed=3)
    again = randomised(model, ["head", "dec1"], seed=3)
    for name, parameter in model.named_parameters():
        other = dict(changed.named_parameters())[name]
        if name.startswith(("head.weight", "dec1.up.weight")):
            assert not torch.equal(parameter, other)
            torch.testing.assert_close(other, dict(again.named_parameters())[name])
        if not name.startswith(("head", "dec1")):
            torch.testing.assert_close(parameter, other)


def test_agreement_is_by_ranks() -> None:
    first = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    assert rank_agreement(first, np.exp(first / 4)).tolist() == pytest.approx([1, 1])


def test_shrinking_takes_means() -> None:
    ramp = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert shrink(ramp, (2, 2)).tolist() == [[[2.5, 4.5], [10.5, 12.5]]]


# The figures and the committed files


def test_figures_draw_what_they_are_given() -> None:
    gates = pd.DataFrame({"block": ["dec5 skip", "dec5 block"], "channel": 0, "mean": [0.4, 0.6], "sd": 0.1})
    (axes,) = gates_by_block(gates).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["dec5\nskip", "dec5\nblock"]
    counts = pd.Series({"a": 0, "b": 2, "c": 0})
    (axes,) = shared_failures(counts, times_by_chance(3, runs=2)).axes
    assert [bar.get_height() for bar in axes.patches] == [2, 0, 1]
    rows = {"measure": ["x", "x"], "adjusted": [False, True], "rho": [0.3, 0.1], "low": 0.0, "high": 0.5}
    (axes,) = association_plot(pd.DataFrame(rows)).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["x"]
    maps = pd.DataFrame(
        {"layer": "dec3", "against": ["head", "head", "another image"], "rho": [0.2, 0.4, 0.5]}
    )
    (panel,) = correlation_cascade(maps, steps=["head"], layers=["dec3"]).axes
    assert panel.get_title() == "dec3"
    figure = maps_on_image(IMAGES[0], {"here": np.array([[1.0, -1.0], [0.0, 2.0]])})
    np.testing.assert_allclose(figure.axes[1].images[1].get_array(), [[0.5, 0], [0, 1]])


@pytest.fixture(scope="module")
def record() -> dict:
    return read_json(RESULTS / "analysis.json")


def test_committed_tables_belong_together(record: dict) -> None:
    images = pd.read_csv(RESULTS / "images.csv")
    assert len(images) == record["images"]["test"]
    swaps = pd.read_csv(RESULTS / "gate_swaps.csv")
    assert set(swaps.groupby("gates").size()) == {record["images"]["gates"]}
    assert set(swaps["name"]) <= set(images["name"])
    maps = pd.read_csv(RESULTS / "maps.csv")
    assert set(maps["layer"]) == set(record["layers"])
    assert set(CASCADE) < set(maps["against"])
    assert len(maps) == len(record["layers"]) * record["images"]["maps"] * (
        3 + record["draws"] * len(CASCADE)
    )


def test_the_gates_in_their_own_place_are_the_network(record: dict) -> None:
    """Recorded and put back, gates change nothing: the Dice is that of the network's own test."""
    swaps = pd.read_csv(RESULTS / "gate_swaps.csv")
    own = swaps[swaps["gates"] == "its own"].set_index("name")["dice"]
    tested = pd.read_csv(
        RESULTS.parent / "one_fold/demonstration/hc18/trainable_encoder/seed-0/per_image.csv"
    )
    # the run itself computed with weights of full precision
    np.testing.assert_allclose(own, tested.set_index("name")["dice"][own.index], atol=2e-3)


def test_committed_figure_is_light_and_described() -> None:
    path = RESULTS / "figures" / "worst.png"
    assert path.stat().st_size < 300_000
    assert len(path.with_suffix(".txt").read_text(encoding="utf-8").split()) > 20
