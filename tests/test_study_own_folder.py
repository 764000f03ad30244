"""Training on a folder of one's own: known by its content, split by its own exams."""

import re
from pathlib import Path

import pandas as pd
import pytest

from fetalseg_lib.cli import main
from fetalseg_lib.data import phantom
from fetalseg_lib.data.hc18 import load, own_name
from fetalseg_lib.data.layout import TRAINING
from fetalseg_lib.data.phantom.folder import write_folder
from fetalseg_lib.data.training_range import TrainingRange
from fetalseg_lib.study import records
from fetalseg_lib.study import run as study
from fetalseg_lib.study.config import RunConfig, configure
from fetalseg_lib.training.checkpoint import read_metadata

PROFILE = """
name: tiny
description: As small as a training can be.
image_size: [32, 32]
encoder_weights: random
training: {epochs: 1, batch_size: 8, pos_weight: 1.0}
variants: [unet]
seeds: [0]
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(
        phantom.generate(24, seed=1, size=(96, 128)), tmp_path_factory.mktemp("own") / "heads"
    )


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FETALSEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FETALSEG_HC18", raising=False)
    path = tmp_path / "tiny.yaml"
    path.write_text(PROFILE, encoding="utf-8")
    return path


def config(profile: Path, data: str) -> RunConfig:
    return configure(variant="unet", seed=0, profile=profile, data=data)


def test_the_command_trains_on_the_folder_and_keeps_its_range(
    images: Path, profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    command = [
        "train",
        "--variant",
        "unet",
        "--profile",
        str(profile),
        "--data",
        str(images),
        "-o",
        str(runs),
    ]
    assert main(command) == 0
    folder = runs / "tiny" / own_name(images) / "unet" / "seed-0"
    assert str(folder) in capsys.readouterr().out
    assert records.read_json(folder / records.METRICS)["data"] == own_name(images)
    samples = load(images)
    tested = pd.read_csv(folder / records.PER_IMAGE)["name"]
    assert set(tested) < set(samples.table["name"])
    found = TrainingRange.from_json(read_metadata(folder / study.WEIGHTS)["training_range"])
    trained = len(samples) - len(tested) - len(pd.read_csv(folder / records.VALIDATION))
    assert found.images == trained


def test_no_exam_is_torn_apart(images: Path, profile: Path, tmp_path: Path) -> None:
    """The phantoms' exams hold one image each, so some are put together first."""
    table = pd.read_csv(images / TRAINING.index)
    joined = tmp_path / "joined"
    (joined / TRAINING.folder).mkdir(parents=True)
    for row, name in enumerate(table["filename"]):
        new = f"{row // 2:03d}_{'2' if row % 2 else ''}HC"
        for end in ("", "_Annotation"):
            old = images / TRAINING.folder / f"{name.removesuffix('.png')}{end}.png"
            (joined / TRAINING.folder / f"{new}{end}.png").write_bytes(old.read_bytes())
        table.loc[row, "filename"] = f"{new}.png"
    table.to_csv(joined / TRAINING.index, index=False)
    folds = study.prepare_data(config(profile, own_name(joined)), data_root=joined)
    exams = [
        set(folds.cache.index["exam"].iloc[rows]) for rows in (folds.train, folds.validation, folds.test)
    ]
    assert sum(map(len, exams)) == len(set.union(*exams)) == 12


def test_a_folder_is_known_by_its_content(images: Path, profile: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    (copy / TRAINING.folder).mkdir(parents=True)
    for path in images.rglob("*.*"):
        (copy / path.relative_to(images)).write_bytes(path.read_bytes())
    name = own_name(images)
    assert re.fullmatch(r"own-[0-9a-f]{12}", name)
    assert own_name(copy) == name
    first = sorted((copy / TRAINING.folder).glob("*_Annotation.png"))[:2]
    first[0].write_bytes(first[1].read_bytes())
    assert own_name(copy) != name
    with pytest.raises(ValueError, match=f"expected the images of {name}, but these are own-"):
        study.prepare_data(config(profile, name), data_root=copy)


def test_the_hash_does_not_depend_on_the_phantoms(profile: Path) -> None:
    plain = config(profile, "own-0123456789ab").to_dict()
    assert not [key for key in plain if "phantom" in key]


@pytest.mark.parametrize("data", ["own-", "own-0123456789abc", "own-0123456789AB", "heads", ""])
def test_other_names_of_data_are_refused(data: str, profile: Path) -> None:
    with pytest.raises(ValueError, match="data: expected phantom or hc18, got"):
        config(profile, data)


def test_a_typing_error_in_the_command_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--data", "hc81"]) == 2
    assert "--data: expected phantom, hc18 or a folder, got 'hc81'" in capsys.readouterr().err


def test_too_few_exams_for_three_folds_are_refused(profile: Path, tmp_path: Path) -> None:
    few = write_folder(phantom.generate(2, seed=1, size=(96, 128)), tmp_path / "few")
    with pytest.raises(ValueError, match=r"no image is left for .*: 2 exams were dealt out"):
        study.prepare_data(config(profile, own_name(few)), data_root=few)
