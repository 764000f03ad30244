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


def test_every_name_on_a_page_is_given(numbers: dict[str, str]) -> None:
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    known = numbers.keys() | settings["parse"]["myst_substitutions"].keys()
    for page in sorted((ROOT / "book").rglob("*.md")):
        used = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", page.read_text(encoding="utf-8")))
        assert used <= known, f"{page.name}: {sorted(used - known)}"


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
    seeds = {value for name, value in numbers.items() if name.startswith("seeds_")}
    assert seeds == {numbers["study_planned_seeds"]}


def test_the_notes_own_schedule_gives_more_as_the_model_card_says(numbers: dict[str, str]) -> None:
    dice = {name: float(text.split()[0]) for name, text in numbers.items() if text.endswith(" %")}
    for variant in ("proposed", "unet"):
        assert dice[f"by_note_dice_{variant}"] > dice[f"dice_{variant}"]
    assert dice["by_note_dice_trainable_encoder"] <= dice["dice_trainable_encoder"]  # "gains nothing"
    signs = {
        name: [end[0] for end in numbers[f"by_note_{name}_interval_unet"].split(" to ")]
        for name in ("dice", "hc", "fresh_dice", "fresh_hc")
    }
    assert signs["hc"] == signs["fresh_hc"] == ["−", "−"]  # "clearly"
    assert signs["dice"] == ["+", "+"]  # "a little"
    assert signs["fresh_dice"] == ["−", "+"]  # "do not show it"


def test_the_notes_schedule_is_compared_on_matched_seeds(numbers: dict[str, str]) -> None:
    table = pd.read_csv(RESULTS / "one_fold" / "note_schedule" / "hc18" / "tables" / "runs.csv")
    dice, hc = (
        table.pivot_table(index="seed", columns="variant", values=f"{column}_mean")
        for column in ("dice", "hc_abs_error_mm")
    )
    of_dice, of_hc = 100 * (dice["unet"] - dice["proposed"]), hc["unet"] - hc["proposed"]
    assert numbers["by_note_dice_ahead_unet"] == f"{(of_dice > 0).sum()} of {len(of_dice)} seeds"
    assert numbers["by_note_hc_ahead_unet"] == f"{(of_hc < 0).sum()} of {len(of_hc)} seeds"
    assert numbers["by_note_dice_change_unet"] == f"{of_dice.mean():+.2f} points"
    assert numbers["by_note_fresh_hc_change_unet"] == f"{of_hc.loc[3:5].mean():.2f} mm".replace("-", "−")
    low, high = ttest_1samp(of_hc.loc[3:5], 0.0).confidence_interval()
    assert numbers["by_note_fresh_hc_interval_unet"] == f"{low:.2f} to {high:.2f}".replace("-", "−")
    assert (numbers["by_note_seeds"], numbers["by_note_fresh_seeds"]) == ("six seeds", "three seeds")
    assert 0.025 < ttest_1samp(of_dice, 0.0).pvalue < 0.05  # "for two measures asked at once too weak"
    assert ttest_1samp(of_hc.loc[3:5], 0.0).pvalue < 0.025  # "clearly"


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
    assert validation["dice"]["all"] > validation["dice"]["all_mirrored"]  # "did not help"
    assert validation["hc"]["all"] < validation["hc"]["all_mirrored"]
    for name, look in (("averaged", "all"), ("averaged_other", "all_mirrored")):
        dice, hc = test.loc[look]
        assert dice >= GOAL_DICE
        assert hc <= GOAL_HC_MM
        assert (numbers[f"{name}_dice"], numbers[f"{name}_hc"]) == (f"{100 * dice:.2f} %", f"{hc:.2f} mm")
    singles = [f"seed-{seed}" for seed in range(6)]
    assert numbers["averaged_networks"] == f"{len(singles)} networks"
    best = validation.loc[singles, "dice"].idxmax()
    assert validation["dice"][best] > validation["dice"]["all"]  # "one single network was better than either"
    assert numbers["averaged_single_dice"] == f"{100 * test['dice'][best]:.2f} %"
    runs = pd.concat(pd.read_csv(path) for path in RESULTS.glob("**/hc18/tables/runs.csv"))
    found = pd.DataFrame({"dice": runs["dice_mean"], "hc": runs["hc_abs_error_mm_mean"]})
    for trained in (found, test.loc[singles]):
        assert not ((trained["dice"] >= GOAL_DICE) & (trained["hc"] <= GOAL_HC_MM)).any()
    twice = test.loc[[f"{name}_mirrored" for name in singles]]
    reached = (twice["dice"] >= GOAL_DICE) & (twice["hc"] <= GOAL_HC_MM)
    assert numbers["averaged_reached_mirrored"] == f"{reached.sum()} of {len(reached)}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dataset\.json"):
        collect(tmp_path)
