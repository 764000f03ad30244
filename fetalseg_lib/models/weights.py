"""Where the encoder's weights come from, and a record of it that a result can carry.

``"imagenet"`` is torchvision's own ``MobileNet_V2_Weights``, unless the variable
``FETALSEG_ENCODER_WEIGHTS`` names a file; ``"random"`` draws them; a path names a ``.safetensors`` file in
torchvision's layout (``features.0.0.weight``, ...). Two are made by ``python -m fetalseg_book pretrain``:
``"procedural"``, which ships with the package and was trained on images that show no head, and ``"phantom"``,
which learned to segment simulated heads (the variable ``FETALSEG_PHANTOM_ENCODER`` names its file), so that
a study on phantoms refuses it. Both were trained on one grey channel, which ``stem="sum"`` computes exactly.
"""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from fetalseg_lib.models.batch_norm import is_folded, unfold
from fetalseg_lib.models.random_weights import drawn_features, random_features
from fetalseg_lib.models.weights_file import (
    NAMES,
    PHANTOM_VARIABLE,
    PROCEDURAL,
    TORCHVISION,
    WEIGHTS_VARIABLE,
    sha256_of,
    weights_file,
)

__all__ = [
    "PHANTOM_VARIABLE",
    "PROCEDURAL",
    "WEIGHTS_VARIABLE",
    "EncoderWeights",
    "resolve_encoder_weights",
]

_NAMES = ", ".join(f'"{name}"' for name in NAMES)
_ALTERNATIVES = (
    f"Set the variable {WEIGHTS_VARIABLE} to a .safetensors file in torchvision's layout, pass such a path "
    'as encoder_weights, or do without ImageNet: encoder_weights="procedural" ships with the package, '
    '"random" has learned nothing.'
)


@dataclass(frozen=True, kw_only=True, eq=False)
class EncoderWeights:
    """The weights of MobileNetV2's ``features`` and where they are from.

    ``source`` is ``"random"``, a file's name or torchvision's name of the weights; ``sha256`` is the file's,
    ``None`` where there was no file. ``task`` is what the file says that the encoder was trained for,
    ``None`` where it says nothing.
    """

    state_dict: dict[str, Tensor]
    source: str
    sha256: str | None
    task: str | None = None

    @property
    def record(self) -> dict[str, str | None]:
        """Source and hash, as a run's record keeps them, and the task where there is one."""
        task = {} if self.task is None else {"task": self.task}
        return {"source": self.source, "sha256": self.sha256, **task}

    def for_training(self) -> EncoderWeights:
        """These weights where BatchNorm may leave eval mode: with real statistics, should it be folded.

        The record says so: ``source`` then ends in ``"(BatchNorm unfolded)"``.
        """
        if self.source == "random" or not is_folded(self.state_dict):  # drawn with statistics of their own
            return self
        return replace(self, state_dict=unfold(self.state_dict), source=f"{self.source} (BatchNorm unfolded)")


def resolve_encoder_weights(encoder_weights: str | Path = "imagenet") -> EncoderWeights:
    """Load the weights that a name (``"imagenet"``, ``"procedural"``, ...) or a path stands for.

    Raises ``ConnectionError`` where torchvision's weights cannot be downloaded, ``FileNotFoundError`` where
    there is no such file, and ``ValueError`` where it holds something else or ``"phantom"`` names no file.

    >>> resolve_encoder_weights("random").record
    {'source': 'random', 'sha256': None}
    """
    if encoder_weights == "random":
        return EncoderWeights(state_dict=random_features(), source="random", sha256=None)
    if encoder_weights == "imagenet" and not os.environ.get(WEIGHTS_VARIABLE):
        return _from_torchvision()
    if encoder_weights == "procedural":
        return _from_package(PROCEDURAL)
    variables = {"imagenet": WEIGHTS_VARIABLE, "phantom": PHANTOM_VARIABLE}
    argument = variables.get(str(encoder_weights), "encoder_weights")
    if (file := weights_file(encoder_weights)) is None:
        raise ValueError(
            f'{argument}: encoder_weights="{encoder_weights}" expects this variable to name a .safetensors '
            "file, but it is not set; make one with `python -m fetalseg_book pretrain --task phantom -o FILE`"
        )
    return _from_file(file, argument=argument)


def _from_torchvision() -> EncoderWeights:
    """The first ImageNet recipe's weights: what "pre-trained MobileNetV2" has meant since the paper."""
    from torchvision.models import MobileNet_V2_Weights  # slow, as in drawn_features

    weights = MobileNet_V2_Weights.IMAGENET1K_V1
    try:
        # Without weights_only a file that lies in torch's cache already could run any program.
        state_dict = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"encoder_weights: {_cached()} holds more than weights and is not opened; delete it to "
            "have it downloaded again"
        ) from error
    except OSError as error:  # URLError is one of them
        raise ConnectionError(
            f"encoder_weights: {weights} could not be downloaded ({error}). {_ALTERNATIVES}"
        ) from error
    return EncoderWeights(
        state_dict=_features_of(state_dict, name=str(weights)),
        source=f"torchvision {weights}",
        sha256=sha256_of(_cached()),
    )


def _cached() -> Path:
    """Where torch keeps what it has downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / TORCHVISION


def _from_package(file: Path) -> EncoderWeights:
    """Weights that ship with the package; they must be the ones that the record beside them is of."""
    mend = "install the package again"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: expected this file with the package, found none; {mend}")
    weights = _from_file(file, argument="encoder_weights")
    expected = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))["sha256"]
    if weights.sha256 != expected:
        raise ValueError(f"{file}: expected sha256 {expected}, got {weights.sha256}; {mend}")
    return weights


def _from_file(file: Path, *, argument: str) -> EncoderWeights:
    if not file.is_file():
        raise FileNotFoundError(
            f"{argument}: expected {_NAMES} or a .safetensors file; there is no file {file}. {_ALTERNATIVES}"
        )
    try:
        state_dict = load_file(file)
        with safe_open(file, framework="pt") as opened:
            task = (opened.metadata() or {}).get("task")
    except SafetensorError as error:
        raise ValueError(f"{argument}: {file} is no readable .safetensors file ({error})") from error
    return EncoderWeights(
        state_dict=_features_of(state_dict, name=f"{argument}: {file}"),
        source=file.name,
        sha256=sha256_of(file),
        task=task,
    )


def _features_of(state_dict: dict[str, Tensor], *, name: str) -> dict[str, Tensor]:
    """Keep ``features.*`` without the prefix; refuse what is not exactly MobileNetV2's."""
    given = {key: value for key, value in state_dict.items() if not key.startswith("classifier.")}
    with torch.device("meta"):
        expected = {f"features.{key}": value for key, value in drawn_features().state_dict().items()}
    problems = [
        _listed("missing", sorted(expected.keys() - given.keys())),
        _listed("unexpected", sorted(given.keys() - expected.keys())),
        _listed(
            "of another shape",
            [
                f"{key} {tuple(given[key].shape)} instead of {tuple(expected[key].shape)}"
                for key in sorted(expected.keys() & given.keys())
                if given[key].shape != expected[key].shape
            ],
        ),
    ]
    if any(problems):
        raise ValueError(
            f"{name} does not hold torchvision's MobileNetV2 features; {'; '.join(filter(None, problems))}"
        )
    # A file may hold half precision; the network computes in what autocast says, not in what a file saves.
    return {
        key.removeprefix("features."): value.float() if value.is_floating_point() else value
        for key, value in given.items()
    }


def _listed(what: str, keys: list[str], *, most: int = 3) -> str:
    if not keys:
        return ""
    more = f", ... ({len(keys)} in all)" if len(keys) > most else ""
    return f"{what}: {', '.join(keys[:most])}{more}"
