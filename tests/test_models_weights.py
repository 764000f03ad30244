"""Where weights come from: each source is named and hashed, each wrong one is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from fetalseg_lib.models import build_model
from fetalseg_lib.models import weights as module
from fetalseg_lib.models.weights import PHANTOM_VARIABLE, WEIGHTS_VARIABLE, resolve_encoder_weights


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (WEIGHTS_VARIABLE, PHANTOM_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="module")
def torchvision_state() -> dict[str, Tensor]:
    torch.manual_seed(3)
    return mobilenet_v2().state_dict()


@pytest.fixture
def weights_file(tmp_path: Path, torchvision_state: dict[str, Tensor]) -> Path:
    file = tmp_path / "encoder.safetensors"
    save_file(torchvision_state, file)
    return file


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_is_loaded_named_and_hashed(weights_file: Path, torchvision_state: dict[str, Tensor]) -> None:
    model = build_model("proposed", encoder_weights=str(weights_file))
    assert model.encoder_weights_record == {"source": "encoder.safetensors", "sha256": sha256(weights_file)}
    deep = "features.18.0.weight"
    assert torch.equal(model.state_dict()["encoder.enc5.18.0.weight"], torchvision_state[deep])


@pytest.mark.parametrize(
    ("variant", "unfolded"), [("proposed", False), ("reestimated_encoder", True), ("trainable_encoder", True)]
)
def test_folded_weights_are_unfolded_before_their_statistics_may_change(
    variant: str, unfolded: bool, weights_file: Path
) -> None:
    """The file's network is as torchvision makes it: every mean 0 and every variance 1, as if folded."""
    source = build_model(variant, encoder_weights=weights_file).encoder_weights_record["source"]
    assert source == "encoder.safetensors" + " (BatchNorm unfolded)" * unfolded


def test_the_variable_stands_in_for_imagenet(weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(weights_file))
    assert resolve_encoder_weights("imagenet").record["source"] == "encoder.safetensors"
    assert resolve_encoder_weights("random").record["source"] == "random"


@pytest.mark.weights
def test_the_real_file_is_hashed(encoder_weights: Path) -> None:
    assert resolve_encoder_weights(encoder_weights).sha256 == sha256(encoder_weights)


def test_torchvisions_download_is_named_and_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torchvision_state: dict[str, Tensor]
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    file = tmp_path / "checkpoints" / MobileNet_V2_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    file.parent.mkdir()
    torch.save(torchvision_state, file)
    monkeypatch.setattr(
        MobileNet_V2_Weights,
        "get_state_dict",
        lambda self, **_: torch.load(file, weights_only=True),
    )
    weights = resolve_encoder_weights("imagenet")
    assert weights.record == {
        "source": "torchvision MobileNet_V2_Weights.IMAGENET1K_V1",
        "sha256": sha256(file),
    }


class Malicious:
    """What unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return Path.touch, (self.path,)


def test_a_pickle_in_torchs_cache_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    file = tmp_path / "checkpoints" / MobileNet_V2_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    file.parent.mkdir()
    torch.save(Malicious(tmp_path / "trap"), file)
    with pytest.raises(ValueError, match=r"mobilenet_v2.*\.pth holds more than weights and is not opened"):
        resolve_encoder_weights("imagenet")
    torch.save(Malicious(tmp_path / "trap"), tmp_path / "encoder.safetensors")
    with pytest.raises(ValueError, match=r"no readable \.safetensors file"):
        resolve_encoder_weights(tmp_path / "encoder.safetensors")
    assert not (tmp_path / "trap").exists()


def test_an_impossible_download_names_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr(MobileNet_V2_Weights, "get_state_dict", fail)
    with pytest.raises(ConnectionError, match="Name or service not known") as raised:
        build_model("proposed")
    assert WEIGHTS_VARIABLE in str(raised.value)
    assert ".safetensors" in str(raised.value)
    assert '"random"' in str(raised.value)


def test_half_precision_is_read_as_single(
    tmp_path: Path, torchvision_state: dict[str, Tensor], weights_file: Path
) -> None:
    halved = {k: v.half() if v.is_floating_point() else v for k, v in torchvision_state.items()}
    save_file(halved, tmp_path / "half.safetensors")
    half = resolve_encoder_weights(tmp_path / "half.safetensors").state_dict
    single = resolve_encoder_weights(weights_file).state_dict
    for name, value in single.items():
        assert half[name].dtype == value.dtype
        torch.testing.assert_close(half[name], value, rtol=1e-3, atol=1e-6)


def test_the_phantom_encoder_is_the_file_that_the_variable_names(
    tmp_path: Path, torchvision_state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "simulated.safetensors"
    save_file(torchvision_state, file, metadata={"task": "phantom"})
    monkeypatch.setenv(PHANTOM_VARIABLE, str(file))
    expected = {"source": "simulated.safetensors", "sha256": sha256(file), "task": "phantom"}
    assert build_model("phantom_encoder").encoder_weights_record == expected


@pytest.mark.parametrize("variant", ["unet", "random_encoder", "random_trainable_encoder"])
def test_variants_without_pretraining_look_for_no_weights(
    variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MobileNet_V2_Weights, "get_state_dict", lambda *_, **__: pytest.fail("downloaded"))
    expected = "none" if variant == "unet" else "random"
    assert build_model(variant).encoder_weights_record == {"source": expected, "sha256": None}


class TestWrongFile:
    """Each is refused by name, with what is wrong about it."""

    def test_missing_file_names_argument_and_path(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"encoder_weights: .*nothing\.safetensors"):
            resolve_encoder_weights(tmp_path / "nothing.safetensors")

    def test_missing_file_of_the_variable_names_the_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(WEIGHTS_VARIABLE, "nowhere.safetensors")
        with pytest.raises(FileNotFoundError, match=f"{WEIGHTS_VARIABLE}: .*nowhere.safetensors"):
            resolve_encoder_weights("imagenet")

    def test_phantom_without_a_file_names_the_variable_and_the_command(self) -> None:
        with pytest.raises(ValueError, match=f"{PHANTOM_VARIABLE}: .*not set; .*--task phantom"):
            build_model("phantom_encoder")

    def test_missing_phantom_file_names_the_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(PHANTOM_VARIABLE, "nowhere.safetensors")
        with pytest.raises(FileNotFoundError, match=f"{PHANTOM_VARIABLE}: .*nowhere.safetensors"):
            resolve_encoder_weights("phantom")

    def test_a_package_without_its_weights(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "PROCEDURAL", tmp_path / "procedural.safetensors")
        with pytest.raises(FileNotFoundError, match=r"procedural\.safetensors: .*install the package again"):
            resolve_encoder_weights("procedural")

    def test_packaged_weights_that_are_not_those_of_their_record(
        self, weights_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weights_file.with_suffix(".json").write_text('{"sha256": "0123"}')
        monkeypatch.setattr(module, "PROCEDURAL", weights_file)
        with pytest.raises(ValueError, match=f"expected sha256 0123, got {sha256(weights_file)}"):
            resolve_encoder_weights("procedural")

    def test_misspelt_source_is_taken_for_a_path_and_says_so(self) -> None:
        with pytest.raises(FileNotFoundError, match=r'expected "imagenet", .*"random" or .*imagnet'):
            resolve_encoder_weights("imagnet")

    def test_other_format(self, tmp_path: Path) -> None:
        file = tmp_path / "weights.pth"
        torch.save({"features.0.0.weight": torch.zeros(1)}, file)
        with pytest.raises(ValueError, match=r"weights\.pth is no readable \.safetensors file"):
            resolve_encoder_weights(file)

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"features.0.0.weight": None}, r"missing: features\.0\.0\.weight"),
            ({"encoder.extra": torch.zeros(1)}, r"unexpected: encoder\.extra"),
            (
                {"features.0.0.weight": torch.zeros(32, 1, 3, 3)},
                r"features\.0\.0\.weight \(32, 1, 3, 3\) instead of \(32, 3, 3, 3\)",
            ),
        ],
        ids=["missing key", "unexpected key", "other shape"],
    )
    def test_other_layout(
        self,
        tmp_path: Path,
        torchvision_state: dict[str, Tensor],
        change: dict[str, Tensor | None],
        named: str,
    ) -> None:
        state = {**torchvision_state, **change}
        file = tmp_path / "other.safetensors"
        save_file({key: value for key, value in state.items() if value is not None}, file)
        with pytest.raises(ValueError, match=named):
            resolve_encoder_weights(file)


def test_random_weights_follow_the_seed() -> None:
    def drawn(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return resolve_encoder_weights("random").state_dict["18.0.weight"]

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_random_frozen_encoder_still_tells_images_apart() -> None:
    """As drawn, BatchNorm in eval mode would let the signal die: the last tap would be constant."""
    torch.manual_seed(0)
    encoder = build_model("random_encoder").encoder
    assert isinstance(encoder, torch.nn.Module)
    for tap in encoder(torch.rand(4, 1, 64, 64)):
        assert tap.std() > 0.1
