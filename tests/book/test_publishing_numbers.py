"""Numbers for pages that are no notebooks: every name that a page uses is given, and from the files."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scipy.stats import ttest_1samp

from fetalseg_book.publishing.numbers import (
    GOAL_DICE,
    GOAL_HC_MM,
    collect,
)

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"


@pytest.fixture(scope="module")
def numbers() -> dict[str, str]:
    return collect(RESULTS)


def test_pages_use_what_is_given_and_all_of_it(numbers: dict[str, str]) -> None:
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    given = numbers.keys() | settings["parse"]["myst_substitutions"].keys()
    used = {
        page.name: set(re.findall(r"\{\{\s*(\w+)\s*\}\}", page.read_text(encoding="utf-8")))
        for page in (ROOT / "book").rglob("*.md")
    }
    assert {page: names - given for page, names in used.items() if names - given} == {}
    assert numbers.keys() - set().union(*used.values()) == set()


def test_numbers_are_those_of_the_single_images(numbers: dict[str, str]) -> None:
    folder = RESULTS / "one_fold" / "published" / "hc18" / "pos_weight_200"
    seeds = [pd.read_csv(path) for path in sorted(folder.glob("seed-*/per_image.csv"))]
    bias = sum(seed["hc_error_mm"].mean() for seed in seeds) / len(seeds)
    assert numbers["bias_pos_weight_200"] == f"{bias:+.1f} mm"
    assert numbers["seeds_pos_weight_200"] == str(len(seeds))
    assert numbers["study_test_images"] == str(len(seeds[0]))


def test_a_change_is_that_of_matched_seeds(numbers: dict[str, str]) -> None:
    folder = RESULTS / "one_fold" / "published" / "hc18"
    means = {
        variant: {
            path.parent.name: pd.read_csv(path)["dice"].mean()
            for path in folder.glob(f"{variant}/seed-*/per_image.csv")
        }
        for variant in ("proposed", "trainable_encoder")
    }
    assert means["proposed"].keys() == means["trainable_encoder"].keys()
    differences = pd.Series(
        [means["trainable_encoder"][seed] - dice for seed, dice in means["proposed"].items()]
    )
    assert numbers["change_trainable_encoder"] == f"{100 * differences.mean():+.2f} points"
    interval = ttest_1samp(100 * differences, 0.0).confidence_interval()
    assert numbers["interval_trainable_encoder"] == f"{interval.low:+.2f} to {interval.high:+.2f}"


def test_the_study_is_as_large_as_the_pages_say(numbers: dict[str, str]) -> None:
    assert numbers["study_runs"] == numbers["study_planned_runs"]
    assert len({value for name, value in numbers.items() if name.startswith("seeds_")}) == 1


def test_the_notes_own_schedule_gives_more(numbers: dict[str, str]) -> None:
    for variant in ("proposed", "unet"):
        by_note, short = (float(numbers[f"{name}dice_{variant}"].split()[0]) for name in ("by_note_", ""))
        assert by_note > short


def test_the_notes_schedule_is_compared_on_matched_seeds(numbers: dict[str, str]) -> None:
    table = pd.read_csv(RESULTS / "one_fold" / "note_schedule" / "hc18" / "tables" / "runs.csv")
    error = table.pivot_table(index="seed", columns="variant", values="hc_abs_error_mm_mean")
    change = error["unet"] - error["proposed"]
    assert numbers["by_note_hc_change_unet"] == f"{change.mean():.2f} mm".replace("-", "−")
    low, high = ttest_1samp(change, 0.0).confidence_interval()
    assert high < 0  # the U-Net's error "is lower"
    assert numbers["by_note_hc_interval_unet"] == f"{low:.2f} to {high:.2f}".replace("-", "−")


def looks(fold: str) -> pd.DataFrame:
    """Dice and error of every way to look at the images of a fold, from the single images."""
    tables = {
        path.stem: pd.read_csv(path)
        for path in (RESULTS / "one_fold" / "averaging" / "hc18" / "published" / fold).glob("*.csv")
    }
    means = {name: (rows["dice"].mean(), rows["hc_error_mm"].abs().mean()) for name, rows in tables.items()}
    return pd.DataFrame.from_dict(means, orient="index", columns=["dice", "hc"])


def test_the_average_reaches_the_goal_and_no_single_training_does(numbers: dict[str, str]) -> None:
    validation, test = looks("validation"), looks("test")
    assert validation["dice"]["all"] > validation["dice"]["all_mirrored"]  # so the one without mirror images
    dice, hc = test.loc["all"]
    assert dice >= GOAL_DICE
    assert hc <= GOAL_HC_MM
    assert (numbers["averaged_dice"], numbers["averaged_hc"]) == (f"{100 * dice:.2f} %", f"{hc:.2f} mm")
    singles = [f"seed-{seed}" for seed in range(6)]
    best = validation.loc[singles, "dice"].idxmax()
    assert numbers["averaged_single_dice"] == f"{100 * test['dice'][best]:.2f} %"
    runs = pd.concat(pd.read_csv(path) for path in RESULTS.glob("**/hc18/tables/runs.csv"))
    found = pd.DataFrame({"dice": runs["dice_mean"], "hc": runs["hc_abs_error_mm_mean"]})
    for trained in (found, test.loc[singles]):
        assert not ((trained["dice"] >= GOAL_DICE) & (trained["hc"] <= GOAL_HC_MM)).any()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dataset\.json"):
        collect(tmp_path)
