"""Files of a training: checkpoints that survive a kill, and finished weights.

Both are written beside their place, forced to the disk and renamed, so that a file under its own name is
always whole: whoever is killed while writing leaves the previous one.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from .history import EpochRecord, History

FORMAT = 1
"""Raised whenever the content of a checkpoint changes its meaning."""


class CheckpointError(ValueError):
    """A checkpoint or weights file that cannot be used; the message names the file and the mend."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """All that is needed to go on after an epoch as if nothing had happened.

    ``run`` says which training this is: plain values (numbers, text, lists of them) by name.
    The epoch and the state of early stopping follow from ``history``.
    """

    run: Mapping[str, Any]
    model: Mapping[str, Tensor]
    best_model: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    scheduler: Mapping[str, Any]
    history: History


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically.

    Raises ``TypeError`` when the model's state holds anything but tensors: it could not be read back safely.
    """
    for name, value in checkpoint.model.items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"model: expected a state of tensors only, got {type(value).__name__} at {name!r}"
            )
    content = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
    content["history"] = [asdict(record) for record in checkpoint.history]
    with atomic_write(path) as file:
        torch.save({"format": FORMAT, **content}, file)


def load_checkpoint(path: Path, *, run: Mapping[str, Any]) -> Checkpoint:
    """Read a checkpoint of this very run, onto the CPU.

    Raises :class:`CheckpointError` for a damaged file and for one of another run.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load itself does not verify the checksums
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"wrong checksum of {damaged}")
        content = torch.load(path, map_location="cpu", weights_only=True)
        version = content.pop("format")
        history = History(EpochRecord(**record) for record in content.pop("history"))
        checkpoint = Checkpoint(history=history, **content)
    except PermissionError:
        raise
    except Exception as error:  # damage shows in many ways, and all have one mend
        raise CheckpointError(
            f"{path}: expected a whole checkpoint, but it cannot be read ({error}); "
            "delete the file to start the training again"
        ) from error
    differences = _differences({"format": version, **checkpoint.run}, {"format": FORMAT, **run})
    if differences:
        raise CheckpointError(
            f"{path}: expected a checkpoint of this training, but it comes from another "
            f"({'; '.join(differences)}); restore those settings to go on with it, "
            "or delete the file or choose another place to start anew"
        )
    return checkpoint


def save_weights(model: nn.Module, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a model's weights as safetensors, atomically, with metadata as text.

    Raises ``TypeError`` when a key or value of ``metadata`` is not text.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> save_weights(nn.Linear(2, 1), path, {"variant": "example"})
    >>> load_weights(nn.Linear(2, 1), path)
    {'variant': 'example'}
    """
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata: expected text for text, got {key!r}: {value!r}")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with atomic_write(path) as file:
        file.write(safetensors.torch.save(tensors, metadata=dict(metadata)))


def load_weights(model: nn.Module, path: Path) -> dict[str, str]:
    """Read weights into a model of the same structure, and return their metadata.

    Raises ``FileNotFoundError``, or :class:`CheckpointError` for a damaged file or one of another model.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a file of weights, found none")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except safetensors.SafetensorError as error:
        raise CheckpointError(
            f"{path}: expected a whole safetensors file, but it cannot be read ({error}); "
            "make or fetch it again"
        ) from error
    restore_model(model, state, path)
    return dict(metadata)


def restore_model(model: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Put a state read from ``path`` into a model; raises :class:`CheckpointError` if it does not fit."""
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: expected the weights of this model, but they belong to another ({error}); "
            "build the model that they were saved from, or choose another file"
        ) from error


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only once it is whole and on the disk.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with atomic_write(path) as file:
    ...     _ = file.write(b"1 2 3")
    ...     path.exists()
    False
    >>> path.read_text()
    '1 2 3'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(
        f"{path.name}.partial"
    )  # one name: a kill leaves one file, which the next reuses
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Force the new name itself to the disk, where the system lets a folder be opened (Windows does not)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    absent = "nothing"
    return [
        f"{name}: {there.get(name, absent)!r} in the file, {here.get(name, absent)!r} now"
        for name in sorted({*there, *here})
        if there.get(name, absent) != here.get(name, absent)
    ]
