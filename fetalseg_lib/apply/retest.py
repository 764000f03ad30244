"""Trained networks measured again: on images of another origin, or several of them averaged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from fetalseg_lib.apply.trained import TrainedNetwork, read_network
from fetalseg_lib.data import cache as cache_module
from fetalseg_lib.data import hc18, splits
from fetalseg_lib.data.named import dataset_named
from fetalseg_lib.names import with_ending
from fetalseg_lib.study import records
from fetalseg_lib.study.evaluate import PRECISION, evaluate
from fetalseg_lib.study.folds import cache_folder, folds_of_training
from fetalseg_lib.study.profile import FOLDS
from fetalseg_lib.training.checkpoint import read_metadata
from fetalseg_lib.training.device import pick_device

AUTO = "auto"
_SEEN = ("train", "validation")
_SURE = 1e-7
"""A probability nearer to 0 or 1 than this has no finite logit in float32."""


class Average(nn.Module):
    """The mean probability of ``networks``, as logits ``B 1 H W`` of images ``B 1 H W``.

    With ``mirrored`` each network also sees the image with left and right exchanged, and its answer is turned
    back. The mean is that of probabilities, so one network that is sure counts no more than one that doubts.
    Source: Lakshminarayanan et al. 2017, doi:10.48550/arXiv.1612.01474. Raises ``ValueError`` without a
    network.
    """

    def __init__(self, networks: Sequence[nn.Module], *, mirrored: bool = False) -> None:
        super().__init__()
        if not networks:
            raise ValueError("networks: expected at least one, got none")
        self.networks, self.mirrored = nn.ModuleList(networks), mirrored

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``B 1 H W`` of images ``B 1 H W``."""
        looks = [network(images).float().sigmoid() for network in self.networks]
        if self.mirrored:
            turned = images.flip(-1)
            looks += [network(turned).float().sigmoid().flip(-1) for network in self.networks]
        return torch.stack(looks).mean(0).logit(eps=_SURE)


def outputs(stem: Path) -> tuple[Path, Path]:
    """The table and the record that ``stem`` stands for, which may end as either."""
    known = (".csv", ".json")
    return with_ending(stem, ".csv", instead_of=known), with_ending(stem, ".json", instead_of=known)


@dataclass(frozen=True, kw_only=True)
class Retest:
    """Every tested image, as in a run's ``per_image.csv``, and what was tested on what."""

    per_image: pd.DataFrame
    record: Mapping[str, Any]

    @property
    def words(self) -> str:
        """What there is to say of the tested images: how many, of which fold, and whether they are a test."""
        fold, seen, n = self.record["fold"], self.record["seen"], len(self.per_image)
        said = [f"{n} images, {f'the fold {fold}' if fold else 'all of the folder'}"]
        if any(seen.values()):
            said.append(
                f"the network was trained on {seen['train']} of them and chosen by {seen['validation']}: "
                "on these it is no test"
            )
        origins = [self.record, *self.record.get("averaged_with", [])]
        unknown = not all(dataset_named(origin["trained"]["data"]).committed for origin in origins)
        if not any(seen.values()) and fold is None and unknown:
            said.append("whether images of the training are among them is not known")
        return "; ".join(said)

    def write(self, stem: Path) -> tuple[Path, Path]:
        """Write ``stem.csv`` and, last, ``stem.json`` with the means."""
        table, summary = outputs(stem)
        records.write_csv(table, self.per_image)
        records.write_json(summary, {**self.record, "test": records.summarize(self.per_image)})
        return table, summary


def retest(
    weights: Path | Sequence[Path],
    *,
    data_root: Path | None = None,
    fold: str | None = AUTO,
    mirrored: bool = False,
    device: str = "auto",
) -> Retest:
    """Measure the heads of a labelled folder in HC18's layout with a run's ``weights.safetensors``.

    Of several files the mean is measured, and with ``mirrored`` that of each image and its mirror image.
    HC18 has the committed split, a folder of one's own that of the networks that were trained on it. ``fold``
    is one of it; ``None`` takes every image, and ``"auto"`` the test fold where there is a split, else every
    image. The record says how many of the tested images a network has ``seen``. Raises ``ValueError`` for
    another fold, where there is no split, for networks of different splits or images of different sizes, and
    what :func:`~fetalseg_lib.apply.trained.read_network` raises.
    """
    if fold not in (None, AUTO, *FOLDS):
        raise ValueError(f"fold: expected {', '.join(FOLDS)} or none, got {fold!r}")
    files = [weights] if isinstance(weights, Path) else list(weights)
    networks = [read_network(file) for file in files]
    if len(sizes := {network.image_size for network in networks}) != 1:
        raise ValueError(f"weights: expected networks for images of one size, got {sorted(sizes)}")
    alone = len(networks) == 1 and not mirrored
    model = networks[0].model if alone else Average([n.model for n in networks], mirrored=mirrored)
    samples = hc18.load(data_root)
    cached = cache_module.build(samples, image_size=sizes.pop(), directory=cache_folder())
    first, *others = (_origin(file, network) for file, network in zip(files, networks, strict=True))
    found = [folds_of_training(origin["trained"], samples, cached.index) for origin in (first, *others)]
    known = [folds for folds in found if folds is not None]
    rows, fold = _rows(known, cached.index, fold)
    per_image = evaluate(model, cached, rows, device=pick_device(device))
    record = {
        **first,
        **({"averaged_with": others} if others else {}),
        **({"mirrored": True} if mirrored else {}),
        "tested_on_sha256": cached.content_sha256,
        "fold": fold,
        "seen": _seen(known, rows),
        "precision": PRECISION,
        "environment": records.describe_environment(),
    }
    return Retest(per_image=per_image, record=record)


def _origin(weights: Path, network: TrainedNetwork) -> dict[str, Any]:
    config = json.loads(read_metadata(weights)["config"])
    return {"trained": config, "weights_sha256": network.sha256}


def _rows(known: Sequence[pd.Series], table: pd.DataFrame, fold: str | None) -> tuple[list[int], str | None]:
    """Positions of the images to test, and of which fold they are: ``None`` is all."""
    every = list(range(len(table)))
    if fold is None:
        return every, None
    if not known and (committed := splits.hc18_folds(table)).notna().all():
        known = [committed]  # of networks that were trained elsewhere
    if not known:
        if fold == AUTO:
            return every, None
        raise ValueError(
            "fold: expected HC18 or the folder that the network was trained on, whose splits are known, got "
            f"{len(table)} other images; use no fold"
        )
    if any(not of.equals(known[0]) for of in known[1:]):
        raise ValueError(
            "weights: expected networks of one split, got several, so no image is a test for all"
        )
    chosen = "test" if fold == AUTO else fold
    rows = [int(row) for row in np.flatnonzero(known[0] == chosen)]
    if not rows:
        raise ValueError(f"fold: none of the {len(table)} images is in {chosen}")
    return rows, chosen


def _seen(known: Sequence[pd.Series], rows: list[int]) -> dict[str, int]:
    """How many of the tested images trained, or else validated, any of the networks."""
    train, validation = (np.any([of.iloc[rows] == fold for of in known], axis=0) for fold in _SEEN)
    return {"train": int(train.sum()), "validation": int((validation & ~train).sum())}
