"""An exported file must compute what the network computes, say how, and be there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from torch import nn

from fetalseg_book.studies.export_parity import differences
from fetalseg_lib import NOTICE, __version__
from fetalseg_lib.apply.export import write
from fetalseg_lib.apply.export.graph import build_graph, fold_stem
from fetalseg_lib.apply.export.quantize import KEPT, NEAR, Calibration, calibrate_on, halve
from fetalseg_lib.apply.export.runtime import OnnxNetwork
from fetalseg_lib.apply.export.write import ParityError, export_network
from fetalseg_lib.cli import main
from fetalseg_lib.data import splits
from fetalseg_lib.data.training_range import PROPERTIES, TrainingRange
from fetalseg_lib.models import build_model
from fetalseg_lib.training.checkpoint import save_weights

SIZE = (64, 64)
NARROW = {
    "aspp_channels": 8,
    "aspp_pool_channels": 8,
    "bottleneck_channels": 32,
    "decoder_channels": [32, 16, 16, 8, 8],
}
NETWORKS: Mapping[str, Mapping[str, object]] = {
    "unet": {"base_width": 4},
    "proposed": NARROW,
    "no_aspp": {**NARROW, "aspp": False},
    "bilinear_up": {**NARROW, "upsampling": "bilinear"},
}
RANGE = TrainingRange(images=3, low=dict.fromkeys(PROPERTIES, 1.0), high=dict.fromkeys(PROPERTIES, 2.0))


def network(variant: str) -> nn.Module:
    """Random weights, and the statistics of batch normalisation that a training could have left."""
    torch.manual_seed(0)
    model = build_model(variant, encoder_weights="random", **NETWORKS[variant])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, std=0.2)
    return model.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def weights(folder: Path) -> dict[str, Path]:
    """A file of weights for each network."""
    files = {}
    for variant, options in NETWORKS.items():
        config = {"variant": variant, "network": options, "image_size": SIZE, "data": "phantom"}
        files[variant] = folder / f"{variant}.safetensors"
        metadata = {"config": json.dumps(config), "hash": "abc", "training_range": RANGE.to_json()}
        save_weights(network(variant), files[variant], metadata)
    return files


@pytest.fixture(scope="module")
def exported(folder: Path, weights: dict[str, Path]) -> dict[str, Path]:
    """The float32 file of each network."""
    return {
        variant: export_network(path, folder / f"{variant}.onnx").path for variant, path in weights.items()
    }


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate_on("phantom", image_size=SIZE, images=8)


@pytest.fixture(scope="module")
def int8(folder: Path, weights: dict[str, Path], calibration: Calibration) -> Path:
    out = folder / "proposed-int8.onnx"
    return export_network(weights["proposed"], out, precision="int8", calibration=calibration).path


def images(batch: int) -> np.ndarray:
    return np.random.default_rng(batch).integers(0, 256, (batch, 1, *SIZE)).astype(np.float32)


# The same numbers


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("variant", NETWORKS)
def test_grey_levels_in_give_the_network_s_logits_and_probabilities(
    variant: str, batch: int, exported: dict[str, Path]
) -> None:
    session = onnxruntime.InferenceSession(exported[variant], providers=["CPUExecutionProvider"])
    grey = images(batch)
    probability, logits = session.run(["probability", "logits"], {"image": grey})
    with torch.inference_mode():
        expected = network(variant)(torch.from_numpy(grey) / 255)
    assert expected.std() > 1e-3, "an answer that does not depend on the image would prove nothing"
    torch.testing.assert_close(torch.from_numpy(logits), expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(torch.from_numpy(probability), expected.sigmoid(), rtol=0, atol=1e-5)


def test_a_file_is_a_network_like_any_other(exported: dict[str, Path]) -> None:
    image = torch.rand(2, 1, *SIZE)
    with torch.inference_mode():
        expected = network("proposed")(image)
    torch.testing.assert_close(OnnxNetwork(exported["proposed"])(image), expected, rtol=0, atol=1e-4)


def test_the_network_itself_is_left_as_it_was() -> None:
    model = network("no_aspp").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    build_graph(model, image_size=SIZE)
    assert [module.training for module in model.modules()] == modes
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_folding_the_stem_s_normalisation_changes_nothing_but_the_number_of_steps() -> None:
    model, image = network("no_aspp"), torch.rand(1, 1, *SIZE)
    with torch.inference_mode():
        expected = model(image)
        norms = sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())
        fold_stem(model)
        assert sum(isinstance(module, nn.BatchNorm2d) for module in model.modules()) == norms - 1
        torch.testing.assert_close(model(image), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("variant", NETWORKS)
def test_no_normalisation_by_a_batch_is_left_and_no_runtime_s_own_operation(
    variant: str, exported: dict[str, Path]
) -> None:
    graph = onnx.load(exported[variant])
    onnx.checker.check_model(graph, full_check=True)
    assert "BatchNormalization" not in {node.op_type for node in graph.graph.node}
    assert [opset.domain for opset in graph.opset_import] == [""]


# Smaller


def test_half_the_bytes_and_nearly_the_same_answer(folder: Path, weights: dict[str, Path]) -> None:
    done = export_network(weights["proposed"], folder / "half.onnx", precision="float16")
    whole = (folder / "proposed.onnx").stat().st_size / 1e6
    assert 0.45 * whole < done.megabytes < 0.6 * whole
    assert 0 < done.spread < 0.01
    ports = [*onnx.load(done.path).graph.input, *onnx.load(done.path).graph.output]
    assert {port.type.tensor_type.elem_type for port in ports} == {onnx.TensorProto.FLOAT}


def test_a_weight_too_large_for_half_precision_is_refused(exported: dict[str, Path]) -> None:
    graph = onnx.load(exported["unet"])
    kernel = next(stored for stored in graph.graph.initializer if len(stored.dims) == 4)
    values = onnx.numpy_helper.to_array(kernel).copy()
    values[0, 0, 0, 0] = 1e5
    kernel.CopyFrom(onnx.numpy_helper.from_array(values, kernel.name))
    with pytest.raises(ValueError, match="weights that float16 can hold"):
        halve(graph)


def test_int8_takes_less_than_a_third_and_strays_little(int8: Path, exported: dict[str, Path]) -> None:
    assert int8.stat().st_size < exported["proposed"].stat().st_size / 3
    image = torch.rand(3, 1, *SIZE)
    with torch.inference_mode():
        expected = network("proposed")(image)
    found = OnnxNetwork(int8)(image)
    assert (found - expected).std() < 0.3 * expected.std()
    assert not torch.equal(found, expected)


def test_int8_has_a_scale_for_each_output_channel_and_zero_in_the_middle(int8: Path) -> None:
    """And the first stages of the encoder, which cannot bear it, are as they were; so is the last one."""
    graph = onnx.load(int8).graph
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    restored = {node.output[0]: node.input for node in graph.node if node.op_type == "DequantizeLinear"}
    convolutions = [node for node in graph.node if node.op_type in ("Conv", "ConvTranspose")]
    kept = [node for node in convolutions if any(stage in node.name for stage in (*KEPT, "/head/"))]
    assert 0 < len(kept) < len(convolutions) / 2
    for node in kept:
        assert stored[node.input[1]].dtype == np.float32
    for node in convolutions:
        if node not in kept:
            kernel, scale, zero = (stored[name] for name in restored[node.input[1]])
            channels = kernel.shape[1 if node.op_type == "ConvTranspose" else 0]
            assert kernel.dtype == np.uint8
            assert scale.shape == zero.shape == (channels,)
            assert set(zero) == {128}


def test_int8_pushes_no_outline_one_way_on_the_images_that_calibrated_it(
    int8: Path, calibration: Calibration
) -> None:
    image = torch.from_numpy(calibration.images[:, None]).float() / 255
    with torch.inference_mode():
        expected = network("proposed")(image)
    near = expected.abs() < NEAR
    assert near.float().mean() > 0.01
    difference = OnnxNetwork(int8)(image) - expected
    assert abs(difference[near].mean()) < 1e-4
    assert difference[near].std() > 1e-4


# What a file says


def test_metadata_comes_back(weights: dict[str, Path], exported: dict[str, Path]) -> None:
    said = {item.key: item.value for item in onnx.load(exported["proposed"]).metadata_props}
    assert said == OnnxNetwork(exported["proposed"]).metadata
    assert said["weights_sha256"] == hashlib.sha256(weights["proposed"].read_bytes()).hexdigest()
    assert json.loads(said["image_size"]) == list(SIZE)
    assert TrainingRange.from_json(said["training_range"]) == RANGE
    assert said["about"] == NOTICE
    expected = {"version": __version__, "variant": "proposed", "config_hash": "abc", "precision": "float32"}
    assert expected.items() <= said.items()
    assert "255" in said["normalisation"]
    assert {"name", "licence", "resize", "native", "threshold"} <= set(said)
    assert "calibration" not in said
    assert "attribution" not in said, "phantoms are nobody's"


def test_int8_says_what_it_was_calibrated_on(int8: Path, calibration: Calibration) -> None:
    said = OnnxNetwork(int8).metadata["calibration"]
    assert said == calibration.description
    assert said.startswith("phantoms, 8 images, sha256 ")


def test_the_same_weights_give_the_same_bytes_and_no_path_of_the_machine(
    folder: Path, weights: dict[str, Path], exported: dict[str, Path]
) -> None:
    again = export_network(weights["unet"], folder / "again.onnx").path
    assert again.read_bytes() == exported["unet"].read_bytes()
    for part in (str(folder), str(Path.cwd()), sys.prefix):
        assert part.encode() not in again.read_bytes()


@pytest.mark.hc18
def test_calibration_images_are_of_the_validation_fold(hc18_root: Path) -> None:
    found = calibrate_on("hc18", image_size=SIZE, data_root=hc18_root, images=3)
    assert found.images.shape == (3, *SIZE)
    assert found.source == "HC18, validation fold"
    names = splits.load("hc18").query("fold == 'validation'")["filename"]
    every = calibrate_on("hc18", image_size=(32, 32), data_root=hc18_root, images=10**4)
    assert len(every.images) == len(names)


# Whole or not at all


def test_a_graph_that_computes_something_else_is_never_left(
    weights: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.onnx"
    out.write_bytes(b"an older file")

    def other(*_: object, **options: object) -> onnx.ModelProto:
        model = network("unet")
        with torch.no_grad():
            model.head.bias.add_(2e-4)
        return build_graph(model, image_size=SIZE)

    monkeypatch.setattr(write, "convert", other)
    with pytest.raises(
        ParityError, match=r"a\.onnx: expected a float32 file .* within 0\.0001, got logits 0\.0002"
    ):
        export_network(weights["unet"], out)
    assert out.read_bytes() == b"an older file"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(("largest", "spread"), [(0.1, 0.5), (float("nan"), float("nan"))])
@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_no_precision_may_stray_without_bounds_or_be_no_number(
    precision: str, largest: float, spread: float
) -> None:
    with pytest.raises(ParityError, match="nothing was written"):
        write._refuse(Path("a.onnx"), precision, largest, spread)


# Bad input

UNUSABLE = {
    "nowhere -o a.onnx": "nowhere: expected a file of weights, found none",
    "pickle -o a.onnx": "expected a safetensors file, got a pickle",
    "GOOD -o a.pt": "a.pt: expected the name of a file that ends in .onnx",
    "GOOD -o taken.onnx": "taken.onnx: expected the name of a file",
    "GOOD -o pickle/a.onnx": "pickle",
    "GOOD -o a.onnx --precision int8 --data empty": "empty: no HC18 data here",
}


@pytest.mark.parametrize("command", UNUSABLE)
def test_unusable_arguments_are_named_and_leave_nothing(
    command: str,
    weights: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pickle").write_bytes(b"\x80\x04.")
    Path("empty").mkdir()
    Path("taken.onnx").mkdir()
    arguments = [str(weights["unet"]) if word == "GOOD" else word for word in command.split()]
    assert main(["export", *arguments]) == 2
    assert UNUSABLE[command] in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "pickle", "taken.onnx"]


def test_an_unknown_precision_and_a_calibration_that_does_not_fit_are_refused(
    weights: dict[str, Path], tmp_path: Path, calibration: Calibration
) -> None:
    out = tmp_path / "a.onnx"
    with pytest.raises(ValueError, match="precision: expected float32, float16, int8; got 'int4'"):
        export_network(weights["unet"], out, precision="int4")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="calibration: expected images for int8"):
        export_network(weights["unet"], out, precision="int8")
    with pytest.raises(ValueError, match="and for no other precision"):
        export_network(weights["unet"], out, calibration=calibration)
    other = Calibration(images=np.zeros((1, 32, 32), np.uint8), source="nothing")
    with pytest.raises(ValueError, match=r"expected images of \(64, 64\), got \(32, 32\)"):
        export_network(weights["unet"], out, precision="int8", calibration=other)
    assert not out.exists()


@pytest.mark.parametrize(
    "pixels", [np.zeros((0, 4, 4), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((1, 4, 4), np.float32)]
)
def test_a_calibration_needs_images(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected at least one image, uint8 N H W"):
        Calibration(images=pixels, source="nothing")


def test_an_unknown_source_of_calibration_is_refused() -> None:
    with pytest.raises(ValueError, match="expected hc18 or phantom, got 'test'"):
        calibrate_on("test", image_size=SIZE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="images: expected at least 1, got 0"):
        calibrate_on("phantom", image_size=SIZE, images=0)


def test_what_is_no_file_of_ours_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx: expected an ONNX file, found none"):
        OnnxNetwork(tmp_path / "nowhere.onnx")
    (tmp_path / "text.onnx").write_text("no graph")
    with pytest.raises(ValueError, match=r"text\.onnx: expected an ONNX file, got one that"):
        OnnxNetwork(tmp_path / "text.onnx")
    port = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "other", port[:1], port[1:])
    opset = onnx.helper.make_opsetid("", 18)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9), tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"expected the input image and the outputs .*, got x, y"):
        OnnxNetwork(tmp_path / "other.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_its_mend(
    package: str, weights: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=r"install the extra `export`: python -m pip install"):
        export_network(weights["unet"], tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


# What int8 promises


def test_differences_are_of_the_means_and_of_each_image() -> None:
    one = pd.DataFrame({"dice": [0.9, 0.8], "hc_mm": [100.0, 200.0], "hc_error_mm": [2.0, -2.0]})
    two = pd.DataFrame({"dice": [0.902, 0.7996], "hc_mm": [100.3, 200.2], "hc_error_mm": [2.3, -1.8]})
    found = differences(one, two)
    assert found["dice_difference_points"] == pytest.approx((0.2 - 0.04) / 2)
    assert found["dice_change_points_mean"] == pytest.approx((0.2 + 0.04) / 2)
    assert found["hc_abs_error_difference_mm"] == pytest.approx((0.3 - 0.2) / 2)
    assert found["hc_error_difference_mm"] == pytest.approx((0.3 + 0.2) / 2)
    assert found["hc_change_mm_mean"] == pytest.approx(0.25)
    assert found["hc_change_mm_largest"] == pytest.approx(0.3)
    assert found["kept"]


@pytest.mark.parametrize(("points", "mm"), [(0.11, 0.0), (-0.11, 0.0), (0.0, 0.11), (0.0, -0.11)])
def test_a_promise_is_broken_in_either_direction(points: float, mm: float) -> None:
    one = pd.DataFrame({"dice": [0.9], "hc_mm": [100.0], "hc_error_mm": [5.0]})
    two = one.assign(dice=0.9 + points / 100, hc_error_mm=5.0 + mm)
    assert not differences(one, two)["kept"]
