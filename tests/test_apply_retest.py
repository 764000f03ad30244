"""A network tested again elsewhere measures what it measured in its own run."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from fetalseg_book.studies.spread import spread_rows
from fetalseg_lib.apply import retest as retest_module
from fetalseg_lib.apply.export.quantize import calibrate_on
from fetalseg_lib.apply.retest import retest
from fetalseg_lib.cli import main
from fetalseg_lib.data import phantom, splits
from fetalseg_lib.data.hc18 import load, own_name
from fetalseg_lib.data.named import DATA_SEED, dataset_of
from fetalseg_lib.study import records
from fetalseg_lib.study import run as study
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.folds import folds_of_training


@pytest.fixture(scope="module")
def root(smoke_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The very images of that run, in a folder."""
    config = records.read_json(smoke_run / records.ENVIRONMENT)["config"]
    images = phantom.generate(config["phantoms"], seed=DATA_SEED, size=tuple(config["phantom_size"]))
    return phantom.write_folder(images, tmp_path_factory.mktemp("same") / "hc18")


def test_the_same_images_from_a_folder_give_the_runs_own_numbers(
    smoke_run: Path, root: Path, tmp_path: Path
) -> None:
    """The folder keeps outlines, not masks: drawn and filled again, a mask moves by a few pixels."""
    stem = tmp_path / "again"
    command = ["retest", str(smoke_run / study.WEIGHTS), "--data", str(root), "--fold", "all"]
    status = main([*command, "-o", str(stem)])
    assert status == 0
    own = pd.read_csv(smoke_run / records.PER_IMAGE).set_index("name")
    again = pd.read_csv(stem.with_suffix(".csv")).set_index("name")
    assert len(again) == 24
    pd.testing.assert_series_equal(again.loc[own.index, "hc_mm"], own["hc_mm"], rtol=1e-6)
    assert (again.loc[own.index, "dice"] - own["dice"]).abs().max() < 0.01
    summary = records.read_json(stem.with_suffix(".json"))
    assert summary["trained"]["variant"] == "unet"
    assert summary["test"]["dice_mean"] == pytest.approx(again["dice"].mean())


def test_an_unknown_fold_is_refused(smoke_run: Path, root: Path) -> None:
    with pytest.raises(ValueError, match="fold: expected train, validation, test or none, got 'dev'"):
        retest(smoke_run / study.WEIGHTS, data_root=root, fold="dev")


def test_a_mean_of_one_network_is_that_network_and_a_mirror_image_is_another_look(
    smoke_run: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a network that takes the left half of what is bright for the head."""
    read = retest_module.read_network
    model = _BrightLeft()
    monkeypatch.setattr(
        retest_module, "read_network", lambda file: dataclasses.replace(read(file), model=model)
    )
    weights = smoke_run / study.WEIGHTS
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
    smoke_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = retest_module.read_network
    sizes = iter([(64, 64), (96, 96)])
    monkeypatch.setattr(
        retest_module, "read_network", lambda file: dataclasses.replace(read(file), image_size=next(sizes))
    )
    with pytest.raises(ValueError, match=r"weights: expected networks for images of one size, got \[\(64"):
        retest([smoke_run / study.WEIGHTS] * 2)


# A split belongs to its images, whatever they are called


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of one's own with HC18's file names, and a network that was trained on it."""
    folder = tmp_path_factory.mktemp("own")
    heads = phantom.write_folder(phantom.generate(24, seed=7, size=(96, 128)), folder / "heads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FETALSEG_CACHE", str(folder / "cache"))
        config = configure(variant="unet", seed=0, profile="smoke", data=dataset_of(heads).name)
        return heads, study.run(config, root=folder, data_root=heads, progress=False)


def test_an_own_folder_is_tested_on_the_test_images_of_the_run_that_was_trained_on_it(
    own: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heads, run = own
    assert main(["retest", str(run / study.WEIGHTS), "--data", str(heads), "-o", str(tmp_path / "o")]) == 0
    tested, trained_on = (pd.read_csv(path) for path in (tmp_path / "o.csv", run / records.PER_IMAGE))
    assert tested["name"].tolist() == trained_on["name"].tolist()
    assert tested["hc_mm"].tolist() == pytest.approx(trained_on["hc_mm"].tolist(), rel=1e-6)
    record = records.read_json(tmp_path / "o.json")
    assert (record["fold"], record["seen"]) == ("test", {"train": 0, "validation": 0})
    assert "the fold test" in capsys.readouterr().out


def test_images_that_the_network_has_seen_are_told(own: tuple[Path, Path]) -> None:
    heads, run = own
    found = retest(run / study.WEIGHTS, data_root=heads, fold=None)
    counts = records.read_json(run / records.ENVIRONMENT)["split"]
    assert found.record["seen"] == {fold: counts[fold] for fold in ("train", "validation")}
    assert f"was trained on {counts['train']} of them and chosen by {counts['validation']}" in found.words


def test_other_images_of_hc18_s_names_are_all_tested_and_have_no_fold(
    own: tuple[Path, Path], smoke_run: Path
) -> None:
    heads, _ = own
    found = retest(smoke_run / study.WEIGHTS, data_root=heads)
    assert (len(found.per_image), found.record["fold"]) == (24, None)
    assert "whether images of the training are among them is not known" in found.words
    with pytest.raises(ValueError, match="fold: expected HC18 or the folder that the network was trained on"):
        retest(smoke_run / study.WEIGHTS, data_root=heads, fold="test")


def test_networks_of_different_splits_have_no_test_in_common() -> None:
    table = pd.DataFrame({"name": ["a", "b"], "pixel_size_mm": 1.0, "hc_mm": 1.0})
    one, other = pd.Series(["train", "test"]), pd.Series(["test", "train"])
    with pytest.raises(ValueError, match="weights: expected networks of one split"):
        retest_module._rows([one, other], table, "auto")


PLACES_THAT_ARE_FOR_HC18 = {
    "training": lambda heads: study.prepare_data(
        configure(variant="unet", seed=0, profile="smoke", data="hc18"), data_root=heads
    ),
    "calibration": lambda heads: calibrate_on("hc18", image_size=(64, 96), data_root=heads),
    "figures": lambda heads: spread_rows(load(heads), 5, fold="test"),
}


@pytest.mark.parametrize("place", PLACES_THAT_ARE_FOR_HC18)
def test_phantoms_with_hc18_s_names_are_not_taken_for_hc18(
    place: str, own: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FETALSEG_CACHE", str(tmp_path / "cache"))
    with pytest.raises(
        ValueError, match="expected HC18, whose split is known, but 24 of 24 images are others"
    ):
        PLACES_THAT_ARE_FOR_HC18[place](own[0])


@pytest.mark.hc18
def test_hc18_is_known_wherever_it_lies_and_so_is_a_part_of_it(
    hc18_root: Path, own: tuple[Path, Path]
) -> None:
    table = load(hc18_root).table
    folds = splits.hc18_folds(table)
    assert folds.tolist() == splits.load("hc18")["fold"].tolist()
    assert splits.hc18_folds(table.iloc[40:50]).tolist() == folds.iloc[40:50].tolist()
    assert splits.hc18_folds(table.assign(pixel_size_mm=table["pixel_size_mm"] * 1.001)).isna().all()
    leaky = folds_of_training({"data": "hc18", "split": "leaky"}, load(hc18_root), table)
    assert leaky is not None
    assert 0 < (leaky == "test").sum() < (folds == "test").sum(), "some of the test were trained on"
    assert dataset_of(hc18_root).name == "hc18"
    assert dataset_of(own[0]).name == own_name(own[0])
