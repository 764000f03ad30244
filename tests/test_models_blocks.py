"""The small parts, against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fetalseg_lib.models.blocks import ConvBNReLU, UpConvolution, check_image
from fetalseg_lib.models.decoder import DecoderStage
from fetalseg_lib.models.residual import ResidualBlockSE
from fetalseg_lib.models.se import SEBlock
from fetalseg_lib.models.unet import UNetConfig
from fetalseg_lib.speed import channel_means


def delta(scale: float) -> Tensor:
    """A 3×3 kernel that multiplies by ``scale`` and moves nothing."""
    kernel = torch.zeros(1, 1, 3, 3)
    kernel[0, 0, 1, 1] = scale
    return kernel


@pytest.mark.parametrize("dilation", [1, 6, 18])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_convolution_keeps_height_and_width(kernel_size: int, dilation: int) -> None:
    block = ConvBNReLU(2, 3, kernel_size=kernel_size, dilation=dilation)
    assert block(torch.rand(2, 2, 5, 7)).shape == (2, 3, 5, 7)


def test_se_gates_are_those_computed_by_hand() -> None:
    block = SEBlock(2, reduction=2)
    with torch.no_grad():
        block.squeeze.weight.copy_(torch.tensor([[1.0, -1.0]]))
        block.squeeze.bias.fill_(0.5)
        block.excite.weight.copy_(torch.tensor([[2.0], [-1.0]]))
        block.excite.bias.copy_(torch.tensor([0.0, 1.0]))
    features = torch.stack([torch.tensor([[2.0, 4.0]]), torch.tensor([[1.0, 1.0]])])[None]  # means 3 and 1
    # hidden = relu(3 - 1 + 0.5) = 2.5; gates = sigmoid(2 * 2.5), sigmoid(-2.5 + 1)
    gates = 1 / (1 + np.exp(-np.array([5.0, -1.5])))
    np.testing.assert_allclose(block.gates(features)[0].detach(), gates, rtol=1e-6)
    expected = [[[2 * gates[0], 4 * gates[0]]], [[gates[1], gates[1]]]]
    np.testing.assert_allclose(block(features)[0].detach(), expected, rtol=1e-6)


@pytest.mark.parametrize(("channels", "hidden"), [(8, 1), (16, 1), (24, 1), (32, 2), (96, 6), (256, 16)])
def test_se_has_a_sixteenth_of_the_channels_but_at_least_one(channels: int, hidden: int) -> None:
    block = SEBlock(channels)
    assert block.squeeze.weight.shape == (hidden, channels)
    assert block.excite.weight.shape == (channels, hidden)
    assert sum(p.numel() for p in block.parameters()) == 2 * channels * hidden + hidden + channels


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_channel_means_give_their_gradient_in_the_layout_of_the_features(layout: torch.memory_format) -> None:
    features = torch.rand(2, 3, 4, 5).contiguous(memory_format=layout).requires_grad_()
    means = channel_means(features)
    torch.testing.assert_close(means, features.mean(dim=(2, 3)))
    (gradient,) = torch.autograd.grad(means[:, 1].sum(), features)
    assert gradient.stride() == features.stride()
    expected = torch.zeros(2, 3, 4, 5)
    expected[:, 1] = 1 / 20
    torch.testing.assert_close(gradient, expected)


def halving_block(in_channels: int, out_channels: int, **options: bool) -> ResidualBlockSE:
    """A block in eval mode whose convolutions multiply by 2 and 3 and whose gates all are one half."""
    block = ResidualBlockSE(in_channels, out_channels, **options).eval()
    with torch.no_grad():
        for convolution, scale in zip((block.convs[0][0], block.convs[1][0]), (2.0, 3.0), strict=True):
            convolution.weight.copy_(delta(scale).expand_as(convolution.weight))
        if isinstance(block.se, SEBlock):
            block.se.excite.weight.zero_()
            block.se.excite.bias.zero_()
    return block


def test_residual_block_recalibrates_first_and_adds_after() -> None:
    image = torch.tensor([[[[-1.0, 2.0]]]])
    # relu(3 relu(2 x)) is 0 and 12, half of it 0 and 6, plus x: -1 (no ReLU after the sum) and 8.
    np.testing.assert_allclose(halving_block(1, 1)(image).detach(), [[[[-1.0, 8.0]]]], rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"se": False}, [-1.0, 14.0]),
        ({"residual": False}, [0.0, 6.0]),
        ({"se": False, "residual": False}, [0.0, 12.0]),
    ],
    ids=["no SE", "no residual", "neither"],
)
def test_residual_block_without_a_part(options: dict[str, bool], expected: list[float]) -> None:
    image = torch.tensor([[[[-1.0, 2.0]]]])
    np.testing.assert_allclose(halving_block(1, 1, **options)(image).detach()[0, 0, 0], expected, rtol=1e-4)


def test_residual_block_projects_where_channels_differ() -> None:
    block = halving_block(1, 2)
    assert isinstance(block.shortcut, nn.Sequential)
    convolution, norm = block.shortcut
    assert convolution.bias is None
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([10.0, 100.0])[:, None, None, None])
    # The second convolution sums two channels: 3 (4 + 4) = 24, half of it 12, plus 20 or 200.
    refined = block(torch.tensor([[[[2.0]]]]))
    np.testing.assert_allclose(refined.detach().flatten(), [32.0, 212.0], rtol=1e-4)


def test_transposed_upsampling_gives_each_pixel_its_own_2x2_block() -> None:
    stage = DecoderStage(1, 1, 1)
    assert isinstance(stage.up, nn.ConvTranspose2d)
    with torch.no_grad():
        stage.up.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        assert stage.up.bias is not None
        stage.up.bias.zero_()
    below = np.array([[1.0, 10.0], [100.0, 1000.0]])
    up = stage.up(torch.tensor(below, dtype=torch.float32)[None, None])
    np.testing.assert_array_equal(up[0, 0].detach(), np.kron(below, [[1, 2], [3, 4]]))


@pytest.mark.parametrize("training", [True, False])
def test_transposed_upsampling_is_torchs_own_with_the_same_gradients(training: bool) -> None:
    ours, theirs = UpConvolution(6, 4).train(training), nn.ConvTranspose2d(6, 4, kernel_size=2, stride=2)
    theirs.load_state_dict(ours.state_dict())
    below, weights = torch.rand(2, 6, 5, 7, requires_grad=True), torch.rand(2, 4, 10, 14)
    found = [
        (up := layer(below), *torch.autograd.grad((up * weights).sum(), [below, *layer.parameters()]))
        for layer in (ours, theirs)
    ]
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other)


def test_transposed_upsampling_stays_in_the_precision_of_the_training() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert UpConvolution(6, 4)(torch.rand(1, 6, 2, 2)).dtype is torch.bfloat16


def test_bilinear_upsampling_keeps_a_constant_constant() -> None:
    stage = DecoderStage(3, 1, 2, upsampling="bilinear")
    up = stage.up(torch.ones(1, 3, 4, 5))
    assert up.shape == (1, 2, 8, 10)
    torch.testing.assert_close(up, up[:, :, :1, :1].expand_as(up))


@pytest.mark.parametrize(
    ("image", "named"),
    [
        (torch.zeros(1, 3, 64, 64), r"one grey channel.*\(1, 3, 64, 64\)"),
        (torch.zeros(64, 64), r"four axes.*\(64, 64\)"),
        (torch.zeros(1, 1, 250, 256), r"multiples of 32.*250 and 256"),
        (torch.zeros(1, 1, 256, 48), r"multiples of 32.*256 and 48"),
        (torch.zeros(1, 1, 0, 64), r"multiples of 32.*0 and 64"),
        (torch.zeros(1, 1, 64, 64, dtype=torch.uint8), r"floating.*uint8"),
    ],
    ids=["colour", "no batch axis", "height", "width", "empty", "bytes"],
)
def test_wrong_image_is_refused_with_what_came(image: Tensor, named: str) -> None:
    with pytest.raises(ValueError, match=f"image: expected .*{named}"):
        check_image(image)


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: DecoderStage(4, 4, 4, upsampling="nearest"), "upsampling.*nearest"),  # type: ignore[arg-type]
        (lambda: UNetConfig(base_width=0), "base_width"),
    ],
    ids=["upsampling", "base width"],
)
def test_wrong_option_is_refused(build: object, named: str) -> None:
    assert callable(build)
    with pytest.raises(ValueError, match=named):
        build()
