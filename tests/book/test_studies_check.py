"""A study's tables computed again from the images: what does not follow is found, in every kept study."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from statsmodels.stats.power import TTestPower
from test_study_records import edit, write_run

from fetalseg_book.studies.check import disagreements, tables
from fetalseg_book.studies.floor import write_noise_floor
from fetalseg_lib.cli import main
from fetalseg_lib.study import records
from fetalseg_lib.study.profile import Profile, load_profile
from fetalseg_lib.study.tables import write_tables
from fetalseg_lib.training.config import TrainingConfig

RESULTS = Path(__file__).parents[2] / "results"
KEPT = sorted({path.parents[1] for path in RESULTS.rglob("hc18/tables/*.csv")})
MEASURED = {"costs.csv"}
"""Tables of a clock, not of images."""

PLANNED = Profile(
    name="p",
    description="Three seeds of the U-Net measure the noise of a study of four matched seeds.",
    image_size=(32, 32),
    encoder_weights="random",
    training=TrainingConfig(),
    variants=("unet", "proposed", "no_se"),
    seeds=(0, 1, 2, 3),
    noise_floor="unet",
)


def test_the_noise_floor_by_hand_from_the_seeds_of_one_variant_alone(tmp_path: Path) -> None:
    """Means 1, 2 and 3 points above the first: a standard deviation of one point."""
    for seed, shift in enumerate((0.01, 0.02, 0.03)):
        write_run(tmp_path, "unet", seed, shift=shift)
    write_run(tmp_path, "proposed", 0, shift=-0.5)  # a result, which the floor must not see
    floor = pd.read_csv(write_noise_floor(tmp_path, PLANNED)).set_index("metric")
    assert floor.loc["dice", "sd"] == pytest.approx(0.01)
    assert floor.loc["hc_abs_error_mm", "sd"] == 0
    assert floor.loc["dice", ["measured_seeds", "seeds", "comparisons"]].tolist() == [3, 4, 2]
    needed = TTestPower().power(
        floor.loc["dice", "detectable"] / (0.01 * 2**0.5), nobs=4, alpha=0.05 / 2, df=3
    )
    assert needed == pytest.approx(0.8, abs=1e-6)


def test_an_edited_noise_floor_is_found(tmp_path: Path) -> None:
    for seed, shift in enumerate((0.01, 0.02, 0.03)):
        write_run(tmp_path, "unet", seed, shift=shift)
    path = write_noise_floor(tmp_path, PLANNED)
    assert disagreements(tmp_path, PLANNED) == []
    records.write_csv(path, pd.read_csv(path).assign(sd=0.001))
    assert [str(path) in line for line in disagreements(tmp_path, PLANNED)] == [True]


def test_a_noise_floor_needs_a_plan_and_three_seeds(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="names no variant as noise_floor"):
        write_noise_floor(tmp_path, replace(PLANNED, noise_floor=None))
    write_run(tmp_path, "unet", 0)
    with pytest.raises(ValueError, match="at least three seeds of unet, got 1"):
        write_noise_floor(tmp_path, PLANNED)


def test_an_edited_number_is_found(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "unet", 0)
    paths = write_tables(tmp_path)
    assert disagreements(tmp_path, PLANNED) == []
    for path in paths:
        whole = path.read_text()
        path.write_text(whole.replace("0.566666667", "0.666666667"))
        assert [str(path) in line for line in disagreements(tmp_path, PLANNED)] == [True]
        path.write_text(whole)
    metrics = records.read_json(folder / records.METRICS)
    metrics["test"]["dice_mean"] += 0.01
    (folder / records.METRICS).write_text(json.dumps(metrics))
    assert any("dice_mean" in line for line in disagreements(tmp_path, PLANNED))


def test_runs_of_two_recipes_are_said_first(tmp_path: Path) -> None:
    for seed in (0, 1, 2):
        folder = write_run(tmp_path, "unet", seed)
    edit(folder, training={"epochs": 100})
    assert ["cannot stand in one table" in line for line in disagreements(tmp_path, PLANNED)] == [True]
    with pytest.raises(ValueError, match="cannot stand in one table"):
        write_noise_floor(tmp_path, PLANNED)


@pytest.mark.parametrize("root", KEPT, ids=lambda path: path.parent.name)
def test_every_committed_table_is_computed_again_and_follows_from_the_images(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = load_profile(root.parent.name)
    kept = {path.name for path in (root / "tables").glob("*.csv")} - MEASURED
    assert kept <= tables(root, profile).keys()
    study = ["study", "--check", "--profile", profile.name, "--data", root.name, "-o", str(root.parents[1])]
    assert main(study) == 0
    assert capsys.readouterr().out == f"{root}: every table follows from the per-image records\n"


def test_a_check_without_what_checks_does_not_say_that_all_is_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where the library alone lies in a folder and nothing is installed."""
    monkeypatch.setattr("fetalseg_lib.cli.study.entry_points", lambda group: ())
    assert main(["study", "--check", "--profile", "published", "--data", "hc18"]) != 0
    assert "make setup installs it" in capsys.readouterr().err
