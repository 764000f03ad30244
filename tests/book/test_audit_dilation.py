"""On an 8×8 map the outer taps of rates 12 and 18 are dead: for any image, exactly, and so many of them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from fetalseg_book.dilation import dead_weights, extent, live_taps, taps_on_data
from fetalseg_book.facts.audit import parameters_by_part
from fetalseg_lib.models import build_model
from fetalseg_lib.models.aspp import ASPP

OUTER = [(row, column) for row in range(3) for column in range(3) if (row, column) != (1, 1)]


@pytest.mark.parametrize("rate", [12, 18])
@pytest.mark.parametrize("tap", OUTER, ids=str)
def test_outer_tap_gives_nothing_for_any_image(rate, tap):
    """A convolution is linear in its image, and 64 images of one pixel each are a basis of all."""
    kernel = torch.zeros(1, 1, 3, 3)
    kernel[0, 0, *tap] = 1
    basis = torch.eye(64).reshape(64, 1, 8, 8)
    assert not F.conv2d(basis, kernel, padding=rate, dilation=rate).any()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_gradients_of_outer_taps_are_exactly_zero(scale):
    """Also inside the built module, in training, whatever gradient arrives from above."""
    torch.manual_seed(0)
    aspp = ASPP(16, 8, branch_channels=4, pool_channels=4).train()
    output = aspp(scale * torch.randn(4, 16, 8, 8))
    (output * torch.randn_like(output)).sum().backward()
    live_6, live_12, live_18 = (branch[0].weight.grad != 0 for branch in aspp.dilated)
    for row, column in OUTER:
        assert not live_12[..., row, column].any()
        assert not live_18[..., row, column].any()
        assert live_6[..., row, column].any()
    assert live_12[..., 1, 1].any()
    assert live_18[..., 1, 1].any()


def test_count_of_dead_weights_in_the_note_s_network():
    model = build_model("proposed", encoder_weights="random")
    dead = [dead_weights(branch[0], 8) for branch in model.bottleneck.dilated]
    assert dead == [0, 8 * 1280 * 128, 8 * 1280 * 128]
    assert sum(dead) == 2_621_440


def test_count_agrees_with_the_gradients_of_the_real_bottleneck():
    torch.manual_seed(0)
    bottleneck = build_model("proposed", encoder_weights="random").bottleneck.train()
    bottleneck(torch.randn(2, 1280, 8, 8)).square().sum().backward()
    without = sum(int((branch[0].weight.grad == 0).sum()) for branch in bottleneck.dilated[1:])
    assert without == 2_621_440


@pytest.mark.parametrize(
    ("side", "rate", "dead"), [(8, 7, 0), (8, 8, 8), (13, 12, 0), (12, 12, 8), (16, 18, 8)]
)
def test_taps_die_once_the_rate_reaches_the_side(side, rate, dead):
    conv = torch.nn.Conv2d(1, 1, 3, padding=rate, dilation=rate)
    assert dead_weights(conv, side) == dead


def test_parts_hold_every_parameter_once():
    model = build_model("proposed", encoder_weights="random")
    parts = parameters_by_part(model)
    assert parts.to_numpy().sum() == sum(parameter.numel() for parameter in model.parameters())
    assert parts["dead"].sum() == 2_621_440
    assert (parts["live"] >= 0).all()


def test_live_taps_by_counting_positions():
    """Rate 6: of 8 positions in a row, 2 have a neighbour 6 to the left and 2 to the right."""
    assert live_taps(8, 6) == ((2 + 8 + 2) / 8) ** 2 == 2.25
    assert live_taps(8, 12) == live_taps(8, 18) == 1


@pytest.mark.parametrize("rate", [1, 6, 12, 18])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_extent_is_the_note_s_formula(rate, k):
    assert extent(rate, kernel_size=k, side=161) == k + (k - 1) * (rate - 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: taps_on_data(0, 1), "side, rate: expected at least 1, got 0 and 1"),
        (lambda: taps_on_data(8, 0), "side, rate: expected at least 1, got 8 and 0"),
        (lambda: dead_weights(torch.nn.Conv2d(1, 1, 1), 8), "conv: expected a 3×3 kernel"),
        (lambda: dead_weights(torch.nn.Conv2d(1, 1, 3, dilation=6), 8), "conv: expected a 3×3 kernel padded"),
    ],
    ids=["no map", "no rate", "1x1", "no padding"],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
