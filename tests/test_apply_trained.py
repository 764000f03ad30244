"""One file makes the network again; a file from a stranger must not do more than that."""

import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from fetalseg_book.studies import demonstration
from fetalseg_book.studies.demonstration import make_demonstration
from fetalseg_lib.apply import trained as trained_module
from fetalseg_lib.apply.trained import demonstration_weights, read_network
from fetalseg_lib.data.training_range import PROPERTIES, TrainingRange, hc18_range
from fetalseg_lib.models import build_model, list_variants
from fetalseg_lib.study import evaluate
from fetalseg_lib.training.checkpoint import CheckpointError, save_weights

CONFIG = {"variant": "unet", "network": {"base_width": 4}, "image_size": [64, 96], "data": "phantom"}


def saved(path: Path, config: object = CONFIG, **metadata: str) -> Path:
    torch.manual_seed(0)
    model = build_model("unet", base_width=4)
    save_weights(model, path, {"config": json.dumps(config), **metadata})
    return path


def test_the_network_answers_as_the_one_that_was_saved(tmp_path: Path) -> None:
    trained = read_network(saved(tmp_path / "w.safetensors"))
    torch.manual_seed(0)
    original = build_model("unet", base_width=4).eval()
    image = torch.rand(1, 1, 64, 96)
    torch.testing.assert_close(trained.model.eval()(image), original(image), rtol=0, atol=0)
    assert (trained.image_size, trained.data, trained.training_range) == ((64, 96), "phantom", None)


def test_the_training_range_is_the_file_s_own_or_that_of_hc18(tmp_path: Path) -> None:
    own = TrainingRange(images=3, low=dict.fromkeys(PROPERTIES, 1.0), high=dict.fromkeys(PROPERTIES, 2.0))
    path = saved(tmp_path / "a.safetensors", CONFIG | {"data": "hc18"}, training_range=own.to_json())
    assert read_network(path).training_range == own
    path = saved(tmp_path / "b.safetensors", CONFIG | {"data": "hc18"})
    assert read_network(path).training_range == hc18_range()


class Malicious:
    """What unpickles it makes a file: the stand-in for a program that a stranger sent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["pickle", "torch", "training's checkpoint"])
def test_a_pickle_is_refused_and_never_opened(kind: str, tmp_path: Path) -> None:
    trap, path = tmp_path / "trap", tmp_path / "weights.safetensors"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Malicious(trap)))
    else:
        torch.save(Malicious(trap), path)
        if kind != "torch":
            path.write_bytes(bytes(32) + path.read_bytes())
    with pytest.raises(
        CheckpointError, match="expected a safetensors file, got a pickle, which is not opened"
    ):
        read_network(path)
    assert not trap.exists()


def test_a_file_whose_length_begins_like_a_pickle_is_read(tmp_path: Path) -> None:
    """The header's length comes first, and one in 32 lengths begins with a pickle's 0x80."""
    for padding in range(32):
        path = saved(tmp_path / "w.safetensors", note="x" * 8 * padding)
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert read_network(path).image_size == (64, 96)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param([], "cannot be built", id="a list"),
        pytest.param({}, "KeyError", id="nothing"),
        pytest.param(CONFIG | {"variant": "unett"}, "unett", id="unknown variant"),
        pytest.param(CONFIG | {"network": {"wings": 2}}, "unknown option 'wings'", id="unknown option"),
        pytest.param(CONFIG | {"network": {"base_width": 10**9}}, "from 1 to 128", id="huge network"),
        pytest.param(CONFIG | {"network": {"base_width": "4"}}, "cannot be built", id="text for a number"),
        pytest.param(
            CONFIG | {"variant": "proposed", "network": {"aspp_rates": [1] * 1000}},
            "aspp_rates: expected at most 16 entries, got 1000",
            id="a list of a thousand rates",
        ),
        pytest.param(
            CONFIG | {"variant": "proposed", "network": {"aspp_rates": [1] * 16, "aspp_channels": 2048}},
            "at most 200,000,000 parameters",
            id="a network of gigabytes",
        ),
        pytest.param(CONFIG | {"network": {"encoder_weights": "x"}}, "is no part of it", id="another file"),
        pytest.param(CONFIG | {"network": [1]}, "cannot be built", id="options as a list"),
        pytest.param(CONFIG | {"image_size": [32_000, 32]}, "multiples of 32 up to 2048", id="huge input"),
        pytest.param(CONFIG | {"image_size": [64]}, "cannot be built", id="one side"),
        pytest.param(CONFIG | {"image_size": [math.inf, 64]}, "OverflowError", id="infinitely high"),
        pytest.param(CONFIG | {"image_size": [64, math.nan]}, "cannot convert", id="a width of no number"),
        *(
            pytest.param(
                CONFIG | {"variant": variant, "network": {option: value}},
                f"{option}: expected whole numbers from 1 to",
                id=f"{option} {value}",
            )
            for variant, option, value in (
                ("unet", "base_width", math.inf),
                ("unet", "base_width", math.nan),
                ("unet", "base_width", 4.0),
                ("proposed", "aspp_rates", [math.inf]),
                ("proposed", "aspp_rates", [math.nan]),
                ("proposed", "se_reduction", -math.inf),
                ("proposed", "decoder_channels", [1e400] * 5),
            )
        ),
        pytest.param(
            CONFIG | {"variant": "proposed", "network": {"dropout": math.nan}}, "dropout: ", id="dropout"
        ),
        pytest.param(
            CONFIG | {"variant": "proposed", "network": {"aspp": "false"}}, "true or false", id="text for no"
        ),
        pytest.param(CONFIG | {"image_size": [0, 64]}, "multiples of 32", id="no height"),
        pytest.param(CONFIG | {"network": {}}, "belong to another", id="another network's weights"),
    ],
)
def test_a_configuration_that_is_none_is_refused(config: object, message: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "w.safetensors", config)
    with pytest.raises(CheckpointError, match=message) as raised:
        read_network(path)
    assert str(path) in str(raised.value)


def test_metadata_that_is_no_configuration_or_no_range_is_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match="`fetalseg train` wrote"):
        read_network(tmp_path / "none.safetensors")
    nested = tmp_path / "nested.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(1)}, nested, {"config": "[" * 100_000})
    with pytest.raises(CheckpointError, match="cannot be built"):
        read_network(nested)
    with pytest.raises(CheckpointError, match="training range"):
        read_network(saved(tmp_path / "range.safetensors", training_range="{}"))


@pytest.mark.parametrize("variant", [variant.name for variant in list_variants()])
def test_every_variant_can_be_counted_without_memory(variant: str) -> None:
    with torch.device("meta"):
        model = build_model(variant, encoder_weights="random")
    assert 0 < sum(weight.numel() for weight in model.parameters()) < trained_module.MAX_PARAMETERS


def test_large_inputs_go_through_the_network_in_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    images = np.random.default_rng(0).integers(256, size=(5, 64, 96), dtype=np.uint8)
    model = build_model("unet", base_width=4).eval()
    model.register_forward_hook(lambda _module, _given, logits: seen.append(len(logits)))
    whole = evaluate.predict(model, images, device=torch.device("cpu"))
    for pixels in (2 * 64 * 96, 1):
        monkeypatch.setattr(evaluate, "MOST_PIXELS", pixels)
        parts = evaluate.predict(model, images, device=torch.device("cpu"))
        torch.testing.assert_close(parts, whole, rtol=0, atol=1e-5)
    assert seen == [5, 2, 2, 1, 1, 1, 1, 1, 1]


# The network that comes with the package


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demonstration in a place of its own, as if it had come with the package."""
    out = tmp_path / "package" / "demonstration.safetensors"
    source = saved(tmp_path / "w.safetensors", CONFIG | {"encoder_weights": "/somewhere/of/mine.safetensors"})
    monkeypatch.setattr(trained_module, "DEMONSTRATION", make_demonstration(source, out=out))
    return out


def test_the_demonstration_has_halved_kernels_and_answers_nearly_the_same(
    shipped: Path, tmp_path: Path
) -> None:
    whole, half = read_network(tmp_path / "w.safetensors"), read_network(demonstration_weights())
    assert {value.dtype for value in half.model.parameters()} == {torch.float32}
    stored = safetensors.torch.load_file(shipped)
    for name, value in whole.model.state_dict().items():
        if value.ndim > 1:
            assert stored[name].dtype == torch.float16
            value = value.half().float()
        torch.testing.assert_close(half.model.state_dict()[name], value, rtol=0, atol=0)
    image = torch.rand(1, 1, 64, 96)
    expected = whole.model.eval()(image)
    difference = half.model.eval()(image) - expected
    assert 0 < difference.std() < 0.01 * expected.std()
    assert half.image_size == whole.image_size


def test_its_record_says_what_it_was_made_from_and_names_no_folder(shipped: Path, tmp_path: Path) -> None:
    record = json.loads(shipped.with_suffix(".json").read_text())
    assert record["made_from_sha256"] == read_network(tmp_path / "w.safetensors").sha256
    assert record["sha256"] == read_network(shipped).sha256
    assert record["bytes"] == shipped.stat().st_size
    assert record["config"]["encoder_weights"] == "mine.safetensors"
    assert b"/somewhere" not in shipped.read_bytes()
    assert record["test"] is None


def test_the_record_tells_how_the_run_did_where_its_files_are_there(tmp_path: Path) -> None:
    source = saved(tmp_path / "w.safetensors")
    (tmp_path / "metrics.json").write_text('{"test": {"dice_mean": 0.9}}')
    out = make_demonstration(source, out=tmp_path / "d.safetensors")
    assert json.loads(out.with_suffix(".json").read_text())["test"] == {"dice_mean": 0.9}


def test_a_demonstration_that_is_absent_or_another_is_not_used(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped.write_bytes(shipped.read_bytes() + b" ")
    with pytest.raises(
        ValueError, match=r"demonstration\.safetensors: expected sha256 .*; install the package"
    ):
        demonstration_weights()
    monkeypatch.setattr(trained_module, "DEMONSTRATION", shipped.with_name("nothing.safetensors"))
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors: expected a trained network"):
        demonstration_weights()


def test_what_is_too_large_for_the_package_or_for_half_precision_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = saved(tmp_path / "w.safetensors"), tmp_path / "d.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(demonstration, "MOST_BYTES", 1000)
        with pytest.raises(ValueError, match=r"unet would take 0\.2 MB in half precision"):
            make_demonstration(source, out=out)
    state = safetensors.torch.load_file(source)
    state["head.weight"][0] = 1e5
    safetensors.torch.save_file(state, source, {"config": json.dumps(CONFIG)})
    with pytest.raises(ValueError, match=r"but head\.weight has larger ones"):
        make_demonstration(source, out=out)
    assert not out.exists()
