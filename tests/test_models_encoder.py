"""The encoder against torchvision's own network, and frozen to the last bit."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.transforms.functional import normalize

from fetalseg_lib.models.encoder import TAP_CHANNELS, TAPS, EncoderTraining, MobileNetV2Encoder
from fetalseg_lib.models.stem import GreyStem
from fetalseg_lib.models.weights import EncoderWeights, resolve_encoder_weights


@pytest.fixture(scope="module")
def random_weights() -> EncoderWeights:
    torch.manual_seed(0)
    return resolve_encoder_weights("random")


@pytest.fixture
def grey() -> Tensor:
    return torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(1))


def as_imagenet_input(grey: Tensor) -> Tensor:
    """What an RGB network is given: the grey image three times, normalised channel by channel."""
    preset = MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    return normalize(grey.expand(-1, 3, -1, -1), mean=preset.mean, std=preset.std)


def torchvision_taps(weights: EncoderWeights, grey: Tensor) -> list[Tensor]:
    """The same five feature maps from the RGB network, found by torchvision's feature extraction."""
    network = mobilenet_v2().eval()
    network.features.load_state_dict(weights.state_dict)
    extractor = create_feature_extractor(network, {f"features.{tap}": f"features.{tap}" for tap in TAPS})
    with torch.no_grad():
        return list(extractor(as_imagenet_input(grey)).values())


def assert_taps_agree(weights: EncoderWeights, grey: Tensor) -> None:
    encoder = MobileNetV2Encoder(weights, stem="sum")
    with torch.no_grad():
        taps = encoder(grey)
    expected = torchvision_taps(weights, grey)
    assert [tuple(tap.shape) for tap in taps] == [tuple(tap.shape) for tap in expected]
    for tap, reference in zip(taps, expected, strict=True):
        torch.testing.assert_close(tap, reference, rtol=1e-3, atol=1e-4 * float(reference.abs().max()))


def test_taps_are_torchvisions(random_weights: EncoderWeights, grey: Tensor) -> None:
    assert_taps_agree(random_weights, grey)


@pytest.mark.weights
def test_taps_are_torchvisions_with_imagenet_weights(encoder_weights: Path, grey: Tensor) -> None:
    assert_taps_agree(resolve_encoder_weights(encoder_weights), grey)


def test_taps_have_the_notes_channels_and_scales(random_weights: EncoderWeights) -> None:
    taps = MobileNetV2Encoder(random_weights)(torch.rand(1, 1, 256, 256))
    shapes = [tuple(tap.shape[1:]) for tap in taps]
    assert shapes == [(16, 128, 128), (24, 64, 64), (32, 32, 32), (96, 16, 16), (1280, 8, 8)]
    assert tuple(shape[0] for shape in shapes) == TAP_CHANNELS


class TestStem:
    """One grey kernel for three coloured ones."""

    rgb = torch.randn(8, 3, 3, 3, generator=torch.Generator().manual_seed(2))

    def rgb_response(self, grey: Tensor) -> Tensor:
        return torch.nn.functional.conv2d(as_imagenet_input(grey), self.rgb, stride=2, padding=1)

    @pytest.mark.parametrize("size", [(4, 4), (32, 64), (96, 32)])
    def test_sum_equals_the_rgb_convolution_borders_included(self, size: tuple[int, int]) -> None:
        grey = torch.rand(3, 1, *size)
        torch.testing.assert_close(
            GreyStem(self.rgb, stem="sum")(grey), self.rgb_response(grey), rtol=1e-4, atol=1e-4
        )

    def test_mean_is_a_third_of_it(self, grey: Tensor) -> None:
        response = GreyStem(self.rgb, stem="mean")(grey)
        torch.testing.assert_close(3 * response, self.rgb_response(grey), rtol=1e-4, atol=1e-4)

    def test_normalisation_is_no_parameter(self) -> None:
        stem = GreyStem(self.rgb, stem="sum")
        assert {name for name, _ in stem.named_parameters()} == {"weight"}
        assert {name for name, _ in stem.named_buffers()} == {"mean", "std", "tint"}
        assert stem.weight.shape == (8, 1, 3, 3)

    @pytest.mark.parametrize(
        ("weight", "stem", "named"),
        [
            (torch.zeros(8, 1, 3, 3), "sum", r"rgb_weight.*\(8, 1, 3, 3\)"),
            (torch.zeros(8, 3, 3, 3), "max", "stem: expected one of mean, sum; got 'max'"),
        ],
        ids=["grey weights", "unknown stem"],
    )
    def test_wrong_input_is_refused(self, weight: Tensor, stem: str, named: str) -> None:
        with pytest.raises(ValueError, match=named):
            GreyStem(weight, stem=stem)  # type: ignore[arg-type]


class TestTraining:
    """What two steps of training do to the encoder."""

    @staticmethod
    def trained(weights: EncoderWeights, training: EncoderTraining) -> tuple[set[str], set[str]]:
        """Names of the parameters and of the buffers that training changed."""
        torch.manual_seed(0)
        encoder = MobileNetV2Encoder(weights, training=training)
        model = nn.Sequential(encoder, _LastTap(), nn.Conv2d(TAP_CHANNELS[-1], 1, 1)).train()
        before = copy.deepcopy(encoder.state_dict())
        learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(learning, lr=1e-2, weight_decay=1e-4)
        for _ in range(2):
            optimizer.zero_grad()
            model(torch.rand(2, 1, 64, 64)).square().mean().backward()
            optimizer.step()
        changed = {key for key, value in encoder.state_dict().items() if not torch.equal(value, before[key])}
        parameters = {name for name, _ in encoder.named_parameters()}
        return changed & parameters, changed - parameters

    def test_frozen_is_bit_for_bit_what_it_was(self, random_weights: EncoderWeights) -> None:
        assert self.trained(random_weights, "frozen") == (set(), set())

    def test_bn_drift_moves_running_statistics_only(self, random_weights: EncoderWeights) -> None:
        parameters, buffers = self.trained(random_weights, "frozen_bn_drift")
        assert parameters == set()
        norms = sum(isinstance(module, nn.BatchNorm2d) for module in mobilenet_v2().features.modules())
        assert len(buffers) == 3 * norms  # mean, variance and the count of batches

    def test_trainable_moves_every_parameter(self, random_weights: EncoderWeights) -> None:
        parameters, _ = self.trained(random_weights, "trainable")
        assert parameters == {name for name, _ in MobileNetV2Encoder(random_weights).named_parameters()}

    def test_frozen_encoder_stays_in_eval_mode_inside_a_training_model(
        self, random_weights: EncoderWeights
    ) -> None:
        model = nn.Sequential(MobileNetV2Encoder(random_weights), nn.BatchNorm2d(1280)).train()
        assert not any(module.training for module in model[0].modules())
        assert model[1].training

    def test_drifting_encoder_still_obeys_eval(self, random_weights: EncoderWeights) -> None:
        encoder = MobileNetV2Encoder(random_weights, training="frozen_bn_drift").eval()
        assert not any(module.training for module in encoder.modules())

    def test_unknown_way_is_refused(self, random_weights: EncoderWeights) -> None:
        with pytest.raises(ValueError, match=r"training: expected one of frozen, .*; got 'half'"):
            MobileNetV2Encoder(random_weights, training="half")  # type: ignore[arg-type]


class _LastTap(nn.Module):
    def forward(self, taps: tuple[Tensor, ...]) -> Tensor:
        return taps[-1]
