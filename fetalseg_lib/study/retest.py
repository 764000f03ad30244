"""Trained networks measured again: on images of another origin, or several of them averaged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fetalseg_lib.data import cache as cache_module
from fetalseg_lib.data import hc18, splits
from fetalseg_lib.models.average import Average
from fetalseg_lib.study import records
from fetalseg_lib.study.evaluate import PRECISION, evaluate
from fetalseg_lib.study.folds import cache_folder
from fetalseg_lib.study.profile import FOLDS
from fetalseg_lib.study.trained import TrainedNetwork, read_network
from fetalseg_lib.training.checkpoint import read_metadata
from fetalseg_lib.training.device import pick_device


@dataclass(frozen=True, kw_only=True)
class Retest:
    """Every tested image, as in a run's ``per_image.csv``, and what was tested on what."""

    per_image: pd.DataFrame
    record: Mapping[str, Any]

    def write(self, stem: Path) -> tuple[Path, Path]:
        """Write ``stem.csv`` and, last, ``stem.json`` with the means."""
        table, summary = stem.with_suffix(".csv"), stem.with_suffix(".json")
        records.write_csv(table, self.per_image)
        records.write_json(summary, {**self.record, "test": records.summarize(self.per_image)})
        return table, summary


def retest(
    weights: Path | Sequence[Path],
    *,
    data_root: Path | None = None,
    fold: str | None = "test",
    mirrored: bool = False,
    device: str = "auto",
) -> Retest:
    """Measure the heads of a labelled folder in HC18's layout with a run's ``weights.safetensors``.

    Of several files the mean is measured, and with ``mirrored`` that of each image and its mirror image
    (:class:`~fetalseg_lib.models.average.Average`). ``fold`` is one of the committed split of HC18; ``None``
    takes every image of the folder. Nothing is trained or chosen. Raises ``ValueError`` for another fold,
    where the split knows none of the images, for networks that take images of different sizes, and what
    :func:`~fetalseg_lib.study.trained.read_network` raises.
    """
    if fold not in (None, *FOLDS):
        raise ValueError(f"fold: expected {', '.join(FOLDS)} or none, got {fold!r}")
    files = [weights] if isinstance(weights, Path) else list(weights)
    networks = [read_network(file) for file in files]
    if len(sizes := {network.image_size for network in networks}) != 1:
        raise ValueError(f"weights: expected networks for images of one size, got {sorted(sizes)}")
    alone = len(networks) == 1 and not mirrored
    model = networks[0].model if alone else Average([n.model for n in networks], mirrored=mirrored)
    cached = cache_module.build(hc18.load(data_root), image_size=sizes.pop(), directory=cache_folder())
    rows = rows_of_fold(cached.index["name"], fold)
    per_image = evaluate(model, cached, rows, device=pick_device(device))
    first, *others = (_origin(file, network) for file, network in zip(files, networks, strict=True))
    record = {
        **first,
        **({"averaged_with": others} if others else {}),
        **({"mirrored": True} if mirrored else {}),
        "tested_on_sha256": cached.content_sha256,
        "fold": fold,
        "precision": PRECISION,
        "environment": records.describe_environment(),
    }
    return Retest(per_image=per_image, record=record)


def _origin(weights: Path, network: TrainedNetwork) -> dict[str, Any]:
    config = json.loads(read_metadata(weights)["config"])
    return {"trained": config, "weights_sha256": network.sha256}


def rows_of_fold(names: pd.Series, fold: str | None) -> list[int]:
    """Positions of a fold's images by HC18's split, or of all; raises ``ValueError`` where it knows none."""
    if fold is None:
        return list(range(len(names)))
    of_image = names.map(splits.load("hc18").set_index("filename")["fold"])
    if not (of_image == fold).any():
        raise ValueError(
            f"fold: expected images of HC18, whose split is known, got {len(names)} others; use no fold"
        )
    return [int(row) for row in np.flatnonzero(of_image == fold)]
