"""Pre-training: losses by hand, a loss that falls, and the same end after a stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fetalseg_book.studies.pretraining.loop import PretrainingConfig, pretrain
from fetalseg_book.studies.pretraining.losses import DenseTargets, dense_losses
from fetalseg_lib.training.checkpoint import CheckpointError
from fetalseg_lib.training.schedule import cosine_factor

TINY = {"images": 16, "size": 32, "epochs": 3, "batch_size": 8, "precision": "float32", "device": "cpu"}
Batches = Callable[[int], Iterator[tuple[Tensor, DenseTargets]]]


class Answers(nn.Module):
    """Three answers from one convolution, as many channels as are asked for."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        answer = self.layers(image)
        return answer[:, :1], answer[:, 1:2], answer[:, 2:]


def batches(epoch: int) -> Iterator[tuple[Tensor, DenseTargets]]:
    """Bright and dark pixels: everything that is asked can be read off the image."""
    for number in range(2):
        image = torch.rand(8, 1, 32, 32, generator=torch.Generator().manual_seed(10 * epoch + number))
        bright = image > 0.5
        yield image, DenseTargets(edges=bright.float(), clean=image, texture=bright[:, 0].long())


def test_losses_by_hand() -> None:
    """One pixel: σ(2) for the edge, 0.3 from the clean value, odds of e to 1 for the texture."""
    one = torch.ones(1, 1, 1, 1)
    answer = (2 * one, 0.7 * one, torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1))
    losses = dense_losses(answer, DenseTargets(edges=one, clean=one, texture=one[:, 0].long()))
    assert losses["edges"].item() == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-6)
    assert losses["clean"].item() == pytest.approx(0.3, abs=1e-6)
    assert losses["texture"].item() == pytest.approx(math.log(1 + math.e), abs=1e-6)


def test_the_losses_fall_and_the_model_is_left_in_eval_mode() -> None:
    model = Answers()
    config = PretrainingConfig(**(TINY | {"epochs": 12, "learning_rate": 0.05}))
    history = pretrain(model, batches=batches, config=config, checkpoint=None, progress=False)
    assert [row["epoch"] for row in history] == list(range(1, 13))
    for name in ("edges", "clean", "texture"):
        assert history[-1][name] < 0.7 * history[0][name]
    assert not any(module.training for module in model.modules())


def test_every_step_has_its_own_learning_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = []
    step = torch.optim.AdamW.step

    def note(self: Any, *arguments: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", note)
    config = PretrainingConfig(**TINY)
    pretrain(Answers(), batches=batches, config=config, checkpoint=None, progress=False)
    assert len(rates) == config.steps == 6
    assert rates == [config.learning_rate * cosine_factor(step, epochs=6) for step in range(6)]


def weights(model: nn.Module) -> list[Tensor]:
    return [value.clone() for value in model.state_dict().values()]


def test_a_stopped_pretraining_ends_with_the_same_weights(tmp_path: Path) -> None:
    config = PretrainingConfig(**TINY)
    undisturbed = Answers()
    whole = pretrain(undisturbed, batches=batches, config=config, checkpoint=None, progress=False)

    def broken(epoch: int) -> Iterator[tuple[Tensor, DenseTargets]]:
        for number, batch in enumerate(batches(epoch)):
            if (epoch, number) == (2, 1):  # in the middle of an epoch
                raise KeyboardInterrupt
            yield batch

    checkpoint = tmp_path / "pretraining.pt"
    with pytest.raises(KeyboardInterrupt):
        pretrain(Answers(), batches=broken, config=config, checkpoint=checkpoint, progress=False)
    resumed = Answers()
    history = pretrain(resumed, batches=batches, config=config, checkpoint=checkpoint, progress=False)
    assert all(map(torch.equal, weights(resumed), weights(undisturbed)))
    assert [{**row, "seconds": 0} for row in history] == [{**row, "seconds": 0} for row in whole]


def test_a_checkpoint_of_another_pretraining_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "pretraining.pt"
    for seed, expectation in ((0, None), (1, "seed: 0 in the file, 1 now")):
        config = PretrainingConfig(**(TINY | {"epochs": 1, "seed": seed}))
        if expectation is None:
            pretrain(Answers(), batches=batches, config=config, checkpoint=checkpoint, progress=False)
        else:
            with pytest.raises(CheckpointError, match=expectation):
                pretrain(Answers(), batches=batches, config=config, checkpoint=checkpoint, progress=False)


def test_a_loss_that_is_no_number_stops_the_training() -> None:
    def infinite(epoch: int) -> Iterator[tuple[Tensor, DenseTargets]]:
        for image, targets in batches(epoch):
            yield image, targets._replace(clean=targets.clean / 0)

    with pytest.raises(FloatingPointError, match="epoch 1; lower learning_rate"):
        pretrain(
            Answers(), batches=infinite, config=PretrainingConfig(**TINY), checkpoint=None, progress=False
        )


def test_an_epoch_without_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="batches: expected at least one batch in epoch 1"):
        pretrain(
            Answers(),
            batches=lambda _: iter(()),
            config=PretrainingConfig(**TINY),
            checkpoint=None,
            progress=False,
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 0}, "images: expected a whole number >= 1, got 0"),
        ({"images": 8, "batch_size": 16}, "images: expected at least one batch of 16, got 8"),
        ({"size": 48}, "size: expected a multiple of 32, got 48"),
        ({"size": 0}, "size: expected a whole number >= 32"),
        ({"epochs": 0}, "epochs: expected"),
        ({"batch_size": 1}, "batch_size: expected a whole number >= 2"),
        ({"learning_rate": 0}, "learning_rate: expected a finite number > 0"),
        ({"weight_decay": -1}, "weight_decay: expected"),
        ({"seed": -1}, "seed: expected"),
        ({"precision": "float8"}, "precision: expected one of"),
        ({"device": "tpu"}, "device: expected one of"),
    ],
)
def test_bad_settings_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PretrainingConfig(**(TINY | changes))
