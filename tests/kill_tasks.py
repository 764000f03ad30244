"""What is killed: each task writes into one folder, and goes on there when it is started again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from fetalseg_book.studies.pretraining.loop import PretrainingConfig
from fetalseg_book.studies.pretraining.pretrain import pretrain_procedural
from fetalseg_lib.cli import main
from fetalseg_lib.data import phantom
from fetalseg_lib.data.cache import build
from fetalseg_lib.data.download import RemoteFile, download
from fetalseg_lib.models import build_model
from fetalseg_lib.training.checkpoint import save_weights

PROFILE = """
name: tiny
description: As small as a study can be and still have epochs to be killed in.
image_size: [32, 32]
phantoms: 16
phantom_size: [48, 64]
encoder_weights: random
network:
  aspp_channels: 16
  aspp_pool_channels: 16
  bottleneck_channels: 32
  decoder_channels: [32, 16, 16, 16, 16]
training: {epochs: 4, batch_size: 4, pos_weight: 1.0, learning_rate: 1.0e-3, precision: float32}
variants: [random_encoder]
seeds: [0, 1]
"""


def train(place: Path, *, seed: int = 0, cache: Path | None = None) -> None:
    """With ``cache``, where the images lie drawn already, every kill falls into the training itself."""
    os.environ["FETALSEG_CACHE"] = str(cache or place / ".cache")
    profile = place / ".tiny.yaml"
    draft = place / f".{os.getpid()}.yaml"
    draft.write_text(PROFILE, encoding="utf-8")
    draft.replace(profile)  # whole also where two trainings begin at once
    arguments = ["train", "--variant", "random_encoder", "--seed", str(seed), "--profile", str(profile)]
    assert main([*arguments, "--device", "cpu", "-o", str(place)]) == 0


def study(place: Path, *, cache: Path, seeds: Sequence[int] = (0, 1)) -> None:
    """The grid and its tables, one after the other, as the Snakefile has them."""
    for seed in seeds:
        train(place, seed=seed, cache=cache)
    assert main(["tables", str(place / "tiny" / "phantom")]) == 0


def build_cache(place: Path) -> None:
    built = build(phantom.generate(6, seed=3, size=(54, 80)), image_size=(32, 32), directory=place)
    assert built.native_mask(5).any()


def pretrain(place: Path) -> None:
    config = PretrainingConfig(images=8, size=32, epochs=3, batch_size=4, precision="float32", device="cpu")
    pretrain_procedural(config, out=place / "encoder.safetensors", progress=False)


def predict(place: Path) -> None:
    """The images and the weights lie beside ``place``."""
    inputs = place.parent / "inputs"
    arguments = ["predict", str(inputs), "--checkpoint", str(inputs / "weights"), "--batch-size", "2"]
    arguments += ["--overlay", str(place / "overlays"), "--masks", str(place / "masks"), "--device", "cpu"]
    assert main([*arguments, "--pixel-size", "0.4", "-o", str(place / "results.csv")]) == 1  # one is broken


def save_random_weights(path: Path) -> None:
    """Of a tiny U-Net, as a training leaves them."""
    torch.manual_seed(0)
    config = {"variant": "unet", "network": {"base_width": 1}, "image_size": [32, 32], "data": "phantom"}
    save_weights(build_model("unet", base_width=1), path, {"config": json.dumps(config)})


def fetch(place: Path, *, record: str, files: tuple[RemoteFile, ...]) -> None:
    download(place / "hc18", files=files, record=record, progress=False)
