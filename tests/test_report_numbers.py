"""Numbers for pages that are no notebooks: every name that a page uses is given, and from the files."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml

from fetalseg_lib.report.numbers import add_to_settings, chapter_times, collect

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
