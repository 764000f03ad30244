"""The training loop: what it optimises, when it slows down, when it stops, what it keeps, what it refuses."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from fetalseg_lib.training.checkpoint import CheckpointError
from fetalseg_lib.training.config import TrainingConfig
from fetalseg_lib.training.epoch import evaluate, train_one_epoch
from fetalseg_lib.training.loop import fit
from fetalseg_lib.training.losses import DiceBCELoss
from fetalseg_lib.training.schedule import cosine_factor

CPU = torch.device("cpu")
HERE = {"device": CPU, "precision": "float32"}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def settings(**changes):
    return TrainingConfig(
        **{"epochs": 3, "precision": "float32", "device": "cpu", "pos_weight": 1.0, **changes}
    )


def discs(n, *, seed=0, size=8):
    """Noisy images of bright discs, and the discs."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    centers = 2 + (size - 4) * torch.rand(n, 2, 1, 1, 1, generator=generator)
    masks = ((x - centers[:, 0]) ** 2 + (y - centers[:, 1]) ** 2 < 6).float()
    return 0.5 * masks + 0.4 * torch.rand(n, 1, size, size, generator=generator), masks


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1))


def train(model, *, config, train_batches=lambda epoch: [discs(4, seed=epoch)], validation=None, **options):
    options = {"checkpoint": None, "progress": False, **options}
    validation_batches = validation or (lambda: [discs(4, seed=99)])
    return fit(
        model, train_batches=train_batches, validation_batches=validation_batches, config=config, **options
    )


# What is learned


def test_it_learns_discs():
    history = train(
        small_network(),
        config=settings(epochs=8, learning_rate=0.05),
        train_batches=lambda e: [discs(8, seed=e)] * 8,
    )
    assert history.best.validation_dice > 0.9 > history[0].validation_dice
    assert history[-1].train_loss < history[0].train_loss


def test_the_first_step_of_adam_moves_each_weight_by_the_learning_rate():
    """Adam's first step is lr · g / |g| whatever the gradient (Kingma and Ba 2015, section 2.1)."""
    model = nn.Conv2d(1, 1, 3)
    before = [weight.detach().clone() for weight in model.parameters()]
    batch = discs(4)[0], discs(4)[1][..., 1:-1, 1:-1]
    config = settings(epochs=1, learning_rate=0.01, weight_decay=0.0)
    train(model, config=config, train_batches=lambda epoch: [batch], validation=lambda: [batch])
    for old, new in zip(before, model.parameters(), strict=True):
        torch.testing.assert_close((new - old).abs(), torch.full_like(old, 0.01), rtol=1e-3, atol=0)


class Idle(nn.Module):
    """A network with one weight that changes nothing, so that the loss alone leaves it where it is."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([3.0]))

    def forward(self, images):
        return images + 0 * self.weight


@pytest.mark.parametrize(("weight_decay", "expected"), [(0.0, 3.0), (0.5, 3.0 - 0.01)])
def test_weight_decay_is_an_l2_term_of_the_gradient(weight_decay, expected):
    """With a zero gradient Adam's step is then the whole learning rate; decoupled decay would give 2.985."""
    model = Idle()
    train(model, config=settings(epochs=1, learning_rate=0.01, weight_decay=weight_decay))
    assert model.weight.item() == pytest.approx(expected, rel=1e-6)


def test_frozen_parameters_stay_and_the_optimizer_never_sees_them(tmp_path, monkeypatch):
    handed_over = []
    adam = torch.optim.Adam.__init__

    def listening(self, parameters, *args, **kwargs):
        handed_over.extend(parameters := list(parameters))
        adam(self, parameters, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "__init__", listening)
    model = small_network()
    model[0].requires_grad_(False)
    frozen = {name: weight.clone() for name, weight in model[0].state_dict().items()}
    train(model, config=settings(learning_rate=0.1))
    assert {id(weight) for weight in handed_over} == {id(w) for part in model[1:] for w in part.parameters()}
    assert all(torch.equal(frozen[name], weight) for name, weight in model[0].state_dict().items())


def test_the_model_trains_in_training_mode_and_is_judged_in_evaluation_mode():
    modes = []

    class Watched(Idle):
        def forward(self, images):
            modes.append((self.training, torch.is_grad_enabled()))
            return super().forward(images)

    model = Watched().eval()
    train(model, config=settings(epochs=2))
    assert modes == [(True, True), (False, False)] * 2
    assert not model.training


def test_convolutions_run_channels_last():
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1))
    train(model, config=settings(epochs=1))
    assert model[1].weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_network_computes_in_the_chosen_precision_and_the_weights_stay_float32(precision, monkeypatch):
    monkeypatch.setattr("fetalseg_lib.training.device.has_bfloat16", lambda device: True)
    model, seen = small_network(), set()
    model[0].register_forward_hook(lambda module, inputs, output: seen.add((module.training, output.dtype)))
    train(model, config=settings(precision=precision))
    # The epoch is chosen in float32 on every hardware.
    assert seen == {(True, getattr(torch, precision)), (False, torch.float32)}
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


# One pass


def test_every_image_counts_the_same_however_it_is_batched():
    images, masks = discs(7)
    loss, model = DiceBCELoss(pos_weight=3), small_network()
    whole = evaluate(model, [(images, masks)], loss_function=loss, **HERE)
    parts = evaluate(model, [(images[:5], masks[:5]), (images[5:], masks[5:])], loss_function=loss, **HERE)
    assert parts == pytest.approx(whole, rel=1e-5)


def test_the_training_loss_is_the_mean_over_images():
    images, masks = discs(7)
    loss, model = DiceBCELoss(), small_network()[0]  # no BatchNorm: an image's logits are its own
    model = nn.Sequential(model, nn.Conv2d(4, 1, 1))
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    value = train_one_epoch(
        model,
        [(images[:5], masks[:5]), (images[5:], masks[5:])],
        loss_function=loss,
        optimizer=still,
        **HERE,
    )
    assert value == pytest.approx(loss(model(images), masks).item(), rel=1e-5)


def test_the_validation_dice_is_that_of_the_masks_at_one_half():
    """Rows: half right, all right, both empty, all wrong: (2·1/(2+1) + 1 + 1 + 0) / 4."""
    logits = torch.tensor([[0.1, 0.1, -9, -9], [5, -0.1, -5, -5], [-1, -1, -1, -1], [9, -9, -9, -9]])
    masks = torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]])
    batch = logits.reshape(4, 1, 2, 2), masks.reshape(4, 1, 2, 2)
    found = evaluate(nn.Identity(), [batch], loss_function=DiceBCELoss(), **HERE)
    assert found.dice == pytest.approx((2 / 3 + 1 + 1 + 0) / 4)


# Plateau, early stopping and the best weights, on validation sequences made by hand


class Positive(nn.Module):
    """Says head everywhere: against a mask of m of 16 pixels its Dice is 2m / (16 + m)."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([5.0]))

    def forward(self, images):
        return 0 * images + self.bias


def train_through(sizes, *, checkpoint=None, **changes):
    """Train while the validation masks have these sizes, one an epoch; also returns what the bias was.

    A size of None interrupts the training there.
    """
    coming, biases, model = iter(sizes), [], Positive()

    def validation():
        size = next(coming)
        if size is None:
            raise KeyboardInterrupt
        biases.append(model.bias.item())
        yield torch.zeros(1, 1, 4, 4), (torch.arange(16.0) < size).float().reshape(1, 1, 4, 4)

    history = train(
        model,
        config=settings(**{"epochs": len(sizes), **changes}),
        train_batches=lambda epoch: [discs(1)],
        validation=validation,
        checkpoint=checkpoint,
    )
    return history, biases, model


def test_the_learning_rate_falls_on_a_plateau_down_to_its_minimum():
    """Patience 1: the second epoch in a row without a rise lowers the rate of the next epoch."""
    sizes = [8, 8, 7, 9, 9, 9, 9, 9, 10, 10]
    rates = [8e-3, 8e-3, 8e-3, 4e-3, 4e-3, 4e-3, 3e-3, 3e-3, 3e-3, 3e-3]
    history, *_ = train_through(
        sizes, learning_rate=8e-3, plateau_patience=1, plateau_factor=0.5, min_learning_rate=3e-3
    )
    assert [record.validation_dice for record in history] == [2 * m / (16 + m) for m in sizes]
    assert [record.learning_rate for record in history] == pytest.approx(rates)


def test_a_plateau_begun_before_an_interruption_counts_after_it(tmp_path):
    changes = {
        "epochs": 4,
        "learning_rate": 8e-3,
        "plateau_patience": 1,
        "checkpoint": tmp_path / "checkpoint.pt",
    }
    with pytest.raises(KeyboardInterrupt):
        train_through([8, 7, None], **changes)
    history, *_ = train_through([7, 7], **changes)
    assert [record.learning_rate for record in history] == pytest.approx([8e-3, 8e-3, 8e-3, 4e-3])


@pytest.mark.parametrize(
    ("sizes", "patience", "epochs", "best"),
    [
        ([5, 6, 7, 8, 9], 2, 5, 5),
        ([5, 9, 8, 7, 6], 2, 4, 2),
        ([5, 9, 9, 9, 9], 2, 4, 2),
        ([9, 8, 9, 10, 8, 8, 8], 3, 7, 4),
        ([9, 8, 7, 6], 1, 2, 1),
    ],
    ids=["rising", "falling", "equal is not better", "a rise in time", "patience 1"],
)
def test_training_stops_when_the_dice_no_longer_rises_and_keeps_the_best_weights(
    sizes, patience, epochs, best
):
    history, biases, model = train_through(sizes, early_stopping_patience=patience, learning_rate=0.01)
    assert (len(history), history.best.epoch) == (epochs, best)
    assert len(set(biases)) == epochs  # each epoch had its own weights
    assert model.bias.item() == biases[best - 1]


# What is said and recorded


def test_the_history_is_a_table_of_epochs():
    history = train(small_network(), config=settings(epochs=3))
    frame = history.to_frame()
    assert list(frame.columns) == [
        "epoch", "train_loss", "validation_loss", "validation_dice", "learning_rate", "seconds",
    ]  # fmt: skip
    assert frame["epoch"].tolist() == [1, 2, 3]
    assert (frame["seconds"] > 0).all()


def test_progress_goes_to_stderr_with_the_current_dice_and_nothing_is_printed(capsys):
    history = train(small_network(), config=settings(), progress=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert f"validation_dice={history[-1].validation_dice:.4f}" in said.err
    train(small_network(), config=settings(), progress=False)
    assert capsys.readouterr() == ("", "")


# What is refused


def test_a_loss_that_is_no_number_ends_the_training_and_leaves_the_checkpoint_before(tmp_path):
    def train_batches(epoch):
        images, masks = discs(4, seed=epoch)
        return [(images if epoch < 3 else images * math.nan, masks)]

    path = tmp_path / "checkpoint.pt"
    with pytest.raises(
        FloatingPointError, match=r"loss: expected a finite number, got nan in training; .* lower"
    ):
        train(small_network(), config=settings(), train_batches=train_batches, checkpoint=path)
    history = train(small_network(), config=settings(), checkpoint=path)
    assert [record.epoch for record in history] == [1, 2, 3]


def test_a_validation_loss_that_is_no_number_is_noticed():
    images, masks = discs(2)
    with pytest.raises(FloatingPointError, match="got nan in validation"):
        train(small_network(), config=settings(), validation=lambda: [(images * math.nan, masks)])


def frozen_network():
    return small_network().requires_grad_(False)


wrong_masks = discs(4)[0], discs(4)[1][..., 1:]


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (frozen_network, {}, "^model: expected at least one parameter with requires_grad"),
        (small_network, {"train_batches": lambda epoch: []}, "^train_batches: expected at least one batch"),
        (small_network, {"validation": lambda: []}, "^validation_batches: expected at least one batch"),
        (
            small_network,
            {"train_batches": lambda epoch: [wrong_masks]},
            r"^logits, masks: .*8, 8\) and .*8, 7\)",
        ),
        (small_network, {"validation": lambda: [wrong_masks]}, r"^logits, masks: .*8, 8\) and .*8, 7\)"),
    ],
    ids=["all frozen", "no training batch", "no validation batch", "training masks", "validation masks"],
)
def test_bad_input_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        train(model(), config=settings(), **options)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("model", "changes", "context", "message"),
    [
        (small_network, {"learning_rate": 0.5}, {"variant": "a"}, "learning_rate: 0.0003 .*, 0.5 now"),
        (small_network, {"epochs": 4}, {"variant": "a"}, "epochs: 3 in the file, 4 now"),
        (small_network, {}, {"variant": "b"}, "context: .*'a'.* in the file, .*'b'.* now"),
        (lambda: small_network()[:2].append(nn.Conv2d(4, 1, 1)), {}, {"variant": "a"}, "trainable param"),
        (lambda: nn.Sequential(nn.Conv2d(1, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 1)),
         {}, {"variant": "a"}, "expected the weights of this model, but they belong to another"),
    ],
    ids=["learning rate", "epochs", "context", "other parameters", "other widths"],
)  # fmt: skip
def test_a_checkpoint_of_another_training_is_refused(tmp_path, model, changes, context, message):
    path = tmp_path / "checkpoint.pt"
    train(small_network(), config=settings(), checkpoint=path, context={"variant": "a"})
    with pytest.raises(CheckpointError, match=rf"checkpoint\.pt: .*{message}"):
        train(model(), config=settings(**changes), checkpoint=path, context=context)


def test_a_resumed_training_must_find_the_same_hardware(tmp_path, monkeypatch):
    """'auto' is one setting but not one arithmetic."""
    path, config = tmp_path / "checkpoint.pt", settings(precision="auto")
    monkeypatch.setattr("fetalseg_lib.training.device.has_bfloat16", lambda device: False)
    train(small_network(), config=config, checkpoint=path)
    monkeypatch.setattr("fetalseg_lib.training.device.has_bfloat16", lambda device: True)
    with pytest.raises(CheckpointError, match="precision: 'float32' in the file, 'bfloat16' now"):
        train(small_network(), config=config, checkpoint=path)


def test_a_finished_training_returns_at_once(tmp_path):
    def never(*_):
        raise AssertionError("asked for batches")

    path, model, again = tmp_path / "checkpoint.pt", small_network(), small_network()
    history = train(model, config=settings(), checkpoint=path)
    written = path.stat().st_mtime_ns
    returned = train(again, config=settings(), checkpoint=path, train_batches=never, validation=never)
    assert returned == history  # the seconds too
    assert path.stat().st_mtime_ns == written
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_the_seconds_are_the_only_field_that_equal_trainings_differ_in():
    first, second = (train(small_network(), config=settings()) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert dataclasses.replace(a, seconds=0) == dataclasses.replace(b, seconds=0)


def test_a_cosine_ends_the_same_with_and_without_an_interruption(tmp_path):
    changes = {"epochs": 4, "learning_rate": 8e-3, "schedule": "cosine", "min_learning_rate": 0.0}
    with pytest.raises(KeyboardInterrupt):
        train_through([8, 7, None], checkpoint=tmp_path / "checkpoint.pt", **changes)
    history, *_ = train_through([7, 7], checkpoint=tmp_path / "checkpoint.pt", **changes)
    # Half a cosine by hand: (1 + cos 0°, 45°, 90°, 135°) / 2 of 8e-3.
    assert [record.learning_rate for record in history] == pytest.approx(
        [8e-3, 8e-3 * (2 + 2**0.5) / 4, 4e-3, 8e-3 * (2 - 2**0.5) / 4]
    )


def test_without_warm_up_the_cosine_is_that_of_torch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.3)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=7, eta_min=0.06)
    for epoch in range(7):
        assert 0.3 * cosine_factor(epoch, epochs=7, floor=0.2) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


def test_the_warm_up_rises_in_equal_steps_to_the_full_rate():
    rates = [cosine_factor(epoch, epochs=10, warmup=3) for epoch in range(4)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0])
