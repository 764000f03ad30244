"""Numbers for pages that are no notebooks: every name that a page uses is given, and from the files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from scipy.stats import ttest_1samp

from fetalseg_lib.report.numbers import _signed, add_to_settings, chapter_times, collect

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"


@pytest.fixture(scope="module")
def numbers() -> dict[str, str]:
    return collect(RESULTS)


def test_every_name_on_a_page_is_given(numbers: dict[str, str]) -> None:
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    known = numbers.keys() | settings["parse"]["myst_substitutions"].keys() | {"chapter_times"}
    for page in sorted((ROOT / "book").rglob("*.md")):
        used = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", page.read_text(encoding="utf-8")))
        assert used <= known, f"{page.name}: {sorted(used - known)}"


def test_numbers_are_those_of_the_single_images(numbers: dict[str, str]) -> None:
    folder = RESULTS / "published" / "hc18" / "pos_weight_200"
    seeds = [pd.read_csv(path) for path in sorted(folder.glob("seed-*/per_image.csv"))]
    bias = sum(seed["hc_error_mm"].mean() for seed in seeds) / len(seeds)
    assert numbers["bias_pos_weight_200"] == f"{bias:+.1f} mm"
    assert numbers["seeds_pos_weight_200"] == str(len(seeds))
    assert numbers["study_test_images"] == str(len(seeds[0]))


def test_a_change_is_that_of_matched_seeds(numbers: dict[str, str]) -> None:
    folder = RESULTS / "published" / "hc18"
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
    dice = {name: float(text.split()[0]) for name, text in numbers.items() if "dice_" in name}
    for variant in ("proposed", "unet"):
        assert dice[f"by_note_dice_{variant}"] > dice[f"dice_{variant}"]
    assert dice["by_note_dice_trainable_encoder"] <= dice["dice_trainable_encoder"]  # "gains nothing"
    low, high = numbers["by_note_interval_unet"].split(" to ")
    assert (low[0], high[0]) == ("−", "+")  # "luck is not excluded"


def test_the_notes_schedule_is_compared_on_matched_seeds(numbers: dict[str, str]) -> None:
    table = pd.read_csv(RESULTS / "note_schedule" / "hc18" / "tables" / "runs.csv")
    dice = table.pivot_table(index="seed", columns="variant", values="dice_mean")
    differences = 100 * (dice["unet"] - dice["proposed"])
    assert numbers["by_note_above_unet"] == f"{(differences > 0).sum()} of {len(differences)} seeds"
    assert numbers["by_note_change_unet"] == f"{differences.mean():+.2f} points"
    assert numbers["by_note_seeds"] == f"{len(differences)} seeds"


def test_times_are_those_of_two_cores(numbers: dict[str, str]) -> None:
    found = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in (RESULTS / "small" / "hc18").glob("*/seed-*/environment.json")
    ]
    seconds = [record["seconds"]["training"] for record in found]
    assert numbers["small_minutes"] == f"{min(seconds) / 60:.0f} to {max(seconds) / 60:.0f} minutes"
    assert numbers["small_runs"] == str(len(found))
    assert "without a GPU" in numbers["small_processor"]
    assert numbers["published_work"] == f"{2 * 2 * 20 / 12:.0f} times"


def test_what_the_readme_says_of_the_study_still_holds(numbers: dict[str, str]) -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert "six seeds of each of its nine variants" in text
    assert (numbers["study_planned_seeds"], numbers["study_planned"]) == ("6", "9")
    assert "Training the encoder along is better than freezing it" in text
    assert numbers["luck_trainable_encoder"] == "more than luck"
    assert numbers["change_trainable_encoder"].startswith("+")
    assert "no part that the note adds can be told from luck" in text
    assert numbers["parts_told"].startswith("0 of ")
    assert numbers["luck_unet"] == "not told from luck"  # "cannot be told apart"
    assert "above the note's network in all three seeds that were trained so" in text
    assert numbers["by_note_above_unet"] == "3 of 3 seeds"


@pytest.mark.parametrize(("value", "text"), [(0.26, "+0.3"), (-0.26, "−0.3"), (-0.04, "0.0"), (0.0, "0.0")])
def test_a_sign_stands_before_what_is_not_zero(value: float, text: str) -> None:
    assert _signed(value, 1) == text


def test_settings_keep_what_they_had(tmp_path: Path, numbers: dict[str, str]) -> None:
    settings = {"title": "T", "parse": {"myst_substitutions": {"repository": "R"}}}
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    add_to_settings(tmp_path, results=RESULTS)
    written = yaml.safe_load((tmp_path / "_config.yml").read_text(encoding="utf-8"))
    given = written["parse"]["myst_substitutions"]
    assert written["title"] == "T"
    assert given["repository"] == "R"
    assert given["hc_proposed"] == numbers["hc_proposed"]


def test_times_are_those_that_the_notebooks_record(tmp_path: Path) -> None:
    for name, metadata in (("ran", {"papermill": {"duration": 12.4}}), ("not_run", {})):
        notebook = nbformat.v4.new_notebook(metadata=metadata)
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    assert chapter_times(tmp_path).splitlines()[2:] == ["| [](../notebooks/ran.ipynb) | 12 s |"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dataset\.json"):
        collect(tmp_path)
