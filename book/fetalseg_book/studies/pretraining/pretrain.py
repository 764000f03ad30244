"""Pre-train an encoder, on procedural images or on phantoms, and keep it with a record of how it was done."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fetalseg_book.studies.pretraining import images as procedural
from fetalseg_book.studies.pretraining.grey_encoder import features_of, grey_encoder
from fetalseg_book.studies.pretraining.loop import PretrainingConfig, pretrain
from fetalseg_book.studies.pretraining.losses import DenseTargets
from fetalseg_book.studies.pretraining.network import DensePretraining
from fetalseg_lib.files import only_one
from fetalseg_lib.names import with_ending
from fetalseg_lib.study import records
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import Profile
from fetalseg_lib.study.run import build_network, prepare_data, train
from fetalseg_lib.training.checkpoint import save_tensors
from fetalseg_lib.training.config import TrainingConfig
from fetalseg_lib.training.device import pick_device, pick_precision, seed_everything

_FROM_SCRATCH = "random_trainable_encoder"


def pretrain_procedural(config: PretrainingConfig, *, out: Path, progress: bool = True) -> Path:
    """Train MobileNetV2's ``features`` from scratch on procedural images; ``out`` is a ``.safetensors`` file.

    Beside it stand the checkpoint while it is needed, and at the end the record, ``out`` with the ending
    ``.json``. A killed pre-training starts again at its last whole epoch and ends with the same weights.
    Raises ``ValueError`` where another process writes ``out``.
    """
    with only_one(out):
        return _pretrain_procedural(config, out=out, progress=progress)


def _pretrain_procedural(config: PretrainingConfig, *, out: Path, progress: bool) -> Path:
    checkpoint = _beside(out, ".checkpoint.pt")
    seed_everything(config.seed)
    model = DensePretraining(textures=len(procedural.TEXTURES))
    history = pretrain(
        model,
        batches=lambda epoch: procedural_batches(config, epoch=epoch),
        config=config,
        checkpoint=checkpoint,
        progress=progress,
    )
    device = pick_device(config.device)
    about = {
        "task": "procedural",
        "data": "dead leaves of radial contours under multiplicative speckle; no image shows a head",
        "targets": "edges, clean image, texture class",
        "images_seen": config.steps * config.batch_size,
        "config": dataclasses.asdict(config),
        "precision": pick_precision(config.precision, device),
        "device": device.type,
        "history": history,
    }
    keep_encoder(out, features_of(model.encoder), about=about)
    checkpoint.unlink(missing_ok=True)
    return out


def procedural_batches(config: PretrainingConfig, *, epoch: int) -> Iterator[tuple[Tensor, DenseTargets]]:
    """The batches of one epoch, counted from 1: every epoch takes the next images of the series."""
    first = (epoch - 1) * config.images
    for start in range(0, config.images - config.batch_size + 1, config.batch_size):
        indices = range(first + start, first + start + config.batch_size)
        drawn = procedural.stack(indices, seed=config.seed, size=config.size)
        image, edges, clean = (
            torch.from_numpy(part).unsqueeze(1).float() for part in (drawn.image, drawn.edges, drawn.clean)
        )
        texture = torch.from_numpy(drawn.texture).long()
        yield image / 255, DenseTargets(edges=edges, clean=clean / 255, texture=texture)


def pretrain_phantom(config: PretrainingConfig, *, out: Path, progress: bool = True) -> Path:
    """Train the proposed network from scratch on ``config.images`` phantoms, and keep its encoder.

    For studies of real images alone: on phantoms this encoder has learned the very task. Of ``config`` the
    images, size, epochs, seed, precision and device are followed; the rest is the studies' own recipe, since
    the task is theirs. The training is kept in the folder ``out`` with the ending ``.training``, where a
    killed one starts again. Raises ``ValueError`` where another process writes ``out``.
    """
    with only_one(out):
        return _pretrain_phantom(config, out=out, progress=progress)


def _pretrain_phantom(config: PretrainingConfig, *, out: Path, progress: bool) -> Path:
    profile = Profile(
        name="pretraining",
        description="Phantoms as a task to learn from.",
        image_size=(config.size, config.size),
        encoder_weights="random",
        phantoms=config.images,
        phantom_size=(270, 400),  # half of HC18's, still finer than what the network sees
        network={"stem": "sum"},
        training=TrainingConfig(
            epochs=config.epochs,
            learning_rate=1e-3,
            pos_weight=1.0,
            schedule="cosine",
            early_stopping_patience=config.epochs,
            precision=config.precision,
        ),
        variants=(_FROM_SCRATCH,),
        seeds=(config.seed,),
    )
    run = configure(
        variant=_FROM_SCRATCH, seed=config.seed, profile=profile, data="phantom", device=config.device
    )
    model = build_network(run)
    model.encoder = grey_encoder()
    folds = prepare_data(run)
    history = train(run, model, folds, folder=_beside(out, ".training"), progress=progress)
    device = pick_device(config.device)
    about = {
        "task": "phantom",
        "data": "simulated heads",
        "targets": "head mask",
        "images_seen": len(history) * len(folds.train),
        "config": run.to_dict(),
        "precision": pick_precision(config.precision, device),
        "device": device.type,
        "history": history.to_frame().to_dict("records"),
    }
    keep_encoder(out, features_of(model.encoder), about=about)
    return out


def keep_encoder(out: Path, features: Mapping[str, Tensor], *, about: Mapping[str, Any]) -> None:
    """Write the weights in half precision and, last, their record with the file's sha256.

    Raises ``ValueError`` where a weight is too large for half precision.
    """
    half = {name: value.half() if value.is_floating_point() else value for name, value in features.items()}
    if broken := [name for name, value in half.items() if not value.isfinite().all()]:
        raise ValueError(f"{broken[0]}: expected weights that float16 can hold; lower the learning rate")
    settings = json.dumps(about["config"], sort_keys=True)
    save_tensors(half, out, {"task": str(about["task"]), "config": settings})
    record = {
        **about,
        "seconds": round(sum(float(epoch["seconds"]) for epoch in about["history"]), 1),
        "environment": records.describe_environment(),
        "bytes": out.stat().st_size,
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
    }
    records.write_json(_beside(out, ".json"), record)


def _beside(out: Path, ending: str) -> Path:
    return with_ending(out, ending, instead_of=(".safetensors",))
