"""Killed with ``kill -9`` and started again, a training ends with the bits of one left alone."""

import dataclasses
import itertools
import random
import signal
import sys
import time

import pytest
import torch
from killing import processes
from torch import nn

from fetalseg_lib.training.config import TrainingConfig
from fetalseg_lib.training.device import seed_everything
from fetalseg_lib.training.loop import fit

BATCHES = 5
CONFIG = TrainingConfig(
    epochs=16,
    learning_rate=0.02,
    plateau_patience=0,  # so that the scheduler has something to remember
    early_stopping_patience=16,
    pos_weight=3.0,
    precision="float32",
    device="cpu",
    seed=5,
)


def network():
    """All that could go astray in a resume: running statistics, dropout, a frozen part, several channels."""
    frozen = nn.Conv2d(1, 4, 3, padding=1).requires_grad_(False)
    return nn.Sequential(
        frozen,
        nn.Conv2d(4, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Conv2d(8, 1, 3, padding=1, stride=2),
    )


def batches(seed, *, pause=0.0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(BATCHES):
        time.sleep(pause)
        images = torch.rand(4, 1, 16, 16, generator=generator)
        yield images, (nn.functional.avg_pool2d(images, 3, stride=1, padding=1) > 0.5).float()


def interrupted(some):
    yield from itertools.islice(some, BATCHES // 2)
    raise KeyboardInterrupt


def run(checkpoint, *, seed=CONFIG.seed, pause=0.0, stop_in=None, epochs_run=None):
    """One start of the training as a new process would make it; returns all that it ends with."""
    torch.set_num_threads(1)
    seed_everything(seed)
    model = network()

    def train_batches(epoch):
        if epochs_run is not None:
            epochs_run.append(epoch)
        coming = batches(epoch, pause=pause)
        return interrupted(coming) if epoch == stop_in else coming

    history = fit(
        model,
        train_batches=train_batches,
        validation_batches=lambda: batches(0),
        config=dataclasses.replace(CONFIG, seed=seed),
        checkpoint=checkpoint,
        progress=False,
    )
    return [dataclasses.replace(record, seconds=0.0) for record in history], model.state_dict()


@pytest.fixture(scope="module", autouse=True)
def same_threads_afterwards():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return run(tmp_path_factory.mktemp("undisturbed") / "checkpoint.pt")


def assert_same_bits(found, expected):
    (history, model), (expected_history, expected_model) = found, expected
    assert history == expected_history
    assert model.keys() == expected_model.keys()
    for name, tensor in model.items():
        assert torch.equal(tensor, expected_model[name]), name


def test_the_same_run_twice_gives_the_same_bits_with_or_without_checkpoints(undisturbed):
    assert_same_bits(run(None), undisturbed)


def test_another_seed_gives_another_run(undisturbed):
    history, _ = run(None, seed=CONFIG.seed + 1)
    assert history != undisturbed[0]


def test_the_run_is_hard_to_resume(undisturbed):
    """What the comparisons below rest on: the Dice also fell, and with it the learning rate."""
    history, _ = undisturbed
    dice = [record.validation_dice for record in history]
    assert dice != sorted(dice)
    assert history[-1].learning_rate < history[0].learning_rate


@pytest.mark.parametrize("epoch", [1, 2, 9, CONFIG.epochs])
def test_interrupted_in_an_epoch_it_goes_on_to_the_same_bits(undisturbed, tmp_path, epoch):
    path, epochs_run = tmp_path / "checkpoint.pt", []
    with pytest.raises(KeyboardInterrupt):
        run(path, stop_in=epoch)
    assert_same_bits(run(path, epochs_run=epochs_run), undisturbed)
    assert epochs_run == list(range(epoch, CONFIG.epochs + 1))


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of POSIX")
def test_killed_at_random_moments_it_ends_with_the_same_bits(undisturbed, tmp_path):
    path, epochs_run, kills = tmp_path / "checkpoint.pt", [], 3
    for _ in range(kills):
        before = path.stat().st_mtime_ns if path.exists() else None
        process = processes().Process(target=run, args=(path,), kwargs={"pause": 0.04})
        process.start()
        deadline = time.monotonic() + 60
        while not path.exists() or path.stat().st_mtime_ns == before:
            assert process.is_alive(), f"it ended by itself with {process.exitcode}"
            assert time.monotonic() < deadline, "it wrote no checkpoint within a minute"
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.3))  # an epoch lasts 0.2 s and a little
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it was over before the kill"
    assert_same_bits(run(path, epochs_run=epochs_run), undisturbed)
    assert kills < epochs_run[0] <= CONFIG.epochs
