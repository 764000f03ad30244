"""Convolutions that are computed in another way for the sake of speed give what the layer itself gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from fetalseg_lib.models import build_model
from fetalseg_lib.speed import fast_gradients

CPU = torch.device("cpu")
LAYERS = {
    "depthwise of stride 2": lambda: nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6, bias=False),
    "dilated": lambda: nn.Conv2d(6, 4, 3, padding=6, dilation=6),
    "dilated, other rates": lambda: nn.Conv2d(6, 4, 3, padding=(2, 7), dilation=(2, 7)),
    "dilated depthwise": lambda: nn.Conv2d(6, 6, 3, padding=3, dilation=3, groups=6),
    "dilated depthwise, other rates": lambda: nn.Conv2d(6, 6, 3, padding=(2, 9), dilation=(2, 9), groups=6),
}


def gradients(layer: nn.Module, features: Tensor) -> list[Tensor]:
    """What the layer gives, and the gradients of its weights and of its input."""
    features = features.clone().requires_grad_()
    found = layer(features)
    layer.zero_grad()
    (found * torch.linspace(-1, 2, found.numel(), dtype=found.dtype).reshape(found.shape)).sum().backward()
    assert features.grad is not None
    return [found, features.grad, *(weight.grad.clone() for weight in layer.parameters())]


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 8), (6, 6), (7, 6), (20, 13)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_layer_itself_gives_the_same(
    kind: str, size: tuple[int, int], layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    layer = LAYERS[kind]().double()
    features = torch.randn(2, 6, *size, dtype=torch.float64).to(memory_format=layout)
    expected = gradients(layer, features)
    with fast_gradients(layer, CPU):
        assert "forward" in vars(layer)
        found = gradients(layer, features)
    assert "forward" not in vars(layer)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_other_layers_and_other_devices_are_left_alone() -> None:
    frozen = nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4).requires_grad_(False)
    model = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, groups=8), frozen)
    dilated = nn.Sequential(nn.Conv2d(4, 4, 3, padding=2, dilation=2))
    with fast_gradients(model, CPU), fast_gradients(dilated, torch.device("cuda")):
        assert not any("forward" in vars(layer) for layer in (*model.modules(), *dilated.modules()))


def test_under_autocast_the_result_keeps_its_type_and_comes_nearer_to_float32() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6, bias=False)
    features = torch.randn(2, 6, 9, 9).bfloat16()
    exact = layer(features.float())
    with torch.autocast("cpu", torch.bfloat16):
        usual = layer(features)
        with fast_gradients(layer, CPU):
            found = layer(features)
    assert found.dtype == usual.dtype == torch.bfloat16
    assert (found - exact).abs().max() <= (usual - exact).abs().max()


@pytest.mark.parametrize("variant", ["small_network", "trainable_encoder", "proposed", "unet"])
def test_a_whole_network_learns_the_same(variant: str) -> None:
    torch.manual_seed(0)
    model = build_model(variant, encoder_weights="random").double().eval()  # without dropout
    image = torch.rand(2, 1, 64, 96, dtype=torch.float64)

    def learnt() -> dict[str, Tensor]:
        model.zero_grad()
        model(image).square().mean().backward()
        return {
            name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None
        }

    expected = learnt()
    with fast_gradients(model, CPU):
        changed = sum("forward" in vars(layer) for layer in model.modules())
        found = learnt()
    assert changed == {"small_network": 6, "trainable_encoder": 7, "proposed": 3, "unet": 0}[variant]
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-9, atol=1e-12)
