"""What is carried to an accelerator comes back as the same bytes, and is trained on as at home."""

from __future__ import annotations

import importlib
import inspect
import queue
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from fetalseg_lib.data import cache as cache_module
from fetalseg_lib.data import phantom
from fetalseg_lib.data.augment import build_augmentation
from fetalseg_lib.data.cache import Cache, open_folder
from fetalseg_lib.data.dataset import SegmentationDataset, batches
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.folds import Folds
from fetalseg_lib.training import epoch, loop
from fetalseg_lib.training.config import TrainingConfig

TOOLS = Path(__file__).parents[1] / "tools" / "accelerator"


@pytest.fixture(scope="module")
def tools() -> dict[str, ModuleType]:
    sys.path.insert(0, str(TOOLS))
    try:
        return {name: importlib.import_module(name) for name in ("carry", "graph", "grid")}
    finally:
        sys.path.remove(str(TOOLS))


@pytest.fixture
def built(tmp_path: Path) -> Cache:
    return cache_module.build(
        phantom.generate(6, seed=0, size=(54, 80)), image_size=(32, 32), directory=tmp_path / "caches"
    )


@pytest.fixture
def carried(tools: dict[str, ModuleType], built: Cache, tmp_path: Path) -> Path:
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"weights")
    tools["carry"].write(tmp_path / "carried.zip", built, weights, commit="abc")
    return tmp_path / "carried.zip"


def test_the_cache_comes_back(
    tools: dict[str, ModuleType],
    built: Cache,
    carried: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tools["carry"].unpack(carried, tmp_path / "there") == "abc"
    monkeypatch.setattr(tools["carry"], "source_digest", lambda: "other code")
    assert tools["carry"].unpack(carried, tmp_path / "elsewhere") is None  # not the commit's library
    again = open_folder(tmp_path / "there" / "cache")
    assert np.array_equal(again.images, built.images)
    assert np.array_equal(again.masks, built.masks)
    assert all(np.array_equal(again.native_mask(row), built.native_mask(row)) for row in range(len(built)))
    assert again.content_sha256 == built.content_sha256
    assert again.index.equals(built.index)
    assert (tmp_path / "there" / tools["carry"].WEIGHTS).read_bytes() == b"weights"


def test_other_images_are_refused(tools: dict[str, ModuleType], carried: Path, tmp_path: Path) -> None:
    swapped = tmp_path / "swapped.zip"
    with zipfile.ZipFile(carried) as source, zipfile.ZipFile(swapped, "w") as file:
        for name in source.namelist():
            of = {"images/0001.webp": "images/0002.webp"}.get(name, name)
            file.writestr(name, source.read(of))
    with pytest.raises(ValueError, match="not those that were packed"):
        tools["carry"].unpack(swapped, tmp_path / "there")


def test_images_moved_beforehand_are_those_of_the_library(
    tools: dict[str, ModuleType], carried: Path, built: Cache, tmp_path: Path
) -> None:
    tools["carry"].unpack(carried, tmp_path)
    rows = [0, 2, 3, 5, 1]
    tools["grid"].move_epoch(tmp_path, rows, 3, 2)
    config = configure(variant="proposed", seed=3, profile="published", data="hc18", device="cpu")
    folds = Folds(cache=built, train=rows, validation=[4], test=[4])
    found = list(tools["grid"].MovedImages(tmp_path / "moved", config, folds)(2))
    dataset = SegmentationDataset(built, rows, augment=build_augmentation())
    expected = list(batches(dataset, batch_size=16, seed=3, epoch=2, shuffle=True))
    assert len(found) == len(expected) == 1
    for one, other in zip(found[0], expected[0], strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_recorded_step_can_take_the_place_of_the_librarys(
    tools: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On CUDA a worker puts its own epoch where the loop looks for it."""
    theirs = tools["graph"].train_one_epoch
    assert inspect.signature(theirs) == inspect.signature(epoch.train_one_epoch)
    monkeypatch.setattr(loop, "train_one_epoch", lambda *_, **__: 0.25)
    batch = torch.ones(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    history = loop.fit(
        torch.nn.Conv2d(1, 1, 1),
        train_batches=lambda number: [batch],
        validation_batches=lambda: [batch],
        config=TrainingConfig(epochs=1, device="cpu"),
        checkpoint=None,
        progress=False,
    )
    assert [record.train_loss for record in history] == [0.25]


@pytest.mark.parametrize("line", ["published proposed", "published proposed one", "published proposed -1 0"])
def test_a_line_that_is_no_run_is_named(tools: dict[str, ModuleType], line: str) -> None:
    with pytest.raises(ValueError, match=f"PROFILE VARIANT SEED.*{line}"):
        tools["grid"]._fields(line)


def test_what_ended_well_is_told_and_archived_and_weights_stay(
    tools: dict[str, ModuleType], tmp_path: Path
) -> None:
    grid = tools["grid"]
    good, bad = (grid.Job("published", "unet", seed, "cpu") for seed in (0, 1))
    out = tmp_path / "runs" / "published" / "hc18" / "unet" / "seed-0"
    out.mkdir(parents=True)
    (out / "metrics.json").write_text('{"validation_dice": 0.5}')
    (out / "environment.json").write_text('{"seconds": 1.0}')
    (out / "weights.safetensors").write_bytes(b"large")
    messages: queue.Queue[object] = queue.Queue()
    for message in ((good, out, None), (bad, None, "no memory"), None):
        messages.put(message)
    said: list[str] = []
    archive = tmp_path / "runs.tar"
    ended = grid.collect(messages, [object()], tmp_path, archive, until=time.time() + 60, say=said.append)
    assert ended == {good}
    assert any("FAILED" in text and "no memory" in text for text in said)
    with tarfile.open(archive) as kept:
        names = {Path(name).name for name in kept.getnames()}
    assert names == {"seed-0", "metrics.json", "environment.json"}
