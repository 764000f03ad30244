"""From a variant, a seed, a profile and a dataset to the one configuration that a run follows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fetalseg_lib.data.hc18 import is_own
from fetalseg_lib.data.named import DATASETS, Dataset, PhantomDataset, dataset_named
from fetalseg_lib.models import get_variant
from fetalseg_lib.models.weights_file import NAMES, weights_digest
from fetalseg_lib.study.profile import Profile, load_profile
from fetalseg_lib.study.records import digest
from fetalseg_lib.training.config import TrainingConfig

_ADDED_LATER = ("schedule", "warmup_epochs", "half_size_epochs")
"""Options of the training that older runs did not have: at their default they leave a run's hash alone."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a run's numbers, and nothing else.

    Where the files lie, which device computes and how many threads it has belong to the machine and
    stand in the run's ``environment.json`` instead. What a name of weights stands for on this machine, and
    the code, make a run another one as well: :mod:`fetalseg_lib.study.identity`.
    """

    variant: str
    seed: int
    profile: str
    data: str
    image_size: tuple[int, int]
    phantoms: int
    phantom_size: tuple[int, int]
    phantom_without: tuple[str, ...]
    limit: Mapping[str, int]
    encoder_weights: str
    network: Mapping[str, Any]
    training: TrainingConfig
    split: str = "exam"
    fold: int | None = None
    """Of a cross-validated study: the part of the images that tests."""

    @property
    def dataset(self) -> Dataset:
        """What :attr:`data` names; the hash holds the name alone."""
        named = dataset_named(self.data)
        if isinstance(named, PhantomDataset):
            return PhantomDataset(count=self.phantoms, size=self.phantom_size, without=self.phantom_without)
        return named

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that change whenever a number of the run could change.

        >>> a, b = (configure(variant="unet", seed=s, profile="smoke", data="phantom") for s in (0, 1))
        >>> a.hash == b.hash
        False
        """
        return digest(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON values, without what only names the machine."""
        values = dataclasses.asdict(self)
        if not self.dataset.drawn:
            values = {key: value for key, value in values.items() if not key.startswith("phantom")}
        training, defaults = values["training"], dataclasses.asdict(TrainingConfig())
        del training["device"]
        for name in _ADDED_LATER:
            if training[name] == defaults[name]:
                del training[name]
        if self.encoder_weights not in NAMES and (sha256 := weights_digest(self.encoder_weights)):
            values["encoder_weights"] = f"sha256:{sha256}"  # what a file holds counts, not where it lies
        if values["split"] == "exam":  # so it was before there was a choice
            del values["split"]
        if values["fold"] is None:
            del values["fold"]
        plain: dict[str, Any] = json.loads(json.dumps(values))
        return plain

    def folder(self, root: Path) -> Path:
        """Where the run keeps its files: ``root/profile/data/variant/seed-N``, or ``.../fold-K/seed-N``."""
        fold = () if self.fold is None else (f"fold-{self.fold}",)
        return root.joinpath(self.profile, self.data, self.variant, *fold, f"seed-{self.seed}")


def configure(
    *,
    variant: str,
    seed: int,
    profile: str | Path | Profile,
    data: str,
    fold: int | None = None,
    encoder_weights: str | None = None,
    device: str = "auto",
) -> RunConfig:
    """Put a variant's changes on a profile's settings.

    ``data`` is ``"phantom"``, ``"hc18"`` or the name of a folder of one's own
    (:func:`~fetalseg_lib.data.hc18.own_name`); ``fold`` is one of the profile's, where it has folds;
    ``encoder_weights`` replaces the variant's and the profile's.
    Raises ``ValueError`` naming the argument.

    >>> run = configure(variant="pos_weight_200", seed=0, profile="smoke", data="phantom")
    >>> run.training.pos_weight, run.training.seed
    (200.0, 0)
    """
    settings = profile if isinstance(profile, Profile) else load_profile(profile)
    if data not in DATASETS and not is_own(data):
        raise ValueError(
            f"data: expected {' or '.join(DATASETS)}, got {data!r}; "
            "to train on a folder of your own: fetalseg train --data FOLDER"
        )
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed: expected a whole number from 0, got {seed!r}")
    if fold not in (settings.folds or (None,)):
        expected = ", ".join(map(str, settings.folds)) or "none, the profile has no folds"
        raise ValueError(f"fold: expected {expected}; got {fold!r}")
    chosen = get_variant(variant)
    # Other networks have none of these options; what a variant changes, a profile does not change back.
    shared = settings.network if chosen.architecture == "mobilenet" else {}
    weights = encoder_weights or chosen.encoder_weights or settings.encoder_weights
    if dataset_named(data).drawn:
        refuse_phantom_encoder(weights)
    changes: dict[str, Any] = {**chosen.recipe, "seed": seed, "device": device}
    return RunConfig(
        variant=variant,
        seed=seed,
        profile=settings.name,
        data=data,
        image_size=settings.image_size,
        phantoms=settings.phantoms,
        phantom_size=settings.phantom_size,
        phantom_without=settings.phantom_without,
        limit=dict(settings.limit),
        encoder_weights=weights,
        network={**shared, **chosen.network},
        training=dataclasses.replace(settings.training, **changes),
        split=settings.split,
        fold=fold,
    )


def refuse_phantom_encoder(task: str | None) -> None:
    """Raise ``ValueError`` for an encoder trained to segment phantoms, where phantoms are to be studied."""
    if task == "phantom":
        raise ValueError(
            "encoder_weights: 'phantom' has learned to segment phantoms, so a study of phantoms would only "
            "test what it was taught; expected data 'hc18', or other weights such as 'procedural'"
        )
