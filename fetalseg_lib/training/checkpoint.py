"""Files of a training: checkpoints to go on from, and finished weights. Both are written atomically."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from fetalseg_lib.files import atomic_write

from .epoch import EpochRecord, History

FORMAT = 1
"""Raised whenever the content of a checkpoint changes its meaning."""

DIGEST_BYTES = hashlib.sha256().digest_size


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
    """Write a checkpoint atomically: the sha256 of what follows, then torch's format.

    Raises ``TypeError`` when the model's state holds anything but tensors: it could not be read back safely.
    """
    for name, value in checkpoint.model.items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"model: expected a state of tensors only, got {type(value).__name__} at {name!r}"
            )
    content = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
    content["history"] = [asdict(record) for record in checkpoint.history]
    write_state(path, content)


def write_state(path: Path, content: Mapping[str, Any]) -> None:
    """Write any state that torch can save and read back safely; ``content["run"]`` says whose it is."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **content}, buffer)
    with atomic_write(path) as file:
        file.write(hashlib.sha256(buffer.getbuffer()).digest())
        file.write(buffer.getbuffer())


def load_checkpoint(path: Path, *, run: Mapping[str, Any]) -> Checkpoint:
    """Read a checkpoint of this very run, onto the CPU.

    Raises :class:`CheckpointError` for a damaged file and for one of another run.
    """
    content = read_state(path, run=run)
    history = History(EpochRecord(**record) for record in content.pop("history"))
    return Checkpoint(history=history, **content)


def read_state(path: Path, *, run: Mapping[str, Any]) -> dict[str, Any]:
    """Read what :func:`write_state` wrote for this very run; raises as :func:`load_checkpoint`."""
    content = _read(path)
    differences = _differences({"format": content.pop("format"), **content["run"]}, {"format": FORMAT, **run})
    if differences:
        raise CheckpointError(
            f"{path}: expected a checkpoint of this training, but it comes from another "
            f"({'; '.join(differences)}); restore those settings to go on with it, "
            "or delete the file or choose another place to start anew"
        )
    return content


def _read(path: Path) -> dict[str, Any]:
    """The content of a checkpoint file, once it is sure that no bit of it changed.

    ``torch.load`` alone verifies no checksum: it reads a wrong weight without a word.
    """
    mend = "delete it to start the training again"
    stored = memoryview(path.read_bytes())
    digest, payload = stored[:DIGEST_BYTES], stored[DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest:
        raise CheckpointError(
            f"{path}: expected a whole checkpoint, but the file is damaged or no checkpoint; {mend}"
        )
    try:
        content: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path}: expected a checkpoint that torch {torch.__version__} can read safely; "
            f"go back to the version that wrote it, or {mend}"
        ) from error
    return content


def save_weights(model: nn.Module, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a model's weights as safetensors, atomically, with metadata as text.

    Equal weights and metadata give equal bytes, so that a sha256 of the file can stand in a record.
    Raises ``TypeError`` when a key or value of ``metadata`` is not text.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> save_weights(nn.Linear(2, 1), path, {"variant": "example"})
    >>> load_weights(nn.Linear(2, 1), path)
    {'variant': 'example'}
    """
    save_tensors(model.state_dict(), path, metadata)


def save_tensors(state: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """The same for weights that are no longer in a model; raises as :func:`save_weights`."""
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata: expected text for text, got {key!r}: {value!r}")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with atomic_write(path) as file:
        file.write(_sorted_header(safetensors.torch.save(tensors, metadata=dict(metadata))))


def load_weights(model: nn.Module, path: Path) -> dict[str, str]:
    """Read weights into a model of the same structure, and return their metadata.

    Raises ``FileNotFoundError``, or :class:`CheckpointError` for a damaged file or one of another model.
    """
    metadata = read_metadata(path)
    with safetensors.safe_open(path, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    restore_model(model, state, path)
    return metadata


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a file of weights, without reading the weights; raises as :func:`load_weights`."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a file of weights, found none")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except safetensors.SafetensorError as error:
        raise CheckpointError(
            f"{path}: expected a whole safetensors file, but it cannot be read ({error}); "
            "make or fetch it again"
        ) from error


def restore_model(model: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Put a state read from ``path`` into a model; raises :class:`CheckpointError` if it does not fit."""
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: expected the weights of this model, but they belong to another ({error}); "
            "build the model that they were saved from, or choose another file"
        ) from error


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    absent = "nothing"
    return [
        f"{name}: {there.get(name, absent)!r} in the file, {here.get(name, absent)!r} now"
        for name in sorted({*there, *here})
        if there.get(name, absent) != here.get(name, absent)
    ]


def _sorted_header(content: bytes) -> bytes:
    """Order the header of a safetensors file: the library writes its metadata in random order.

    The format is the header's length (8 bytes, little endian), the header (JSON, padded with spaces to a
    multiple of 8 bytes) and the tensors: https://github.com/huggingface/safetensors#format
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]
