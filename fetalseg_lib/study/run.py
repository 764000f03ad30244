"""One run: the place where a configuration becomes data, a network, a training and a record.

``notebooks/train.ipynb`` walks through these functions one by one; :func:`run` calls them in a row.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pooch
from torch import Tensor, nn

from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.data import cache as cache_module
from fetalseg_lib.data import hc18, phantom, splits
from fetalseg_lib.data.augment import build_augmentation
from fetalseg_lib.data.cache import Cache
from fetalseg_lib.data.dataset import SegmentationDataset, batches
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.models import build_model
from fetalseg_lib.study import records
from fetalseg_lib.study.config import RunConfig
from fetalseg_lib.study.evaluate import evaluate
from fetalseg_lib.study.profile import FOLDS
from fetalseg_lib.training.checkpoint import load_weights, read_metadata, save_weights
from fetalseg_lib.training.device import pick_device, pick_precision, seed_everything
from fetalseg_lib.training.history import EpochRecord, History
from fetalseg_lib.training.loop import fit

DATA_SEED = 0
"""Phantoms and their split are the same for every seed of a study: seeds vary the training alone."""

WEIGHTS = "weights.safetensors"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Folds:
    """The cached images and which of them train, validate and test (positions in the cache)."""

    cache: Cache
    train: Sequence[int]
    validation: Sequence[int]
    test: Sequence[int]


def run(config: RunConfig, *, root: Path, hc18_root: Path | None = None, progress: bool = True) -> Path:
    """Train and evaluate one configuration, or return its folder at once where that is done already.

    A killed run starts again at its last whole epoch and ends with the same numbers.
    """
    folder = config.folder(root)
    if records.is_complete(folder, config.hash):
        log.info("%s: this configuration (%s) is done, its results are loaded", folder, config.hash)
        return folder
    started = time.perf_counter()
    folds = prepare_data(config, hc18_root=hc18_root)
    model = build_network(config)
    history = train(config, model, folds, folder=folder, progress=progress)
    return finish(config, model, folds, history, folder=folder, seconds=time.perf_counter() - started)


def load_samples(config: RunConfig, *, hc18_root: Path | None = None) -> Sequence[Sample]:
    """The images of the run's dataset at native resolution, read or drawn only when they are asked for."""
    if config.data == "hc18":
        return hc18.load(hc18_root)
    return phantom.generate(config.phantoms, seed=DATA_SEED, size=config.phantom_size)


def prepare_data(config: RunConfig, *, hc18_root: Path | None = None, cache: Path | None = None) -> Folds:
    """Cache the images at the run's size and give each fold its images, at most ``config.limit`` of them."""
    cached = cache_module.build(
        load_samples(config, hc18_root=hc18_root),
        image_size=config.image_size,
        directory=cache_folder() if cache is None else cache,
    )
    split = _split(config, cached.index)
    fold = cached.index["name"].map(split.set_index("filename")["fold"])
    if fold.isna().any():
        raise ValueError(
            f"split: {int(fold.isna().sum())} images of {config.data!r} stand in no fold, the first is "
            f"{cached.index['name'][fold.isna()].iloc[0]}; the committed split is for HC18's 999 images"
        )
    rows = {name: _thin(np.flatnonzero(fold == name), config.limit.get(name)) for name in FOLDS}
    return Folds(cache=cached, **rows)


def build_network(config: RunConfig) -> nn.Module:
    """The variant's network, its random weights drawn from the run's seed."""
    seed_everything(config.seed)
    return build_model(config.variant, encoder_weights=config.encoder_weights, **config.network)


def train(
    config: RunConfig, model: nn.Module, folds: Folds, *, folder: Path, progress: bool = True
) -> History:
    """Train to the best validation Dice, with a checkpoint after every epoch in ``folder``.

    Where ``folder`` holds the weights of this configuration already, they and their history are loaded
    instead. The finished run of another configuration is kept under another name.
    """
    if is_trained(config, folder):
        log.info("%s: configuration %s is trained already; its weights are loaded", folder, config.hash)
        load_weights(model, folder / WEIGHTS)
        return read_history(folder)
    if not records.is_complete(folder, config.hash) and (older := records.set_aside(folder)):
        log.info("%s: held another configuration; it is kept as %s", folder, older.name)
    log.info("%s: training configuration %s", folder, config.hash)
    folder.mkdir(parents=True, exist_ok=True)
    augment = build_augmentation() if config.training.augment else None
    training = SegmentationDataset(folds.cache, folds.train, augment=augment)
    validation = SegmentationDataset(folds.cache, folds.validation)
    size, seed = config.training.batch_size, config.seed

    def train_batches(epoch: int) -> Iterable[tuple[Tensor, Tensor]]:
        return batches(training, batch_size=size, seed=seed, epoch=epoch, shuffle=True)

    history = fit(
        model,
        train_batches=train_batches,
        validation_batches=partial(batches, validation, batch_size=size, seed=0, epoch=0, shuffle=False),
        config=config.training,
        checkpoint=_checkpoint(config, folder),
        progress=progress,
        context={"configuration": config.hash},
    )
    records.write_csv(folder / records.HISTORY, history.to_frame(), digits=17)
    text = json.dumps(config.to_dict(), sort_keys=True)
    save_weights(model, folder / WEIGHTS, {"config": text, "hash": config.hash})
    _checkpoint(config, folder).unlink(missing_ok=True)  # nothing is left to resume
    return history


def finish(
    config: RunConfig, model: nn.Module, folds: Folds, history: History, *, folder: Path, seconds: float
) -> Path:
    """Evaluate on the test fold, once, and write the run's files; ``metrics.json`` comes last.

    ``seconds`` is the time since the run was last started. A finished run is left as it is.
    """
    if records.is_complete(folder, config.hash):
        return folder
    device = pick_device(config.training.device)
    precision = pick_precision(config.training.precision, device)
    evaluated = time.perf_counter()
    per_image = evaluate(model, folds.cache, folds.test, device=device, precision=precision)
    now = time.perf_counter()
    epochs = history.to_frame()
    total, trainable = count_parameters(model)
    records.write_csv(folder / records.PER_IMAGE, per_image)
    identity = {
        "variant": config.variant,
        "seed": config.seed,
        "profile": config.profile,
        "data": config.data,
    }
    took = {
        # Summed over the epochs, so that it counts those before an interruption too.
        "training": round(float(epochs["seconds"].sum()), 1),
        "evaluation": round(now - evaluated, 1),
        "since_last_start": round(seconds + now - evaluated, 1),
    }
    environment = _environment(config, model, folds, precision=precision, device=device.type)
    records.write_json(folder / records.ENVIRONMENT, environment | {"seconds": took})
    metrics = identity | {
        "config_hash": config.hash,
        "split_sha256": environment["split_sha256"],
        "parameters": total,
        "trainable_parameters": trainable,
        "epochs": len(epochs),
        "best_epoch": history.best.epoch,
        "validation_dice": history.best.validation_dice,
        "test": records.summarize(per_image),
    }
    records.write_json(folder / records.METRICS, metrics)
    return folder


def _environment(
    config: RunConfig, model: nn.Module, folds: Folds, *, precision: str, device: str
) -> dict[str, Any]:
    return records.describe_environment() | {
        "config": config.to_dict(),
        "config_hash": config.hash,
        "device": device,
        "precision": precision,
        "encoder_weights": model.encoder_weights_record,
        "data_sha256": folds.cache.content_sha256,
        "split": {name: len(getattr(folds, name)) for name in FOLDS},
        "split_sha256": split_digest(folds),
    }


def is_trained(config: RunConfig, folder: Path) -> bool:
    """Whether ``folder`` holds the weights of this configuration (which git does not keep)."""
    if not ((folder / WEIGHTS).is_file() and (folder / records.HISTORY).is_file()):
        return False
    return read_metadata(folder / WEIGHTS).get("hash") == config.hash


def read_history(folder: Path) -> History:
    """The epochs of a finished run."""
    epochs = pd.read_csv(folder / records.HISTORY).to_dict("records")
    return History(EpochRecord(**{str(name): value for name, value in epoch.items()}) for epoch in epochs)


def split_digest(folds: Folds) -> str:
    """A digest of which image is in which fold: runs with different ones are not comparable."""
    names = folds.cache.index["name"]
    return records.digest({fold: [str(names.iloc[row]) for row in getattr(folds, fold)] for fold in FOLDS})


def cache_folder() -> Path:
    """Where prepared images are kept: ``FETALSEG_CACHE``, else the user's own cache folder."""
    return Path(os.environ.get("FETALSEG_CACHE") or pooch.os_cache("fetalseg"))


def _split(config: RunConfig, index: pd.DataFrame) -> pd.DataFrame:
    if config.data == "hc18":
        return splits.load("hc18")
    frame = index.rename(columns={"name": "filename"})[["filename", "exam", "hc_mm"]]
    return splits.make_split(frame, seed=DATA_SEED)


def _thin(rows: np.ndarray, limit: int | None) -> list[int]:
    """At most ``limit`` rows, evenly spread: names rise with the head's size, so the first would be small."""
    if limit is not None and limit < len(rows):
        rows = rows[np.linspace(0, len(rows) - 1, limit).round().astype(int)]
    return [int(row) for row in rows]


def _checkpoint(config: RunConfig, folder: Path) -> Path:
    # The hash in the name: a checkpoint of another configuration is simply not this run's.
    return folder / f"checkpoint-{config.hash}.pt"
