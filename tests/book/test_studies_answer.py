"""The answer of a cross-validated study: numbers by hand, words by plan, and a wrong pairing refused."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests
from test_study_records import write_run

from fetalseg_book.studies import answer as answers
from fetalseg_book.studies.check import disagreements
from fetalseg_lib.study import records
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import Profile, load_profile

RESULTS = Path(__file__).parents[2] / "results"
ARMS = ("proposed", "no_aspp", "trainable_encoder", "unet")
GAINS = {"proposed": (0, 0), "no_aspp": (0, 0), "trainable_encoder": (0.6, -0.5), "unet": (-0.7, 0.6)}
"""True differences from ``proposed`` in Dice points and mm."""


@pytest.fixture(scope="module")
def profile() -> Profile:
    plan = load_profile("crossval")
    chosen = {name: plan.comparisons[name] for name in ARMS[1:]}
    return dataclasses.replace(plan, variants=ARMS, comparisons=chosen)


def runs(folds: int = 5, seeds: int = 1, precision: str = "float32") -> pd.DataFrame:
    rng = np.random.default_rng(7)
    frames = []
    for fold in range(folds):
        difficulty = rng.normal(0, 2, 200)
        for variant, (points, mm) in GAINS.items():
            for seed in range(seeds):
                dice = 96 + points + difficulty + rng.normal(0, 0.05) + rng.normal(0, 0.5, 200)
                error = rng.choice([-1, 1], 200) * (3 + mm + rng.normal(0, 0.05))
                name = [f"{fold}-{k:03d}" for k in range(200)]
                frames.append(
                    pd.DataFrame({"name": name, "dice": dice / 100, "hc_error_mm": error}).assign(
                        variant=variant, fold=fold, seed=seed, precision=precision
                    )
                )
    return pd.concat(frames, ignore_index=True)


def test_the_words_follow_from_what_was_put_in(profile: Profile) -> None:
    table = answers.answer(runs(), profile).set_index("variant")
    assert table["word"].to_dict() == {
        "proposed": "reference",
        "no_aspp": "equivalent",
        "trainable_encoder": "better",
        "unet": "worse",
    }
    for name, (points, mm) in GAINS.items():
        if name != "proposed":
            assert table.loc[name, "dice_low"] < points < table.loc[name, "dice_high"]
            assert table.loc[name, "hc_difference"] == pytest.approx(mm, abs=0.1)
    assert table.loc["proposed", "dice_percent"] == pytest.approx(96, abs=0.5)


def test_a_pair_by_hand() -> None:
    """Three images: +1, -1 and +3 points, so a median of +1; errors 2, 4, 6 against 1, 1, 1."""
    rows = {
        "unet": ([0.91, 0.89, 0.93], [2.0, -4.0, 6.0]),
        "proposed": ([0.90, 0.90, 0.90], [1.0, -1.0, 1.0]),
    }
    frame = pd.concat(
        pd.DataFrame({"name": list("abc"), "dice": dice, "hc_error_mm": error}).assign(
            variant=name, fold=0, seed=0, precision="float32"
        )
        for name, (dice, error) in rows.items()
    )
    found = answers.unit_differences(frame, "unet", "proposed").iloc[0]
    assert (found["dice"], found["hc"]) == pytest.approx((1.0, 3.0))
    assert found["better_percent"] == pytest.approx(200 / 3)


def test_the_correction_is_holms_over_both_measures_of_a_family(profile: Profile) -> None:
    frame = runs()
    one_family = dataclasses.replace(
        profile,
        comparisons={
            name: dataclasses.replace(plan, family="all", reference="proposed")
            for name, plan in profile.comparisons.items()
        },
    )
    tested = {
        name: answers._test(answers.unit_differences(frame, name, "proposed"), one_family, 0.0)
        for name in one_family.comparisons
    }
    corrected = answers._holm_by_family(tested, one_family)
    p = [tested[name][1][measure].p for name, measure in corrected]
    assert list(corrected.values()) == pytest.approx(multipletests(p, method="holm")[1])
    assert len(p) == 2 * len(one_family.comparisons)


@pytest.mark.parametrize("folds", [0, 4])
def test_a_comparison_that_lacks_folds_counts_as_one_in_the_correction(profile: Profile, folds: int) -> None:
    """Two comparisons of one family, one of them whole: its two p-values are corrected as two of four."""
    plans = {
        name: dataclasses.replace(profile.comparisons["unet"], family="all") for name in ("unet", "no_aspp")
    }
    frame = runs()
    units = answers.unit_differences(frame, "unet", "proposed")
    tested = {
        "unet": answers._test(units, profile, 0.0),
        "no_aspp": answers._test(units.head(folds), profile, 0.0),
    }
    corrected = answers._holm_by_family(tested, dataclasses.replace(profile, comparisons=plans))
    p = [tested["unet"][1][measure].p for measure in answers.SIGNS]
    expected = multipletests([*p, 1.0, 1.0], method="holm")[1]
    assert [corrected["unet", measure] for measure in answers.SIGNS] == pytest.approx(list(expected[:2]))
    assert [corrected["no_aspp", measure] for measure in answers.SIGNS] == [1.0, 1.0]


def test_runs_of_two_precisions_are_no_pair(profile: Profile) -> None:
    frame = runs()
    mixed = (frame["variant"] == "unet") & (frame["fold"] == 3)
    frame.loc[mixed, "precision"] = "bfloat16"
    assert answers.unit_differences(frame, "unet", "proposed")["fold"].tolist() == [0, 1, 2, 4]
    assert answers.answer(frame, profile).set_index("variant").loc["unet", "word"] == "incomplete"


def test_what_has_not_run_is_said(profile: Profile) -> None:
    frame = runs(folds=2)
    words = answers.answer(frame[frame["variant"] != "unet"], profile).set_index("variant")["word"]
    assert words.to_dict() == {
        "proposed": "reference",
        "no_aspp": "incomplete",
        "trainable_encoder": "incomplete",
        "unet": "not run",
    }


def test_other_images_are_refused() -> None:
    frame = runs(folds=1)
    frame.loc[(frame["variant"] == "unet") & (frame["name"] == "0-007"), "name"] = "another"
    with pytest.raises(ValueError, match=r"same test images in fold 0, seed 0"):
        answers.unit_differences(frame, "unet", "proposed")


def test_costs_stand_beside(profile: Profile) -> None:
    costs = pd.DataFrame(
        {
            "variant": ["unet"],
            "parameters": [7_762_465],
            "trainable": [7_762_465],
            "gflops": [24.1],
            "latency_ms": [200.0],
        }
    )
    table = answers.answer(runs(), profile, costs=costs).set_index("variant")
    assert table.loc["unet", ["parameters_m", "trained_m", "gflops", "cpu_ms"]].tolist() == pytest.approx(
        [7.762465, 7.762465, 24.1, 200.0]
    )
    assert math.isnan(table.loc["proposed", "cpu_ms"])


def test_tables_are_written_and_checked_from_the_records(profile: Profile, tmp_path: Path) -> None:
    for (variant, fold, seed), frame in runs(folds=5).groupby(["variant", "fold", "seed"]):
        folder = tmp_path / str(variant) / f"fold-{fold}" / f"seed-{seed}"
        folder.mkdir(parents=True)
        frame = frame[["name", "dice", "hc_error_mm"]].assign(failed=False)
        for file in (records.PER_IMAGE, records.VALIDATION):
            records.write_csv(folder / file, frame)
        summary = records.summarize(pd.read_csv(folder / records.PER_IMAGE))
        identity = {"variant": variant, "fold": fold, "seed": seed, "test": summary}
        records.write_json(folder / records.METRICS, identity)
        config = configure(variant=variant, seed=seed, fold=fold, profile="crossval", data="hc18").to_dict()
        environment = {"precision": "float32", "config": config, "encoder_weights": {"sha256": None}}
        records.write_json(folder / records.ENVIRONMENT, environment)
    written = answers.write_answer(tmp_path, profile)
    assert disagreements(tmp_path, profile) == []
    path = tmp_path / "unet" / "fold-2" / "seed-0" / records.ENVIRONMENT
    changed = records.read_json(path)
    changed["config"]["training"]["epochs"] = 21
    records.write_json(path, changed)
    with pytest.raises(ValueError, match=r"training\.epochs is 20 and 21"):
        answers.write_answer(tmp_path, profile)
    changed["config"]["training"]["epochs"] = 20
    records.write_json(path, changed)
    table = pd.read_csv(written[0])
    table.loc[0, "dice_percent"] += 0.01
    records.write_csv(written[0], table)
    assert len(found := disagreements(tmp_path, profile)) == 1
    assert "answer.csv" in found[0]


@pytest.mark.parametrize("study", ["published", "note_schedule"])
def test_a_study_without_folds_counts_its_seeds(study: str) -> None:
    """The committed table of an older study follows from its images, by the same rule."""
    (root,) = RESULTS.rglob(f"{study}/hc18")
    plan = load_profile(study)
    assert list(answers.tables(root, plan)) == [answers.ANSWER]
    table = pd.read_csv(root / "tables" / answers.ANSWER).set_index("variant")
    assert list(table.index) == list(plan.variants)
    assert (table["folds"] == 1).all()
    assert table["seeds"].to_dict() == {
        name: len(plan.seeds_of.get(name, plan.seeds)) for name in plan.variants
    }


def test_a_run_that_does_not_say_its_precision_is_one_error(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "unet", 0)
    environment = records.read_json(folder / records.ENVIRONMENT)
    del environment["precision"]
    records.write_json(folder / records.ENVIRONMENT, environment)
    with pytest.raises(ValueError, match=r"seed-0.environment\.json: expected the precision"):
        answers.collect(tmp_path)
