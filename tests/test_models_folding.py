"""A file with folded BatchNorm: the same in eval mode, and trainable once unfolded."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import mobilenet_v2

from fetalseg_lib.models import build_model
from fetalseg_lib.models.batch_norm import is_folded, unfold
from fetalseg_lib.models.random_weights import noise_images, random_features

IMAGES = noise_images(8, size=96, generator=torch.Generator().manual_seed(5))
"""Of the kind that the statistics are taken from, but other ones."""


@pytest.fixture(scope="module")
def genuine() -> nn.Sequential:
    """Features whose BatchNorm has statistics and weights of its own."""
    torch.manual_seed(0)
    features: nn.Sequential = mobilenet_v2().features
    features.load_state_dict(random_features())
    for module in features.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return features.eval()


@pytest.fixture(scope="module")
def folded(genuine: nn.Sequential) -> dict[str, Tensor]:
    """The same, folded by torch's own fusion, with a BatchNorm left behind that only shifts."""
    features = copy.deepcopy(genuine)
    for block in features.modules():
        if isinstance(block, nn.Sequential):
            for convolution, norm in zip(list(block), list(block)[1:], strict=False):
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    fused = fuse_conv_bn_eval(convolution, norm)
                    convolution.weight = fused.weight
                    norm.reset_parameters()
                    norm.running_var.sub_(norm.eps)
                    norm.bias = fused.bias
    return features.state_dict()


def with_state(state_dict: dict[str, Tensor]) -> nn.Sequential:
    features: nn.Sequential = mobilenet_v2().features
    features.load_state_dict(state_dict)
    return features.eval()


@torch.no_grad()
def correlation(ours: nn.Module, theirs: nn.Module) -> float:
    both = torch.stack([ours(IMAGES).flatten(), theirs(IMAGES).flatten()])
    return float(torch.corrcoef(both)[0, 1])


def test_folded_is_told_from_genuine(genuine: nn.Sequential, folded: dict[str, Tensor]) -> None:
    assert is_folded(folded)
    assert not is_folded(genuine.state_dict())


@torch.no_grad()
def test_unfolding_changes_nothing_in_eval_mode(genuine: nn.Sequential, folded: dict[str, Tensor]) -> None:
    unfolded = unfold(folded)
    assert not is_folded(unfolded)
    torch.testing.assert_close(with_state(unfolded)(IMAGES), genuine(IMAGES), rtol=1e-3, atol=1e-3)


def test_train_mode_keeps_the_function_of_the_unfolded_only(
    genuine: nn.Sequential, folded: dict[str, Tensor]
) -> None:
    enc3 = slice(0, 7)
    lost = correlation(with_state(folded)[enc3].train(), genuine[enc3])
    kept = correlation(with_state(unfold(folded))[enc3].train(), genuine[enc3])
    assert lost < 0.3 < 0.9 < kept


def test_only_an_encoder_that_leaves_eval_mode_is_unfolded(tmp_path: Path, folded: dict[str, Tensor]) -> None:
    file = tmp_path / "folded.safetensors"
    save_file({f"features.{key}": value.clone() for key, value in folded.items()}, file)
    sources = {
        variant: build_model(variant, encoder_weights=file).encoder_weights_record["source"]
        for variant in ("proposed", "trainable_encoder", "frozen_bn_drift")
    }
    assert sources == {
        "proposed": "folded.safetensors",
        "trainable_encoder": "folded.safetensors (BatchNorm unfolded)",
        "frozen_bn_drift": "folded.safetensors (BatchNorm unfolded)",
    }


def test_genuine_statistics_are_left_alone(tmp_path: Path, genuine: nn.Sequential) -> None:
    file = tmp_path / "genuine.safetensors"
    save_file({f"features.{key}": value.clone() for key, value in genuine.state_dict().items()}, file)
    model = build_model("trainable_encoder", encoder_weights=file)
    assert model.encoder_weights_record["source"] == "genuine.safetensors"
    kept = model.state_dict()["encoder.enc5.18.1.running_mean"]
    assert torch.equal(kept, genuine.state_dict()["18.1.running_mean"])
