"""From procedural images or phantoms to an encoder's file: what was trained is what is read back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2
from torchvision.transforms.functional import normalize

from fetalseg_book.__main__ import main
from fetalseg_book.studies.pretraining import images as procedural
from fetalseg_book.studies.pretraining import pretrain as study
from fetalseg_book.studies.pretraining.grey_encoder import features_of, grey_encoder
from fetalseg_book.studies.pretraining.loop import PretrainingConfig
from fetalseg_book.studies.pretraining.network import DensePretraining
from fetalseg_lib.models import build_model
from fetalseg_lib.models.encoder import MobileNetV2Encoder
from fetalseg_lib.models.weights import EncoderWeights, resolve_encoder_weights
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.study.run import build_network

ROUNDING = 0.03
"""Half precision has three digits, and the depth of a random encoder makes more of the fourth."""
TINY = PretrainingConfig(images=8, size=32, epochs=1, batch_size=4, precision="float32", device="cpu")


def grey(n: int = 2) -> Tensor:
    return torch.rand(n, 1, 64, 96, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def moved_encoder() -> MobileNetV2Encoder:
    """An encoder whose weights and statistics are no longer those that it was made with."""
    torch.manual_seed(0)
    encoder = grey_encoder()
    optimizer = torch.optim.SGD(encoder.parameters(), lr=1e-3)
    for _ in range(2):
        sum(tap.square().mean() for tap in encoder(grey(4))).backward()  # type: ignore[union-attr]
        optimizer.step()
    return encoder.eval()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, moved_encoder: MobileNetV2Encoder) -> Path:
    out = tmp_path_factory.mktemp("encoder") / "mine.safetensors"
    about: dict[str, Any] = {"task": "phantom", "config": {"seed": 0}, "history": [{"seconds": 1.5}]}
    study.keep_encoder(out, features_of(moved_encoder), about=about)
    return out


def far(ours: Tensor, theirs: Tensor) -> float:
    return float(((ours - theirs).norm() / theirs.norm()).detach())


class TestReadBack:
    def test_sum_stem_computes_what_was_trained(self, kept: Path, moved_encoder: MobileNetV2Encoder) -> None:
        encoder = build_model("proposed", encoder_weights=kept, stem="sum").encoder
        assert isinstance(encoder, nn.Module)
        with torch.no_grad():
            for ours, theirs in zip(encoder(grey()), moved_encoder(grey()), strict=True):
                assert far(ours, theirs) < ROUNDING

    def test_mean_stem_answers_with_a_third(self, kept: Path, moved_encoder: MobileNetV2Encoder) -> None:
        encoder = build_model("proposed", encoder_weights=kept, stem="mean").encoder
        assert isinstance(encoder, nn.Module)
        ours, theirs = (e.get_submodule("enc1.0.0")(grey()) for e in (encoder, moved_encoder))
        assert far(3 * ours, theirs) < 5e-3

    def test_torchvisions_own_network_agrees_on_the_image_in_three_channels(
        self, kept: Path, moved_encoder: MobileNetV2Encoder
    ) -> None:
        features = mobilenet_v2().features.eval()
        state = {name.removeprefix("features."): value for name, value in load_file(kept).items()}
        features.load_state_dict(state)
        preset = MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
        colours = normalize(grey().expand(-1, 3, -1, -1), mean=preset.mean, std=preset.std)
        with torch.no_grad():
            assert far(features(colours), moved_encoder(grey())[-1]) < ROUNDING

    def test_a_stem_with_a_tint_is_refused(self) -> None:
        torch.manual_seed(0)
        coloured = resolve_encoder_weights("random")
        with pytest.raises(ValueError, match="expected a stem without tint, made by grey_encoder"):
            features_of(MobileNetV2Encoder(coloured, stem="sum", training="trainable"))

    def test_weights_that_half_precision_cannot_hold_are_refused(self, tmp_path: Path) -> None:
        broken = {"features.0.0.weight": torch.tensor([1e6])}
        about: dict[str, Any] = {"task": "procedural", "config": {}, "history": []}
        with pytest.raises(ValueError, match=r"features\.0\.0\.weight: expected weights that float16"):
            study.keep_encoder(tmp_path / "x.safetensors", broken, about=about)
        assert not list(tmp_path.iterdir())


def test_an_encoder_taught_on_phantoms_is_known_by_its_file(kept: Path) -> None:
    """Also where its path is given, which says nothing."""
    settings: dict[str, Any] = {"variant": "proposed", "seed": 0, "profile": load_profile("smoke")}
    config = configure(**settings, data="phantom", encoder_weights=str(kept))
    with pytest.raises(ValueError, match="encoder_weights: 'phantom' has learned to segment phantoms"):
        build_network(config)
    real = build_network(configure(**settings, data="hc18", encoder_weights=str(kept)))
    assert isinstance(real.encoder_weights_record, dict)
    assert real.encoder_weights_record["task"] == "phantom"


def test_every_epoch_brings_new_images_and_the_batches_hold_what_was_drawn() -> None:
    epochs = [list(study.procedural_batches(TINY, epoch=epoch)) for epoch in (1, 2)]
    drawn = procedural.stack(range(16), seed=0, size=32)
    images = torch.cat([image for epoch in epochs for image, _ in epoch])
    assert torch.equal(images[:, 0] * 255, torch.from_numpy(drawn.image).float())
    targets = epochs[1][1][1]
    assert torch.equal(targets.texture, torch.from_numpy(drawn.texture[12:]).long())
    assert torch.equal(targets.edges[:, 0], torch.from_numpy(drawn.edges[12:]).float())


def test_procedural_pretraining_by_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[MobileNetV2Encoder] = []

    def keep_model(model: nn.Module, **given: Any) -> Any:
        history = real(model, **given)
        assert isinstance(model, DensePretraining)
        trained.append(model.encoder)
        return history

    real = study.pretrain
    monkeypatch.setattr(study, "pretrain", keep_model)
    out = tmp_path / "mine.safetensors"
    arguments = ["--images", "32", "--size", "32", "--epochs", "2", "--device", "cpu"]
    assert main(["pretrain", *arguments, "-o", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (record["images_seen"], record["task"], len(record["history"])) == (64, "procedural", 2)
    assert {path.name for path in tmp_path.iterdir()} == {"mine.safetensors", "mine.json"}
    encoder = MobileNetV2Encoder(resolve_encoder_weights(out), stem="sum")
    with torch.no_grad():
        assert far(encoder(grey())[2], trained[0].eval()(grey())[2]) < ROUNDING


def test_phantom_pretraining_trains_the_encoder_it_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FETALSEG_CACHE", str(tmp_path / "cache"))
    config = PretrainingConfig(images=16, size=32, epochs=1, batch_size=4, precision="float32", device="cpu")
    out = study.pretrain_phantom(config, out=tmp_path / "phantom.safetensors", progress=False)
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["task"] == "phantom"
    assert record["config"]["training"]["weight_decay"] == 1e-4  # Adam's, not the other task's of AdamW
    assert 0 < record["images_seen"] < 16  # some are kept to validate on
    assert record["history"][0]["validation_dice"] >= 0
    network = load_file(out.with_suffix(".training") / "weights.safetensors")
    kept = resolve_encoder_weights(out)
    assert kept.task == "phantom"
    for name in ("18.0.weight", "18.1.running_mean"):  # as the trained network has them
        torch.testing.assert_close(
            kept.state_dict[name], network[f"encoder.enc5.{name}"], rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "encoder.pt"], "--out: expected a file that ends in .safetensors, got encoder.pt"),
        (["--size", "100"], "size: expected a multiple of 32, got 100"),
        (["--images", "0"], "images: expected a whole number >= 1, got 0"),
        (["--epochs", "0"], "epochs: expected a whole number >= 1, got 0"),
        (["--seed", "-1"], "seed: expected a whole number >= 0, got -1"),
    ],
)
def test_bad_arguments_are_answered(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["pretrain", "-o", str(tmp_path / "x.safetensors"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_grey_encoder_begins_without_a_tint_and_trainable() -> None:
    encoder = grey_encoder()
    weights = EncoderWeights(
        state_dict={n.removeprefix("features."): v for n, v in features_of(encoder).items()},
        source="x",
        sha256=None,
    )
    again = MobileNetV2Encoder(weights, stem="sum")
    assert again.get_buffer("enc1.0.0.tint").abs().max() < 1e-5
    assert all(parameter.requires_grad for parameter in encoder.parameters())
