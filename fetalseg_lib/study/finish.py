"""The end of a run: one evaluation of the trained network, and the files that keep what it gave."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from torch import nn

from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.files import only_one
from fetalseg_lib.study import records
from fetalseg_lib.study.config import RunConfig
from fetalseg_lib.study.evaluate import PRECISION, evaluate
from fetalseg_lib.study.folds import Folds, split_digest
from fetalseg_lib.study.identity import identify, is_complete
from fetalseg_lib.study.profile import FOLDS
from fetalseg_lib.training.device import pick_device, pick_precision
from fetalseg_lib.training.epoch import History


def finish(
    config: RunConfig, model: nn.Module, folds: Folds, history: History, *, folder: Path, seconds: float
) -> Path:
    """Evaluate on the validation and the test fold, once, and write the run's files; ``metrics.json`` last.

    The validation images are what a later calibration may look at; nothing is chosen by the test images.
    ``seconds`` is the time since the run was last started. A finished run is left as it is. Raises
    ``ValueError`` where another process is writing there.
    """
    with only_one(folder):
        if not is_complete(folder, identify(config, model)):
            _finish(config, model, folds, history, folder=folder, seconds=seconds)
    return folder


def _finish(
    config: RunConfig, model: nn.Module, folds: Folds, history: History, *, folder: Path, seconds: float
) -> None:
    device = pick_device(config.training.device)
    precision = pick_precision(config.training.precision, device)
    evaluated = time.perf_counter()
    validation, test = (
        evaluate(model, folds.cache, rows, device=device) for rows in (folds.validation, folds.test)
    )
    now = time.perf_counter()
    records.write_csv(folder / records.VALIDATION, validation)
    records.write_csv(folder / records.PER_IMAGE, test)
    epochs = history.to_frame()
    total, trainable = count_parameters(model)
    identity: dict[str, str | int] = {
        "variant": config.variant,
        "seed": config.seed,
        "profile": config.profile,
        "data": config.data,
    }
    if config.fold is not None:
        identity["fold"] = config.fold
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
        "test": records.summarize(test),
    }
    records.write_json(folder / records.METRICS, metrics)


def _environment(
    config: RunConfig, model: nn.Module, folds: Folds, *, precision: str, device: str
) -> dict[str, Any]:
    reestimated = config.network.get("encoder_statistics") == "reestimated"
    statistics = {"encoder_statistics": f"of {len(folds.train)} training images"} if reestimated else {}
    return (
        records.describe_environment()
        | statistics
        | {
            "config": config.to_dict(),
            "config_hash": config.hash,
            "device": device,
            "precision": precision,
            "evaluation_precision": PRECISION,
            "encoder_weights": model.encoder_weights_record,
            "data_sha256": folds.cache.content_sha256,
            "split": {name: len(getattr(folds, name)) for name in FOLDS},
            "split_sha256": split_digest(folds),
        }
    )
