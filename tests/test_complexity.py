"""Counts against torch's own counter, against sums done by hand, and against each other."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fetalseg_book.complexity import count_flops, flops_by, operation, parameters_by_stage
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import build_model
from fetalseg_lib.models.build import Network


@pytest.fixture(scope="module")
def proposed() -> Network:
    return build_model("proposed", encoder_weights="random")


class TestParameters:
    def test_stages_add_up(self, proposed: Network) -> None:
        frame = parameters_by_stage(proposed)
        total, trainable = count_parameters(proposed)
        assert (frame.parameters.sum(), frame.trainable.sum()) == (total, trainable)
        assert frame.set_index("stage").frozen[["enc1", "enc2", "enc3", "enc4", "enc5"]].sum() == 2_223_296
        assert frame.frozen.sum() == 2_223_296


class TestFlops:
    @pytest.mark.parametrize(
        ("layer", "name", "by_hand"),
        [
            (nn.Conv2d(4, 8, 3, padding=1, bias=False), "3×3 convolution", 2 * 9 * 4 * 8 * 64),
            (nn.Conv2d(4, 8, 3, padding=1), "3×3 convolution", 2 * 9 * 4 * 8 * 64),
            (nn.Conv2d(4, 8, 1, stride=2), "1×1 convolution", 2 * 4 * 8 * 16),
            (nn.Conv2d(4, 4, 3, padding=1, groups=4), "depthwise convolution", 2 * 9 * 4 * 64),
            (nn.Conv2d(4, 8, 3, padding=1, groups=2), "grouped convolution", 2 * 9 * 2 * 8 * 64),
            (nn.Conv2d(4, 8, 3, padding=6, dilation=6), "dilated 3×3 convolution", 2 * 9 * 4 * 8 * 64),
            (nn.ConvTranspose2d(4, 2, 2, stride=2), "transposed convolution", 2 * 4 * 4 * 2 * 64),
            (nn.Linear(8, 3), "fully connected", 2 * 8 * 3 * 4 * 8),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_layer_by_hand_and_by_torch(self, layer: nn.Module, name: str, by_hand: int) -> None:
        model = nn.Sequential(layer)
        frame = count_flops(model, image_size=(8, 8), in_channels=4)
        assert list(frame.flops) == [by_hand]
        assert operation(layer) == name
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.rand(1, 4, 8, 8))
        assert counter.get_total_flops() == by_hand

    @pytest.mark.parametrize("variant", ["unet", "proposed", "mobilenet_unet", "bilinear_up"])
    def test_each_stage_agrees_with_torchs_counter(self, variant: str) -> None:
        model = build_model(variant, encoder_weights="random").eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.rand(1, 1, 64, 96))
        frame = count_flops(model, image_size=(64, 96))
        assert frame.flops.sum() == counter.get_total_flops()
        names = {module: name for name, module in model.named_modules()}
        torchs = counter.get_flop_counts()
        by_stage = flops_by(frame, "stage").set_index("stage")
        for stage, module in model.stages().items():
            counted = torchs[f"{type(model).__name__}.{names[module]}"]
            assert by_stage.flops[stage] == sum(counted.values()), stage

    def test_note_as_written_has_8_8_gflop_and_the_unet_24(self, proposed: Network) -> None:
        assert round(count_flops(proposed).flops.sum() / 1e9, 1) == 8.8
        assert round(count_flops(build_model("unet")).flops.sum() / 1e9) == 24

    def test_shares_add_up(self, proposed: Network) -> None:
        frame = count_flops(proposed, image_size=(64, 64))
        for column in ("stage", "operation"):
            summed = flops_by(frame, column)
            assert summed.share.sum() == pytest.approx(1)
            assert summed.flops.sum() == frame.flops.sum()
