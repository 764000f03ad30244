"""The images of a run: cached at its size, and dealt into the folds that train, validate and test."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pooch

from fetalseg_lib.data import cache as cache_module
from fetalseg_lib.data.cache import Cache
from fetalseg_lib.data.hc18 import HC18
from fetalseg_lib.data.named import dataset_named
from fetalseg_lib.study import records
from fetalseg_lib.study.config import RunConfig
from fetalseg_lib.study.profile import FOLDS


@dataclass(frozen=True, kw_only=True)
class Folds:
    """The cached images and which of them train, validate and test (positions in the cache)."""

    cache: Cache
    train: Sequence[int]
    validation: Sequence[int]
    test: Sequence[int]


def prepare_data(config: RunConfig, *, data_root: Path | None = None, cache: Path | None = None) -> Folds:
    """Cache the images at the run's size and give each fold its images, at most ``config.limit`` of them."""
    cached = cache_module.build(
        config.dataset.samples(data_root),
        image_size=config.image_size,
        directory=cache_folder() if cache is None else cache,
    )
    return deal(config, cached)


def deal(config: RunConfig, cached: Cache) -> Folds:
    """Give each fold its images of a cache, at most ``config.limit`` of them.

    Raises ``ValueError`` where HC18 is meant and other images lie there under its names, or a fold is empty.
    """
    config.dataset.refuse_others(cached.index)
    split = config.dataset.split(cached.index, kind=config.split, fold=config.fold)
    fold = cached.index["name"].map(split.set_index("filename")["fold"])
    if fold.isna().any():
        raise ValueError(
            f"split: {int(fold.isna().sum())} images of {config.data!r} stand in no fold, the first is "
            f"{cached.index['name'][fold.isna()].iloc[0]}; the committed split is for HC18's 999 images"
        )
    rows = {name: _thin(np.flatnonzero(fold == name), config.limit.get(name)) for name in FOLDS}
    if empty := [name for name in FOLDS if not rows[name]]:
        raise ValueError(
            f"split: no image is left for {' and '.join(empty)}: {cached.index['exam'].nunique()} exams were "
            "dealt out, each as a whole; expected at least ten"
        )
    return Folds(cache=cached, **rows)


def folds_of_training(trained: Mapping[str, Any], samples: HC18, index: pd.DataFrame) -> pd.Series | None:
    """Each image's fold in the training of a network, by content; ``None`` where it did not have the images.

    ``trained`` is the configuration in the network's file, ``samples`` a folder, ``index`` its cached images.
    Raises ``ValueError`` for a part of HC18 and a network of its leaky split or of a fold.
    """
    kind, fold = trained.get("split", "exam"), trained.get("fold")
    return dataset_named(trained["data"]).folds_of(samples, index, kind=kind, fold=fold)


def split_digest(folds: Folds) -> str:
    """A digest of which image is in which fold: runs with different ones are not comparable."""
    names = folds.cache.index["name"]
    return records.digest({fold: [str(names.iloc[row]) for row in getattr(folds, fold)] for fold in FOLDS})


def cache_folder() -> Path:
    """Where prepared images are kept: ``FETALSEG_CACHE``, else the user's own cache folder."""
    return Path(os.environ.get("FETALSEG_CACHE") or pooch.os_cache("fetalseg"))


def _thin(rows: np.ndarray, limit: int | None) -> list[int]:
    """At most ``limit`` rows, evenly spread: names rise with the head's size, so the first would be small."""
    if limit is not None and limit < len(rows):
        rows = rows[np.linspace(0, len(rows) - 1, limit).round().astype(int)]
    return [int(row) for row in rows]
