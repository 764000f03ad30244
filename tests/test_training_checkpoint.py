"""Checkpoints and weights: whole or refused, never half; and refused when they belong to something else."""

import hashlib
import io
import json
import os

import pytest
import safetensors.torch
import torch
from torch import nn

from fetalseg_lib.files import atomic_write
from fetalseg_lib.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from fetalseg_lib.training.epoch import EpochRecord, History

RUN = {"learning_rate": 0.1, "betas": (0.9, 0.999), "seed": 3, "context": {"variant": "unet"}}


def network():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))


def checkpoint_of(model, *, run=RUN):
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(2, 1, 5, 5)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max")
    scheduler.step(0.1 + 0.2)
    record = EpochRecord(
        epoch=1,
        train_loss=1 / 3,
        validation_loss=2 / 3,
        validation_dice=0.1 + 0.2,
        learning_rate=1e-3,
        seconds=0.5,
    )
    return Checkpoint(
        run=run,
        model=model.state_dict(),
        best_model=network().state_dict(),
        optimizer=optimizer.state_dict(),
        scheduler=scheduler.state_dict(),
        history=History([record]),
    )


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "run" / "checkpoint.pt"
    checkpoint = checkpoint_of(network().to(memory_format=torch.channels_last))
    save_checkpoint(path, checkpoint)
    return path, checkpoint


def same(a, b):
    """Equal to the last bit, through all nesting."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.stride() == b.stride() and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def same_checkpoint(a, b):
    return all(same(value, getattr(b, name)) for name, value in vars(a).items())


def test_a_checkpoint_comes_back_to_the_last_bit(saved):
    path, checkpoint = saved
    assert same_checkpoint(checkpoint, load_checkpoint(path, run=RUN))
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.2}, "learning_rate: 0.1 in the file, 0.2 now"),
        ({"betas": (0.5, 0.999)}, r"betas: \(0.9, 0.999\) in the file, \(0.5, 0.999\) now"),
        ({"context": {"variant": "proposed"}}, "context: .*'unet'.* in the file, .*'proposed'.* now"),
        ({"clip": 1}, "clip: 'nothing' in the file, 1 now"),
        (
            {"seed": 4, "learning_rate": 1},
            "learning_rate: 0.1 in the file, 1 now; seed: 3 in the file, 4 now",
        ),
    ],
    ids=["number", "tuple", "context", "a setting more", "two settings"],
)
def test_a_checkpoint_of_another_run_is_refused_and_the_difference_named(saved, change, message):
    path, _ = saved
    with pytest.raises(
        CheckpointError, match=rf"checkpoint\.pt: .* another \(.*{message}.*restore .* delete"
    ):
        load_checkpoint(path, run={**RUN, **change})


def assert_damaged(path):
    with pytest.raises(
        CheckpointError, match=r"checkpoint\.pt: expected a whole checkpoint.*delete it to start"
    ):
        load_checkpoint(path, run=RUN)


@pytest.mark.parametrize("part", [0, 0.001, 0.01, 0.5, 0.9, 0.9999])
def test_a_truncated_checkpoint_is_refused(saved, part):
    path, _ = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert_damaged(path)


def test_one_flipped_bit_in_a_weight_is_noticed(saved):
    """torch.load alone would read the wrong number without a word."""
    path, checkpoint = saved
    content = bytearray(path.read_bytes())
    at = content.find(checkpoint.model["2.weight"].numpy().tobytes())
    assert at > 0
    content[at] ^= 1
    path.write_bytes(content)
    assert_damaged(path)


def test_a_flipped_byte_anywhere_is_noticed(saved):
    path, _ = saved
    content = path.read_bytes()
    for position in range(0, len(content), 97):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        assert_damaged(path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", bytes(1000)], ids=["empty", "text", "zeros"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    assert_damaged(tmp_path / "checkpoint.pt")


class Trap:
    def __reduce__(self):
        return (open, ("sprung", "w"))


def test_a_checkpoint_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, buffer = tmp_path / "checkpoint.pt", io.BytesIO()
    torch.save({"format": 1, "run": Trap()}, buffer)
    path.write_bytes(hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    with pytest.raises(
        CheckpointError, match=r"checkpoint\.pt: expected a checkpoint that torch .* can read safely"
    ):
        load_checkpoint(path, run=RUN)
    assert not (tmp_path / "sprung").exists()


def test_a_checkpoint_of_another_version_of_the_library_is_refused(saved, monkeypatch):
    path, _ = saved
    monkeypatch.setattr("fetalseg_lib.training.checkpoint.FORMAT", 2)
    with pytest.raises(CheckpointError, match="format: 1 in the file, 2 now"):
        load_checkpoint(path, run=RUN)


def test_a_state_of_more_than_tensors_is_refused_before_anything_is_written(tmp_path):
    class Talkative(nn.Conv2d):
        def get_extra_state(self):
            return {"note": "hello"}

        def set_extra_state(self, state):
            pass

    with pytest.raises(
        TypeError, match="model: expected a state of tensors only, got dict at '_extra_state'"
    ):
        save_checkpoint(tmp_path / "checkpoint.pt", checkpoint_of(Talkative(1, 1, 1)))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_checkpoint_before(saved, monkeypatch):
    path, checkpoint = saved

    def disk_full(_):
        assert path.with_name("checkpoint.pt.partial").exists()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, checkpoint)
    assert same_checkpoint(checkpoint, load_checkpoint(path, run=RUN))
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


def test_what_a_kill_left_half_written_is_overwritten(saved):
    path, checkpoint = saved
    path.with_name("checkpoint.pt.partial").write_bytes(b"half of a chec" * 10_000)
    save_checkpoint(path, checkpoint)
    assert same_checkpoint(checkpoint, load_checkpoint(path, run=RUN))
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


def test_the_old_content_stands_until_the_new_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


# Weights


def test_weights_come_back_and_other_programs_read_them(tmp_path):
    model, path = network().to(memory_format=torch.channels_last), tmp_path / "weights" / "model.safetensors"
    model(torch.rand(2, 1, 5, 5))  # so that the BatchNorm's counter is not 0
    save_weights(model, path, {"variant": "unet", "sha256": "ab12"})

    other = network()
    assert load_weights(other, path) == {"variant": "unet", "sha256": "ab12"}
    plain = safetensors.torch.load_file(path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
        assert torch.equal(tensor, plain[name])


def test_equal_weights_give_equal_bytes_with_a_header_in_order(tmp_path):
    """The library alone writes metadata in an order that changes from one process to the next."""
    model, metadata = network(), {key: key.upper() for key in "qwertyuiop"}
    save_weights(model, tmp_path / "a", metadata)
    save_weights(model, tmp_path / "b", dict(reversed(metadata.items())))
    a, b = (hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in "ab")
    assert a == b

    content = (tmp_path / "a").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert length % 8 == 0  # the tensors stay aligned
    assert list(header["__metadata__"]) == sorted(metadata)


@pytest.mark.parametrize("metadata", [{"epochs": 3}, {3: "epochs"}], ids=["value", "key"])
def test_metadata_must_be_text(tmp_path, metadata):
    with pytest.raises(TypeError, match=r"metadata: expected text for text, got .*3"):
        save_weights(network(), tmp_path / "model.safetensors", metadata)


def test_weights_of_another_model_are_refused(tmp_path):
    save_weights(nn.Conv2d(1, 2, 3), tmp_path / "model.safetensors", {})
    with pytest.raises(
        CheckpointError, match=r"model\.safetensors: expected the weights of this model.* another"
    ):
        load_weights(nn.Conv2d(1, 4, 3), tmp_path / "model.safetensors")


@pytest.mark.parametrize("kept", [0, 6, 100, -1])
def test_truncated_weights_are_refused(tmp_path, kept):
    path = tmp_path / "model.safetensors"
    save_weights(network(), path, {"a": "b"})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: expected a whole safetensors file"):
        load_weights(network(), path)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_weights(network(), tmp_path / "nowhere")
