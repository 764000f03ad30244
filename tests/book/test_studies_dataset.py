"""The facts of the data chapter, held against hand-made folders and against published numbers of HC18."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from fetalseg_book.studies.dataset import FACTS, main, measure_images, summarize
from fetalseg_book.studies.same_frames import same_frames, share_of_equal_pixels
from fetalseg_lib.data import hc18, splits
from fetalseg_lib.data.layout import FILENAME, TRAINING, annotation_name
from fetalseg_lib.data.phantom import generate, write_folder

RESULTS = Path(__file__).parents[2] / "results" / "hc18"
SIZE = (270, 400)


def _read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def _cut_at_bottom(folder: Path, name: str) -> None:
    """Take away the rows of image and outline that lie below the lower fifth of the head."""
    rows = np.nonzero(_read(folder / annotation_name(name)))[0]
    border = int(rows.min() + 0.8 * (rows.max() - rows.min()))
    for path in (folder / name, folder / annotation_name(name)):
        assert cv2.imwrite(str(path), _read(path)[:border])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images; 001 is cut by the border, 002 has a copy under a grey box, 003 was outlined twice."""
    root = write_folder(generate(4, seed=13, size=SIZE), tmp_path_factory.mktemp("hc18") / "hc18")
    images = root / TRAINING.folder
    _cut_at_bottom(images, "001_HC.png")
    table = pd.read_csv(root / TRAINING.index)
    for exam in ("002", "003"):
        frame = _read(images / f"{exam}_HC.png")
        frame[-20:, -40:] = 90
        assert cv2.imwrite(str(images / f"{exam}_2HC.png"), frame)
        shutil.copy(images / f"{exam}_HC_Annotation.png", images / f"{exam}_2HC_Annotation.png")
        row = table[table[FILENAME] == f"{exam}_HC.png"].assign(**{FILENAME: f"{exam}_2HC.png"})
        if exam == "003":  # a second look: the outline five pixels lower, the circumference 3 mm more
            outline = np.roll(_read(images / "003_HC_Annotation.png"), 5, axis=0)
            assert cv2.imwrite(str(images / "003_2HC_Annotation.png"), outline)
            row["head circumference (mm)"] += 3
        table = pd.concat([table, row])
    table.to_csv(root / TRAINING.index, index=False)
    return root


@pytest.fixture(scope="module")
def images(folder: Path) -> pd.DataFrame:
    return measure_images(hc18.load(folder))


@pytest.fixture(scope="module")
def pairs(folder: Path) -> pd.DataFrame:
    return same_frames(hc18.load(folder))


def test_only_the_outline_that_the_border_cuts_stays_hollow(images: pd.DataFrame) -> None:
    filled = images.set_index("name")["filled_px"] / images.set_index("name")["mask_px"]
    assert filled["001_HC.png"] < 0.2
    assert filled.drop("001_HC.png").min() > 0.99
    assert images.loc[images["cut"], "name"].to_list() == ["001_HC.png"]


def test_pixels_are_counted_as_they_lie_in_the_files(folder: Path, images: pd.DataFrame) -> None:
    for name, counted in zip(images["name"], images["outline_px"], strict=True):
        outline = _read(folder / TRAINING.folder / annotation_name(name))
        assert counted == np.count_nonzero(outline)
        assert tuple(images.loc[images["name"] == name, ["height", "width"]].iloc[0]) == outline.shape


def test_the_refitted_circumference_is_the_phantoms_own(images: pd.DataFrame) -> None:
    whole = images[~images["name"].isin(["001_HC.png", "003_2HC.png"])]
    np.testing.assert_allclose(whole["refit_hc_mm"], whole["hc_mm"], atol=0.3)


def test_a_copy_is_told_from_a_second_look(pairs: pd.DataFrame) -> None:
    assert pairs[["first", "second"]].to_numpy().tolist() == [
        ["002_HC.png", "002_2HC.png"],
        ["003_HC.png", "003_2HC.png"],
    ]
    assert pairs["same_outline"].to_list() == [True, False]
    assert not pairs["same_pixels"].any()
    np.testing.assert_allclose(pairs["hc_difference_mm"], [0, 3], atol=1e-9)
    assert pairs["same_exam"].all()


def test_identical_images_of_two_exams_are_found(folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(folder, tmp_path / "copy")
    images = root / TRAINING.folder
    table = pd.read_csv(root / TRAINING.index)
    for suffix in ("", "_Annotation"):
        shutil.copy(images / f"000_HC{suffix}.png", images / f"900_HC{suffix}.png")
    row = table[table[FILENAME] == "000_HC.png"].assign(**{FILENAME: "900_HC.png"})
    pd.concat([table, row]).to_csv(root / TRAINING.index, index=False)
    found = same_frames(hc18.load(root)).set_index("first").loc["000_HC.png"]
    assert found["second"] == "900_HC.png"
    assert found["same_pixels"]
    assert not found["same_exam"]


def test_images_of_different_size_share_no_pixel() -> None:
    assert share_of_equal_pixels(np.ones((2, 3), np.uint8), np.ones((3, 2), np.uint8)) == 0


def test_summary_adds_up(images: pd.DataFrame, pairs: pd.DataFrame) -> None:
    split = pd.DataFrame({"filename": images["name"], "fold": ["test"] * 2 + ["train"] * 4})
    facts = summarize(images, split, pairs)
    assert facts["n_images"] == 6
    assert facts["n_exams"] == 4
    assert facts["exams_by_images"] == {"1": 2, "2": 2}
    assert [failure["name"] for failure in facts["hole_filling_failures"]] == ["001_HC.png"]
    assert [look["second"] for look in facts["second_looks"]] == ["003_2HC.png"]
    assert facts["folds"].keys() == {"train", "test"}
    for fold in facts["folds"].values():
        assert sum(fold["histogram"]) == fold["images"]
    assert sum(band["n"] for band in facts["hc_bands"]) == 6
    assert facts["last_fifth_min_hc_mm"] == images["hc_mm"].iloc[4:].min()
    assert facts["mask_background_to_foreground"] == pytest.approx(1 / facts["mask_fraction"] - 1)


def test_an_image_without_a_fold_is_named(images: pd.DataFrame, pairs: pd.DataFrame) -> None:
    split = pd.DataFrame({"filename": images["name"].iloc[1:], "fold": "train"})
    with pytest.raises(ValueError, match=r"split.*000_HC\.png"):
        summarize(images, split, pairs)


@pytest.fixture(scope="module")
def facts() -> dict[str, object]:
    """The committed facts of HC18."""
    loaded: dict[str, object] = json.loads((RESULTS / FACTS).read_text(encoding="utf-8"))
    return loaded


def test_committed_facts_agree_with_the_publication(facts: dict) -> None:
    """999 and 335 images (van den Heuvel et al. 2018, doi:10.1371/journal.pone.0200412)."""
    assert (facts["n_images"], facts["n_hidden_test_images"]) == (999, 335)
    assert sum(int(n) * exams for n, exams in facts["exams_by_images"].items()) == 999
    assert sum(facts["exams_by_images"].values()) == facts["n_exams"]


def test_committed_facts_agree_with_the_packaged_split(facts: dict) -> None:
    split = splits.load("hc18")
    for fold, rows in split.groupby("fold"):
        assert facts["folds"][fold]["images"] == len(rows)
        assert facts["folds"][fold]["exams"] == rows["exam"].nunique()
    fold_of = split.set_index("filename")["fold"]
    for pair in facts["same_frames"]:
        assert fold_of[pair["first"]] == fold_of[pair["second"]]


def test_committed_figures_are_light_and_described() -> None:
    figures = sorted((RESULTS / "figures").glob("*.png"))
    assert [path.stem for path in figures] == [
        "examples",
        "half_size",
        "outline_to_mask",
        "second_look",
    ]
    for path in figures:
        assert path.stat().st_size < 300_000
        assert len(path.with_suffix(".txt").read_text(encoding="utf-8").split()) > 20


@pytest.mark.hc18
def test_committed_facts_are_those_of_the_csv(facts: dict, hc18_root: Path) -> None:
    table = pd.read_csv(hc18_root / TRAINING.index)
    assert facts["hc_mm"]["mean"] == pytest.approx(table["head circumference (mm)"].mean())
    assert facts["hc_mm"]["std"] == pytest.approx(table["head circumference (mm)"].std())
    assert facts["pixel_size_mm"]["median"] == pytest.approx(table["pixel size(mm)"].median())
    assert facts["csv_sha256"] == hc18.load(hc18_root).fingerprint()["csv_sha256"]


def test_the_command_writes_numbers_figures_and_words(folder: Path, tmp_path: Path, monkeypatch) -> None:
    names = hc18.load(folder).table["name"]
    split = pd.DataFrame({"filename": names, "exam": 0, "fold": "train"})
    monkeypatch.setattr(splits, "load", lambda name: split)
    main(["--root", str(folder), "--out", str(tmp_path)])
    assert json.loads((tmp_path / FACTS).read_text())["n_images"] == len(names)
    for path in (tmp_path / "figures").glob("*.png"):
        assert cv2.imread(str(path)).std() > 10
        assert path.with_suffix(".txt").is_file()
