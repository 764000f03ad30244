"""A trained network from its one file, ``weights.safetensors``: whoever made that file."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.data.named import dataset_named
from fetalseg_lib.data.training_range import TrainingRange, hc18_range
from fetalseg_lib.models import build, build_model
from fetalseg_lib.study.records import read_json
from fetalseg_lib.training.checkpoint import CheckpointError, load_weights, read_metadata

DEMONSTRATION = Path(build.__file__).parent / "pretrained" / "demonstration.safetensors"
"""The trained network that comes with the package; :mod:`fetalseg_book.studies.demonstration` makes it.

:meta hide-value:
"""

MAX_SIDE = 2048
"""Of an input size in px."""

MAX_PARAMETERS = 200_000_000
"""Of a network: more than any variant can have, and less than a gigabyte."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedNetwork:
    """A network with its weights, and what its file says of its training.

    ``image_size`` is the input's ``(H, W)``; ``data`` names the images it was trained on; ``sha256`` is that
    of the file; ``training_range`` is ``None`` where the file does not tell it.
    """

    model: nn.Module
    image_size: tuple[int, int]
    data: str
    sha256: str
    training_range: TrainingRange | None


def read_network(weights: Path) -> TrainedNetwork:
    """Build the network of a run's ``weights.safetensors``; no other file is needed.

    Weights that the file keeps in half precision become float32, in which the network computes. Raises
    ``FileNotFoundError``, or :class:`~fetalseg_lib.training.checkpoint.CheckpointError` for a file that is
    damaged, no safetensors (a pickle is never opened) or without a configuration that can be built.
    """
    _refuse_pickle(weights)
    metadata = read_metadata(weights)
    if "config" not in metadata:
        raise CheckpointError(f"{weights}: expected weights that `fetalseg train` wrote, got others")
    try:
        config = json.loads(metadata["config"])
        data, network = str(config["data"]), config["network"]
        height, width = (int(side) for side in config["image_size"])
        if "encoder_weights" in network:
            raise ValueError("network: encoder_weights is no part of it")
        if not all(32 <= side <= MAX_SIDE and side % 32 == 0 for side in (height, width)):
            raise ValueError(f"image_size: expected multiples of 32 up to {MAX_SIDE}, got {height} x {width}")
        # Every weight is in the file, so none has to be fetched first.
        build = functools.partial(build_model, config["variant"], encoder_weights="random", **network)
        with torch.device("meta"):  # takes no memory
            found, _ = count_parameters(build())
        if found > MAX_PARAMETERS:
            raise ValueError(f"network: expected at most {MAX_PARAMETERS:,} parameters, got {found:,}")
        model = build()
        known = hc18_range() if dataset_named(data).committed else None
        if "training_range" in metadata:
            known = TrainingRange.from_json(metadata["training_range"])
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{weights}: expected the configuration of a training, got one that cannot be built "
            f"({type(error).__name__}: {error}); make or fetch the file again"
        ) from error
    load_weights(model, weights)
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    size = (height, width)
    return TrainedNetwork(model=model, image_size=size, data=data, sha256=sha256, training_range=known)


def demonstration_weights() -> Path:
    """The file of the trained network that comes with the package, once it is sure to be that of its record.

    Raises ``FileNotFoundError`` where the package came without it, ``ValueError`` where it is another.
    """
    if not DEMONSTRATION.is_file():
        raise FileNotFoundError(
            f"{DEMONSTRATION.name}: expected a trained network with the package, but this version has none; "
            "train one with `fetalseg train` and name the weights.safetensors that it leaves"
        )
    expected = read_json(DEMONSTRATION.with_suffix(".json")).get("sha256")
    if (found := hashlib.sha256(DEMONSTRATION.read_bytes()).hexdigest()) != expected:
        sums = f"expected sha256 {expected}, got {found}"
        raise ValueError(f"{DEMONSTRATION}: {sums}; install the package again")
    return DEMONSTRATION


def _refuse_pickle(weights: Path) -> None:
    """Tell what the file is, where it is the format that runs programs; opening it is never tried."""
    if not weights.is_file():
        return  # reading it says so
    with weights.open("rb") as file:
        start = file.read(36)
    # A zip or a bare pickle; a training's own checkpoint has a hash of 32 bytes before it. The length that a
    # safetensors file begins with may look like a pickle's first byte, but the ninth byte opens its JSON.
    pickled = start.startswith(b"\x80") and start[8:9] != b"{"
    if pickled or b"PK\x03\x04" in (start[:4], start[32:]):
        raise CheckpointError(
            f"{weights}: expected a safetensors file, got a pickle, which is not opened because it can run "
            "any program; give the weights.safetensors that a finished training leaves"
        )
