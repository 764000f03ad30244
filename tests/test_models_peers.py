"""Other libraries' networks: they are what their libraries build, and take grey images as ours do."""

from __future__ import annotations

import sys

import pytest
import segmentation_models_pytorch as smp
import torch
from torchvision.models import MobileNet_V2_Weights

from fetalseg_book.complexity import count_flops
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import Peer, PeerConfig, build_model, network_config
from fetalseg_lib.models.weights import resolve_encoder_weights
from fetalseg_lib.training.device import deterministic

PEERS = ["peer_unet", "peer_deeplabv3plus", "peer_lraspp"]


@pytest.mark.parametrize(
    ("variant", "millions", "gflops"),
    [("peer_unet", 6.63, 6.67), ("peer_deeplabv3plus", 4.38, 2.94), ("peer_lraspp", 3.22, 0.97)],
)
def test_size_is_what_the_libraries_networks_have_on_one_channel(
    variant: str, millions: float, gflops: float
) -> None:
    model = build_model(variant, encoder_weights="random")
    total, trainable = count_parameters(model)
    assert total == trainable  # trained whole, as their libraries do by default
    assert round(total / 1e6, 2) == millions
    assert round(count_flops(model)["flops"].sum() / 1e9, 2) == gflops


@pytest.mark.parametrize(("network", "original"), [("unet", smp.Unet), ("deeplabv3plus", smp.DeepLabV3Plus)])
def test_answers_as_the_library_does_to_the_grey_image_in_three_normalised_channels(
    network: str, original: type
) -> None:
    """The library's own network, with the same weights, fed as its users would feed it."""
    torch.manual_seed(0)
    ours = Peer(PeerConfig(network=network), encoder_weights="procedural").eval()  # type: ignore[arg-type]
    theirs = original("mobilenet_v2", encoder_weights=None, in_channels=3, classes=1).eval()
    state = {name.removeprefix("network."): value for name, value in ours.state_dict().items()}
    colours = resolve_encoder_weights("procedural").for_training().state_dict["0.0.weight"]
    state["encoder.features.0.0.weight"] = colours
    for buffer in ("mean", "std", "tint"):
        del state[f"encoder.features.0.0.{buffer}"]
    theirs.load_state_dict(state)

    grey = torch.rand(2, 1, 64, 96)
    normalised = MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    mean, std = (torch.tensor(values)[:, None, None] for values in (normalised.mean, normalised.std))
    with torch.no_grad():
        torch.testing.assert_close(
            ours(grey), theirs((grey.expand(-1, 3, -1, -1) - mean) / std), rtol=1e-3, atol=1e-4
        )


def test_record_says_which_weights_were_loaded() -> None:
    assert build_model("peer_unet", encoder_weights="procedural").encoder_weights_record == (
        resolve_encoder_weights("procedural").for_training().record
    )
    random = {"source": "random", "sha256": None}
    assert build_model(
        "peer_unet", encoder_weights="procedural", pretrained=False
    ).encoder_weights_record == (random)
    assert build_model("peer_lraspp", encoder_weights="procedural").encoder_weights_record == random


@pytest.mark.parametrize("variant", PEERS)
def test_trains_by_algorithms_that_repeat_to_the_last_bit(variant: str) -> None:
    def gradients() -> list[torch.Tensor]:
        torch.manual_seed(0)
        model = build_model(variant, encoder_weights="random").train()
        with deterministic(torch.device("cpu")):
            model(torch.rand(2, 1, 64, 64)).square().mean().backward()
        return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]

    assert all(map(torch.equal, gradients(), gradients()))


@pytest.mark.parametrize("variant", ["peer_unet", "peer_deeplabv3plus"])
def test_without_the_library_the_error_names_the_extra(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(ModuleNotFoundError, match=r"fetalseg_lib\[peers\]"):
        build_model(variant, encoder_weights="random")


def test_torchvisions_network_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    assert build_model("peer_lraspp").encoder_weights_record["source"] == "random"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"network": "segnet"}, ValueError, "network: expected one of unet, deeplabv3plus, lraspp"),
        ({"stem": "sum"}, TypeError, "unknown option 'stem'.*Known: network, pretrained"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        network_config("peer_unet", **options)
