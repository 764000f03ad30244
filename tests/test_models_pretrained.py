"""The weights that ship with the package: small, half precision, those of their record, of some worth."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor, nn

from fetalseg_book.studies.pretraining import images as procedural
from fetalseg_book.studies.pretraining.loop import PretrainingConfig
from fetalseg_lib.models import build_model
from fetalseg_lib.models.weights import PROCEDURAL, resolve_encoder_weights

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(PROCEDURAL.with_suffix(".json").read_text(encoding="utf-8"))
    return loaded


def test_the_file_is_the_one_of_its_record_and_below_5_megabytes(record: dict[str, Any]) -> None:
    content = PROCEDURAL.read_bytes()
    assert hashlib.sha256(content).hexdigest() == record["sha256"]
    assert len(content) == record["bytes"] < 5_000_000


def test_every_weight_is_half_precision_and_finite() -> None:
    with safe_open(PROCEDURAL, framework="pt") as file:
        assert file.metadata()["task"] == "procedural"
        for name in file.keys():  # noqa: SIM118 - it is no mapping
            value = file.get_tensor(name)
            expected = torch.int64 if name.endswith("num_batches_tracked") else torch.float16
            assert value.dtype == expected, name
            assert value.isfinite().all(), name


def test_the_record_says_how_it_was_made(record: dict[str, Any]) -> None:
    config = PretrainingConfig(**record["config"])
    assert record["images_seen"] == config.steps * config.batch_size
    assert [row["epoch"] for row in record["history"]] == list(range(1, config.epochs + 1))
    assert record["seconds"] == pytest.approx(sum(row["seconds"] for row in record["history"]), abs=0.1)
    assert len(record["environment"]["git_commit"]) == 40
    assert record["environment"]["git_changes"] == ""
    first, last = record["history"][0], record["history"][-1]
    assert all(last[name] < first[name] for name in ("edges", "clean", "texture"))


def test_it_is_loaded_by_name_without_a_network(
    monkeypatch: pytest.MonkeyPatch, record: dict[str, Any]
) -> None:
    monkeypatch.setattr("socket.socket", lambda *_: pytest.fail("asked the network"))
    expected = {"source": "procedural.safetensors", "sha256": record["sha256"], "task": "procedural"}
    for variant, weights in (("proposed", "procedural"), ("procedural_encoder", None)):
        model = build_model(variant, encoder_weights=weights)
        assert model.encoder_weights_record == expected


def test_a_built_package_contains_it() -> None:
    """The patterns of pyproject.toml, as setuptools reads them, and git, which ignores other weights."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["fetalseg_lib"]
    for file in (PROCEDURAL, PROCEDURAL.with_suffix(".json")):
        path = file.relative_to(ROOT / "fetalseg_lib").as_posix()
        assert any(fnmatch.fnmatch(path, pattern) for pattern in patterns), path


def edges_found(stem: str, weights: str, images: Tensor, edges: Tensor) -> float:
    """How well one linear layer on the finest tap tells edges: R² of a least-squares fit, on other images."""
    torch.manual_seed(0)
    encoder = build_model("proposed", encoder_weights=weights, stem=stem).encoder
    assert isinstance(encoder, nn.Module)
    with torch.no_grad():
        taps = [
            F.interpolate(tap, size=(32, 32), mode="bilinear").permute(0, 2, 3, 1)
            for tap in encoder(images)[:3]
        ]
    features = torch.cat([torch.cat(taps, dim=-1), torch.ones(len(images), 32, 32, 1)], dim=-1)
    half = len(images) // 2
    known, unseen = features[:half].flatten(0, 2), features[half:].flatten(0, 2)
    fit = torch.linalg.lstsq(known, edges[:half].flatten()[:, None]).solution
    truth = edges[half:].flatten()
    residual = truth - (unseen @ fit)[:, 0]
    return float(1 - residual.var() / truth.var())


def test_its_features_know_edges_that_random_ones_do_not() -> None:
    """On procedural images that it has not seen: another seed."""
    drawn = procedural.stack(range(24), seed=123, size=64)
    images = torch.from_numpy(drawn.image)[:, None].float() / 255
    edges = F.avg_pool2d(torch.from_numpy(drawn.edges)[:, None].float(), 2)[:, 0]
    learned, random = (edges_found("sum", w, images, edges) for w in ("procedural", "random"))
    assert learned > random + 0.05


def test_half_precision_is_only_for_the_file() -> None:
    assert resolve_encoder_weights("procedural").state_dict["0.0.weight"].dtype == torch.float32
