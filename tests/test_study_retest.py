"""A network tested again elsewhere measures what it measured in its own run."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from fetalseg_lib.cli import main
from fetalseg_lib.data import phantom
from fetalseg_lib.study import records
from fetalseg_lib.study import retest as retest_module
from fetalseg_lib.study import run as study
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.folds import DATA_SEED
from fetalseg_lib.study.retest import retest


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FETALSEG_CACHE", str(folder / "cache"))
        config = configure(variant="unet", seed=0, profile="smoke", data="phantom")
        run = study.run(config, root=folder, progress=False)
        phantom.write_folder(
            phantom.generate(config.phantoms, seed=DATA_SEED, size=config.phantom_size), folder / "hc18"
        )
        yield run


def test_the_same_images_from_a_folder_give_the_runs_own_numbers(trained: Path, tmp_path: Path) -> None:
    """The folder keeps outlines, not masks: drawn and filled again, a mask moves by a few pixels."""
    root = next(parent for parent in trained.parents if (parent / "hc18").is_dir()) / "hc18"
    stem = tmp_path / "again"
    command = ["retest", str(trained / study.WEIGHTS), "--data", str(root), "--fold", "all"]
    status = main([*command, "-o", str(stem)])
    assert status == 0
    own = pd.read_csv(trained / records.PER_IMAGE).set_index("name")
    again = pd.read_csv(stem.with_suffix(".csv")).set_index("name")
    assert len(again) == 24
    pd.testing.assert_series_equal(again.loc[own.index, "hc_mm"], own["hc_mm"], rtol=1e-6)
    assert (again.loc[own.index, "dice"] - own["dice"]).abs().max() < 0.01
    summary = records.read_json(stem.with_suffix(".json"))
    assert summary["trained"]["variant"] == "unet"
    assert summary["test"]["dice_mean"] == pytest.approx(again["dice"].mean())


def test_an_unknown_fold_is_refused(trained: Path) -> None:
    root = next(parent for parent in trained.parents if (parent / "hc18").is_dir()) / "hc18"
    with pytest.raises(ValueError, match="fold: expected train, validation, test or none, got 'dev'"):
        retest(trained / study.WEIGHTS, data_root=root, fold="dev")


def test_a_mean_of_one_network_is_that_network_and_a_mirror_image_is_another_look(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a network that takes the left half of what is bright for the head."""
    read = retest_module.read_network
    model = _BrightLeft()
    monkeypatch.setattr(
        retest_module, "read_network", lambda file: dataclasses.replace(read(file), model=model)
    )
    root = next(parent for parent in trained.parents if (parent / "hc18").is_dir()) / "hc18"
    weights = trained / study.WEIGHTS
    alone, twice, mirrored = (
        retest(files, data_root=root, fold=None, mirrored=turned)
        for files, turned in ((weights, False), ([weights, weights], False), (weights, True))
    )
    assert alone.per_image["dice"].mean() > 0.1
    pd.testing.assert_frame_equal(alone.per_image, twice.per_image, rtol=1e-4, atol=1e-4)
    assert twice.record["averaged_with"][0]["weights_sha256"] == alone.record["weights_sha256"]
    assert mirrored.record["mirrored"]
    assert "mirrored" not in alone.record
    assert mirrored.per_image["dice"].mean() > alone.per_image["dice"].mean()  # it sees both halves


class _BrightLeft(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        logits = 100 * (images - 0.1)
        right = torch.arange(images.shape[-1]) >= images.shape[-1] // 2
        return torch.where(right, torch.full_like(logits, -1.0), 3 + logits.clamp(-5, 5))


def test_networks_for_images_of_different_sizes_have_no_mean(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = retest_module.read_network
    sizes = iter([(64, 64), (96, 96)])
    monkeypatch.setattr(
        retest_module, "read_network", lambda file: dataclasses.replace(read(file), image_size=next(sizes))
    )
    with pytest.raises(ValueError, match=r"weights: expected networks for images of one size, got \[\(64"):
        retest([trained / study.WEIGHTS] * 2)
