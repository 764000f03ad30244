"""Memory, time and room, each against a sum by hand or against the parts of the table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from fetalseg_book.complexity import count_flops
from fetalseg_book.studies.costs import (
    inference_memory_mb,
    measure_latency,
    model_size_mb,
    table,
    training_memory_mb,
)
from fetalseg_lib.models import build_model
from fetalseg_lib.models.build import Network


@pytest.fixture(scope="module")
def proposed() -> Network:
    return build_model("proposed", encoder_weights="random")


@pytest.mark.parametrize(
    "measure",
    [count_flops, training_memory_mb, inference_memory_mb, partial(measure_latency, warmup=0, repeats=1)],
    ids=["flops", "training memory", "memory", "latency"],
)
def test_measuring_leaves_the_model_as_it_was(proposed: Network, measure: Callable[..., object]) -> None:
    before = {key: value.clone() for key, value in proposed.train().state_dict().items()}
    modes = [module.training for module in proposed.modules()]
    measure(proposed, image_size=(64, 64))
    assert [module.training for module in proposed.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in proposed.state_dict().items())
    assert not any(module._forward_hooks for module in proposed.modules())


class TestSize:
    def test_size_counts_buffers_and_keeps_integers(self) -> None:
        norm = nn.BatchNorm2d(10)  # weight, bias, mean and variance, and one int64 count of batches
        assert model_size_mb(norm) * 1e6 == 40 * 4 + 8
        assert model_size_mb(norm, dtype=torch.float16) * 1e6 == 40 * 2 + 8

    def test_size_is_that_of_the_saved_tensors(self, proposed: Network) -> None:
        saved = sum(tensor.nbytes for tensor in proposed.state_dict().values())
        assert model_size_mb(proposed) * 1e6 == pytest.approx(saved)


class TestMemory:
    IMAGE = 1e-6 * 4 * 100 * 100
    """MB of one float32 map of 100 × 100."""

    def test_inference_holds_a_layers_input_and_output_at_once(self) -> None:
        layers = [nn.Conv2d(1, 3, 1), nn.Conv2d(3, 5, 1), nn.Conv2d(5, 2, 1)]
        chain = nn.Sequential(*layers)
        assert inference_memory_mb(chain, image_size=(100, 100)) == pytest.approx((3 + 5) * self.IMAGE)

    def test_inference_in_place_takes_nothing_more(self) -> None:
        chain = nn.Sequential(nn.Conv2d(1, 3, 1), nn.ReLU(inplace=True), nn.Flatten())
        assert inference_memory_mb(chain, image_size=(100, 100)) == pytest.approx(3 * self.IMAGE)

    def test_training_keeps_what_the_backward_pass_needs(self) -> None:
        # A convolution keeps its input (the image, then 3 maps), a sigmoid its output (5 maps).
        chain = nn.Sequential(nn.Conv2d(1, 3, 1), nn.Conv2d(3, 5, 1), nn.Sigmoid())
        assert training_memory_mb(chain, image_size=(100, 100)) == pytest.approx((1 + 3 + 5) * self.IMAGE)

    def test_memory_grows_with_the_batch(self) -> None:
        chain = nn.Sequential(nn.Conv2d(1, 3, 1), nn.Sigmoid())
        for measure in (training_memory_mb, inference_memory_mb):
            one = measure(chain, image_size=(100, 100))
            assert measure(chain, image_size=(100, 100), batch_size=4) == pytest.approx(4 * one)

    def test_frozen_encoder_keeps_nothing_for_the_backward_pass(self, proposed: Network) -> None:
        trained = build_model("trainable_encoder", encoder_weights="random")
        assert training_memory_mb(proposed, image_size=(64, 64)) < 0.7 * training_memory_mb(
            trained, image_size=(64, 64)
        )


class TestLatency:
    def test_states_its_circumstances_and_restores_the_threads(self) -> None:
        before = torch.get_num_threads()
        model = nn.Sequential(nn.Conv2d(1, 8, 3))
        latency = measure_latency(model, image_size=(32, 48), batch_size=2, threads=before + 1, repeats=7)
        assert torch.get_num_threads() == before
        assert (latency.threads, latency.repeats, latency.batch_size) == (before + 1, 7, 2)
        assert (latency.image_size, latency.device) == ((32, 48), "cpu")
        assert 0 < latency.lower_quartile_ms <= latency.median_ms <= latency.upper_quartile_ms

    def test_warm_up_is_not_counted(self) -> None:
        class SlowStart(nn.Module):
            calls = 0

            def forward(self, image: torch.Tensor) -> torch.Tensor:
                self.calls += 1
                return image @ torch.rand(2000, 2000) if self.calls <= 2 else image

        model = SlowStart()
        latency = measure_latency(model, image_size=(2000, 2000), warmup=2, repeats=5)
        assert model.calls == 7
        assert latency.upper_quartile_ms < 20

    @pytest.mark.parametrize("option", ["threads", "repeats", "warmup"])
    def test_wrong_option_is_refused(self, option: str) -> None:
        with pytest.raises(ValueError, match=option):
            measure_latency(nn.Identity(), **{option: -1})  # type: ignore[arg-type]


class TestTable:
    def test_row_holds_what_the_parts_say(self) -> None:
        row = table(["unet"], image_size=(64, 64), latency=True, threads=1).iloc[0]
        unet = build_model("unet")
        assert (row.parameters, row.trainable, row.frozen) == (7_762_465, 7_762_465, 0)
        assert row.gflops == count_flops(unet, image_size=(64, 64)).flops.sum() / 1e9
        assert row.float32_mb == model_size_mb(unet)
        assert round(row.float32_mb) == 31
        assert row.threads == 1
        assert row.latency_q1_ms <= row.latency_ms <= row.latency_q3_ms

    def test_default_is_every_variant_that_is_more_than_a_recipe(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fetalseg_book.studies.costs._row", lambda name, *_: {"variant": name})
        names = list(table().variant)
        assert {"unet", "proposed", "as_released", "bilinear_up"} < set(names)
        assert not {"pos_weight_200", "dice_only", "no_augmentation"} & set(names)
