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
    "dense": lambda: nn.Conv2d(6, 4, 3, padding=1, bias=False),
    "dense of stride 2": lambda: nn.Conv2d(6, 4, (3, 5), stride=(2, 1), padding=(1, 2)),
}


@pytest.fixture(params=["AVX2", "AVX512"])
def processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the processor is told to be: on one with AVX2 alone the dense convolutions go another way."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: request.param)
    return str(request.param)


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
    processor: str, kind: str, size: tuple[int, int], layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    layer = LAYERS[kind]().double()
    features = torch.randn(2, 6, *size, dtype=torch.float64).to(memory_format=layout)
    expected = gradients(layer, features)
    with fast_gradients(layer, CPU):
        assert ("forward" in vars(layer)) == (processor == "AVX2" or not kind.startswith("dense"))
        found = gradients(layer, features)
    assert "forward" not in vars(layer)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("processor")
def test_other_layers_and_other_devices_are_left_alone() -> None:
    frozen = nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4).requires_grad_(False)
    model = nn.Sequential(nn.Conv2d(4, 8, 1), nn.Conv2d(8, 8, 3, padding=1, groups=8), frozen)
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


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_dense_layer_under_autocast_computes_as_before(
    monkeypatch: pytest.MonkeyPatch, precision: torch.dtype
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    torch.manual_seed(0)
    layer, features = nn.Conv2d(6, 6, 3, padding=1), torch.randn(2, 6, 9, 9, dtype=precision)
    with torch.autocast("cpu", torch.bfloat16):
        expected = gradients(layer, features)
        with fast_gradients(layer, CPU):
            found = gradients(layer, features)
    assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("variant", ["small_network", "trainable_encoder", "proposed", "unet"])
def test_a_whole_network_learns_the_same(processor: str, variant: str) -> None:
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
    dense = sum(  # all whose kernel is larger than a pixel, but for the dilated ones, which count already
        layer.kernel_size > (1, 1) and layer.groups == 1 and layer.dilation == (1, 1)
        for layer in model.modules()
        if type(layer) is nn.Conv2d and layer.weight.requires_grad
    )
    always = {"small_network": 6, "trainable_encoder": 7, "proposed": 3, "unet": 0}[variant]
    assert changed == always + (dense if processor == "AVX2" else 0)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-9, atol=1e-12)
