"""BatchNorm statistics from the training fold, in a whole run: whose images, recorded, after a stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from fetalseg_lib.study import records
from fetalseg_lib.study import run as study
from fetalseg_lib.study.config import RunConfig, configure

PROFILE = """
name: tiny
description: As small as a run can be and still have an epoch to be stopped in.
image_size: [32, 32]
phantoms: 20
phantom_size: [96, 128]
encoder_weights: random
network: {aspp: false, bottleneck_channels: 16, decoder_channels: [8, 8, 8, 8, 8]}
training: {epochs: 2, batch_size: 4, pos_weight: 1.0, learning_rate: 1.0e-3, precision: float32}
variants: [random_reestimated_encoder]
seeds: [0]
"""
FIRST = "encoder.enc1.0.1"
"""The first BatchNorm: what it is given depends on the images and on one convolution alone."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunConfig]:
    folder = tmp_path_factory.mktemp("tiny")
    path = folder / "tiny.yaml"
    path.write_text(PROFILE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FETALSEG_CACHE", str(folder / "cache"))
        yield configure(
            variant="random_reestimated_encoder", seed=0, profile=path, data="phantom", device="cpu"
        )


@pytest.fixture(scope="module")
def whole(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nobody stopped."""
    return study.run(config, root=tmp_path_factory.mktemp("runs"), progress=False)


def test_a_run_keeps_the_training_folds_statistics_and_says_so(config: RunConfig, whole: Path) -> None:
    folds = study.prepare_data(config)
    weights = load_file(whole / study.WEIGHTS)
    convolution = study.build_network(config).get_submodule("encoder.enc1.0.0")
    with torch.no_grad():
        given = {
            fold: convolution(torch.from_numpy(folds.cache.images[list(rows)])[:, None] / 255)
            for fold, rows in (("train", folds.train), ("all", range(len(folds.cache))))
        }
    kept_mean, kept_variance = weights[f"{FIRST}.running_mean"], weights[f"{FIRST}.running_var"]
    torch.testing.assert_close(kept_mean, given["train"].mean(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(kept_variance, given["train"].var(dim=(0, 2, 3)), rtol=1e-3, atol=1e-5)
    assert not torch.allclose(kept_mean, given["all"].mean(dim=(0, 2, 3)), rtol=1e-3)
    environment = records.read_json(whole / records.ENVIRONMENT)
    assert environment["encoder_statistics"] == f"of {len(folds.train)} training images"
    assert environment["config"]["network"]["encoder_statistics"] == "reestimated"


def test_a_run_stopped_in_its_second_epoch_ends_with_the_same_numbers(
    config: RunConfig, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = study.batches

    def stopping(*arguments: Any, **settings: Any) -> Iterator[tuple[Tensor, Tensor]]:
        if settings["epoch"] == 2:
            raise KeyboardInterrupt
        return known(*arguments, **settings)

    monkeypatch.setattr(study, "batches", stopping)
    with pytest.raises(KeyboardInterrupt):
        study.run(config, root=tmp_path, progress=False)
    monkeypatch.setattr(study, "batches", known)
    resumed = study.run(config, root=tmp_path, progress=False)
    for file in (study.WEIGHTS, records.METRICS, records.PER_IMAGE):
        assert (resumed / file).read_bytes() == (whole / file).read_bytes()
