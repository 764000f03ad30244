"""One run: the place where a configuration becomes data, a network, a training and a record.

``notebooks/train.ipynb`` walks through these functions one by one; :func:`run` calls them in a row.
"""

from __future__ import annotations

import copy
import json
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from fetalseg_lib.data.augment import build_augmentation
from fetalseg_lib.data.dataset import SegmentationDataset, batches, halve
from fetalseg_lib.data.training_range import measure_range
from fetalseg_lib.files import only_one
from fetalseg_lib.models import MobileNetASPPUNet, build_model
from fetalseg_lib.models.batch_norm import reestimate_batch_norm
from fetalseg_lib.study import records
from fetalseg_lib.study.config import RunConfig, refuse_phantom_encoder
from fetalseg_lib.study.finish import finish
from fetalseg_lib.study.folds import Folds, prepare_data
from fetalseg_lib.study.identity import Identity, identify, is_complete, recorded
from fetalseg_lib.study.source import read_digest, source_digest
from fetalseg_lib.training.checkpoint import load_weights, read_metadata, save_weights
from fetalseg_lib.training.config import TrainingConfig
from fetalseg_lib.training.device import seed_everything
from fetalseg_lib.training.epoch import EpochRecord, History
from fetalseg_lib.training.loop import Batches, fit

WEIGHTS = "weights.safetensors"

__all__ = ["Folds", "build_network", "finish", "prepare_data", "read_history", "run", "train"]

log = logging.getLogger(__name__)
source_digest()  # now, with the code that is being loaded: what is edited later is not what computes


def run(config: RunConfig, *, root: Path, data_root: Path | None = None, progress: bool = True) -> Path:
    """Train and evaluate one configuration, or return its folder at once where that is done already.

    A killed run starts again at its last whole epoch and ends with the same numbers.
    """
    folder = config.folder(root)
    if is_complete(folder, identify(config)):
        log.info("%s: this configuration (%s) is done, its results are loaded", folder, config.hash)
        return folder
    started = time.perf_counter()
    folds = prepare_data(config, data_root=data_root)
    model = build_network(config)
    history = train(config, model, folds, folder=folder, progress=progress)
    return finish(config, model, folds, history, folder=folder, seconds=time.perf_counter() - started)


def build_network(config: RunConfig) -> nn.Module:
    """The variant's network, its random weights drawn from the run's seed.

    Raises ``ValueError`` for phantoms to be studied with an encoder that, by its file, was trained on them.
    """
    seed_everything(config.seed)
    model = build_model(config.variant, encoder_weights=config.encoder_weights, **config.network)
    if config.dataset.drawn:
        refuse_phantom_encoder(model.encoder_weights_record.get("task"))
    return model


def fit_statistics(config: RunConfig, model: nn.Module, folds: Folds) -> None:
    """Where the configuration says so, take the encoder's BatchNorm statistics from the training images.

    All of them, as they are and without their masks; no image of another fold is looked at.
    """
    if config.network.get("encoder_statistics") != "reestimated":
        return
    assert isinstance(model, MobileNetASPPUNet)  # the U-Net has no such option
    training = SegmentationDataset(folds.cache, folds.train)
    shuffled = batches(training, batch_size=32, seed=config.seed, epoch=0, shuffle=True)
    images = reestimate_batch_norm(model.encoder, (image for image, _mask in shuffled))
    log.info("encoder: batch-normalisation statistics from %d training images", images)


def train(
    config: RunConfig,
    model: nn.Module,
    folds: Folds,
    *,
    folder: Path,
    progress: bool = True,
    train_batches: Callable[[int], Batches] | None = None,
) -> History:
    """Train to the best validation Dice, with a checkpoint after every epoch in ``folder``.

    ``train_batches`` gives an epoch's batches where somebody made them beforehand; they must be those of
    :func:`batches_of`.

    Where ``folder`` holds the weights of this very run already, they and their history are loaded instead.
    What was trained by another configuration, from other encoder weights or by other code is kept under
    another name. Raises ``ValueError`` where another process is training there.
    """
    with only_one(folder):
        if read_digest() != source_digest():
            log.warning("the library was edited after it was loaded: restart Python to run what is there now")
        identity = identify(config, model)
        checkpoint = folder / f"checkpoint-{identity.key}.pt"  # that of another run is simply not this one's
        if is_trained(identity, folder):
            log.info("%s: configuration %s is trained already; its weights are loaded", folder, config.hash)
            load_weights(model, folder / WEIGHTS)
            checkpoint.unlink(missing_ok=True)  # of a kill in the moment before it would go
            return read_history(folder)
        refuse_lone_image(config, model, images=len(folds.train))
        _make_room(identity, folder)
        log.info("%s: training configuration %s", folder, config.hash)
        fit_statistics(config, model, folds)
        validation, size = SegmentationDataset(folds.cache, folds.validation), config.training.batch_size
        history = fit(
            model,
            train_batches=train_batches or batches_of(config, folds),
            validation_batches=partial(batches, validation, batch_size=size, seed=0, epoch=0, shuffle=False),
            config=config.training,
            checkpoint=checkpoint,
            progress=progress,
            context=identity.metadata(),
        )
        records.write_csv(folder / records.HISTORY, history.to_frame(), digits=17)
        text = json.dumps(config.to_dict(), sort_keys=True)
        measured = measure_range(folds.cache, folds.train).to_json()
        about = {"config": text, "training_range": measured, **identity.metadata()}
        save_weights(model, folder / WEIGHTS, about)
        checkpoint.unlink(missing_ok=True)  # nothing is left to resume
    return history


def _make_room(identity: Identity, folder: Path) -> None:
    """Make the run's folder; what another run left there is kept under another name."""
    for made in _made(folder):
        if other := identity.other_than(made):
            older = records.set_aside(folder, made.get("hash"))
            log.warning("%s: held a run of %s; it is kept as %s", folder, " and of ".join(other), older.name)
            break
    folder.mkdir(parents=True, exist_ok=True)


def batches_of(config: RunConfig, folds: Folds) -> Callable[[int], Batches]:
    """The training's batches by epoch, counted from 1: shuffled, and augmented where the recipe says so.

    The first epochs' images are smaller where the recipe says that.
    """
    augment = build_augmentation() if config.training.augment else None
    dataset = SegmentationDataset(folds.cache, folds.train, augment=augment)
    return partial(_batches, dataset, config.training)


def _batches(dataset: SegmentationDataset, recipe: TrainingConfig, epoch: int) -> Batches:
    given = batches(dataset, batch_size=recipe.batch_size, seed=recipe.seed, epoch=epoch, shuffle=True)
    return map(halve, given) if epoch <= recipe.half_size_epochs else given


def _made(folder: Path) -> list[Mapping[str, str | None]]:
    """Who made what ``folder`` holds: the run that was evaluated there, and the one that left its weights.

    A scheduler removes an old ``metrics.json`` before it runs anew, and a kill may leave weights alone.
    """
    weights = folder / WEIGHTS
    found = [recorded(folder), read_metadata(weights) if weights.is_file() else None]
    return [made for made in found if made is not None]


def refuse_lone_image(config: RunConfig, model: nn.Module, *, images: int) -> None:
    """Raise ``ValueError`` where a batch would be one image, and a map of it a single pixel.

    Batch normalisation has nothing to average over there, and stops in the middle of an epoch. Which network
    has such a map at which size is found by trying, on a copy.
    """
    size, (height, width) = config.training.batch_size, config.image_size
    if size > 1 and images % size != 1:
        return
    smaller = 2 if config.training.half_size_epochs else 1
    image = torch.zeros(1, 1, height // smaller, width // smaller, device=next(model.parameters()).device)
    try:
        with torch.no_grad():
            copy.deepcopy(model).train()(image)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ValueError(
            f"batch_size: {images} training images in batches of {size} make a batch of one image, from "
            f"which {config.variant} cannot train at {image.shape[2]} x {image.shape[3]} px, since its "
            "smallest map is one pixel; choose another batch_size, or a larger image_size"
        ) from error


def is_trained(identity: Identity, folder: Path) -> bool:
    """Whether ``folder`` holds the weights of this very run (which git does not keep)."""
    if not ((folder / WEIGHTS).is_file() and (folder / records.HISTORY).is_file()):
        return False
    return not identity.other_than(read_metadata(folder / WEIGHTS))


def read_history(folder: Path) -> History:
    """The epochs of a finished run."""
    epochs = pd.read_csv(folder / records.HISTORY).to_dict("records")
    return History(EpochRecord(**{str(name): value for name, value in epoch.items()}) for epoch in epochs)
