"""The answer in ten seconds: one table from one file, the same on README, landing page and ablation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetalseg_book.facts import all_variants
from fetalseg_book.facts.answer import (
    FOLDERS,
    LEADING,
    Answer,
    answer_of,
    findings,
    is_whole,
    renewed,
    rows,
    the_answer,
)
from fetalseg_book.figures import answer as figures
from fetalseg_lib.study.profile import load_profile

mpl.use("Agg")
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def crossval(word: str = "equivalent") -> pd.DataFrame:
    """A table of the planned study in which every arm has numbers and a word."""
    plan = load_profile("crossval")
    names = list(plan.variants)
    known = answer_of(RESULTS, "published").table.reset_index()
    table = known.iloc[[k % len(known) for k in range(len(names))]].reset_index(drop=True)
    references = [name for name in names if name not in plan.comparisons]
    return table.assign(
        variant=names, folds=5, seeds=1, word=["reference" if name in references else word for name in names]
    )


def test_readme_has_the_table_of_the_file() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert renewed(page, RESULTS) == page, "renew it with: python -m fetalseg_book.facts.answer README.md"


def test_readme_says_what_the_table_says() -> None:
    page = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    table = answer_of(RESULTS, "published").table
    assert "make no difference that matters, alone or together" in page
    assert set(table.loc[["no_aspp", "no_se", "no_residual", "mobilenet_unet"], "word"]) == {"equivalent"}
    assert "is the only change that helps. It improves both the outline and the head circumference." in page
    assert [name for name in table.index if table.loc[name, "word"] == "better"] == ["trainable_encoder"]
    freed = table.loc["trainable_encoder"]
    assert freed["dice_low"] > 0 > freed["hc_high"]
    assert "one number in the loss makes nearly every head too large" in page


def test_landing_page_has_three_short_findings_and_the_table() -> None:
    page = (ROOT / "book" / "intro.md").read_text(encoding="utf-8")
    part = page.split("## What came out?")[1].split("\n## ")[0]
    found = [line for line in part.splitlines() if line.startswith("- ")]
    assert len(found) == 3
    assert all(len(line.split()) <= 21 + 2 * line.count("{{") for line in found)  # the dash, and braces
    assert "{{ answer_table }}" in part
    given = findings(RESULTS)
    assert given["answer_table"].count("\n") == 1 + len(LEADING)
    assert given["answer_freed_points"].startswith("+")


def study(folder: Path, table: pd.DataFrame) -> Path:
    for name in ("published", "crossval"):
        path = folder / FOLDERS[name] / "tables" / "answer.csv"
        path.parent.mkdir(parents=True)
        if name == "published":
            shutil.copy(RESULTS / FOLDERS[name] / "tables" / "answer.csv", path)
        else:
            table.to_csv(path, index=False)
    return folder


def test_the_planned_study_takes_over_once_its_first_family_is_whole(tmp_path: Path) -> None:
    found = the_answer(study(tmp_path, crossval()))
    assert found.plan.name == "crossval"
    assert found.about().startswith("One seed of each on 5 folds over all exams, 128×128 px")


def test_an_arm_that_lacks_a_fold_keeps_the_older_study(tmp_path: Path) -> None:
    table = crossval()
    table.loc[table["variant"] == "no_se", "word"] = "incomplete"
    assert the_answer(study(tmp_path, table)).plan.name == "published"


def test_arms_of_other_families_may_be_missing_and_are_named(tmp_path: Path) -> None:
    table = crossval()
    table.loc[table["variant"] == "unet_long", ["word", "dice_percent", "hc_error_mm"]] = [
        "not run",
        np.nan,
        np.nan,
    ]
    found = the_answer(study(tmp_path, table))
    assert is_whole(found)
    name = found.table.loc["unet_long", "shown_as"]
    assert found.about().endswith(f"Not run: {name}.")
    shown = rows(found, ["unet_long", "trainable_no_se"])
    assert shown["Dice %"].iloc[0] == "–"
    assert "beside" in shown["Verdict"].iloc[1]


def test_an_arm_says_that_its_means_are_of_fewer_folds(tmp_path: Path) -> None:
    table = crossval()
    table.loc[table["variant"] == "unet_long", ["word", "folds"]] = ["incomplete", 2]
    shown = rows(the_answer(study(tmp_path, table)), ["unet_long", "no_se"])["Verdict"]
    assert shown.iloc[0].startswith("incomplete (2 of 5 folds) (beside ")
    assert "folds" not in shown.iloc[1]


def test_the_figures_show_every_arm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[Any, str]] = []
    monkeypatch.setattr(figures, "show", lambda figure, *, alt, caption: drawn.append((figure, alt)))
    one = answer_of(RESULTS, "published")
    planned = the_answer(study(tmp_path, crossval()))
    for found in (one, planned):
        figures.forest(found)
        figures.worth(found)
    assert figures.parts_by_encoder(one) is None
    assert figures.parts_by_encoder(planned) is not None
    alt = drawn[0][1]
    assert all(one.table.loc[name, "shown_as"] in alt for name in one.plan.comparisons)
    texts = {text.get_text() for text in drawn[1][0].axes[0].texts}
    assert "Note's network (10.2 M)" in texts


def test_the_appendix_has_a_line_for_every_variant_that_ran() -> None:
    lines = all_variants.table(RESULTS).splitlines()[2:]
    shown = {line.split("|")[1].strip() for line in lines}
    for name in ("published", "note_schedule"):
        found: Answer = answer_of(RESULTS, name)
        assert {found.table.loc[arm, "shown_as"] for arm in found.plan.comparisons} <= shown
    assert len(" ".join(lines).split()) < 1450


def test_the_appendix_concludes_what_its_rows_say() -> None:
    page = (ROOT / "book" / "all-variants.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in all_variants.table(RESULTS).splitlines()[2:]]
    points = {
        line[0]: float(line[3].replace("−", "-"))
        for line in lines
        if not line[1].startswith("against itself")
    }
    assert "A loss weight of 200 harms every network." in page
    assert all(
        value < -2 for name, value in points.items() if "weight 200" in name or name == "Note's recipe"
    )
    assert "A frozen encoder must have been trained on photographs." in " ".join(page.split())
    assert all(value < -0.5 for name, value in points.items() if name.endswith("encoder, frozen"))
    assert "whatever its pre-training, an encoder does better fine-tuned than frozen" in " ".join(
        page.split()
    )
    fine_tuned = [name for name in points if "ine-tuned" in name and not name.endswith("long")]
    assert len(fine_tuned) == 3
    assert min(points[name] for name in fine_tuned) > 0.1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_a_point_is_on_the_front_unless_another_is_no_dearer_no_worse_and_not_the_same(
    points: list[tuple[int, int]],
) -> None:
    cost, effect = np.array(points, dtype=float).T
    expected = [
        not any(c <= cost_ and e >= effect_ and (c, e) != (cost_, effect_) for c, e in points)
        for cost_, effect_ in points
    ]
    assert figures.front(cost, effect).tolist() == expected
