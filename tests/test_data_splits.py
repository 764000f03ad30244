"""The split keeps exams, and with them near-identical frames, on one side; a random one does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fetalseg_book.studies.leakage import random_split
from fetalseg_lib.data import hc18, splits

SAME_FRAME = 0.95
"""Correlation of two thumbnails: one frame saved twice has 0.97 and more, two exams 0.86 at most."""

EXAMS = st.lists(st.tuples(st.integers(1, 4), st.floats(40, 350)), min_size=3, max_size=120)


def _frame(exams: list[tuple[int, float]]) -> pd.DataFrame:
    rows = [(f"{k}_{i}", k, hc) for k, (n, hc) in enumerate(exams) for i in range(n)]
    return pd.DataFrame(rows, columns=["filename", "exam", "hc_mm"])


@settings(max_examples=40, deadline=None)
@given(exams=EXAMS, seed=st.integers(0, 99))
def test_no_exam_is_torn_and_no_image_lost(exams: list[tuple[int, float]], seed: int) -> None:
    frame = _frame(exams)
    split = splits.make_split(frame, seed=seed)
    assert split["filename"].tolist() == frame["filename"].tolist()
    assert split["exam"].tolist() == frame["exam"].tolist()
    assert split.groupby("exam")["fold"].nunique().max() == 1
    assert set(split["fold"]) <= set(splits.FOLDS)
    if "test" in set(split["fold"]):
        assert splits.leakage(split) == 0
    for fold, share in zip(splits.FOLDS, (0.7, 0.1, 0.2), strict=True):
        assert abs((split["fold"] == fold).sum() - share * len(frame)) <= 4


def test_every_fold_has_the_same_mix_of_circumferences() -> None:
    rng = np.random.default_rng(0)
    frame = _frame([(int(rng.choice([1, 1, 1, 2])), float(hc)) for hc in rng.uniform(40, 350, 800)])
    for seed in range(5):
        fold = splits.make_split(frame, seed=seed)["fold"]
        train, *others = (
            np.quantile(frame["hc_mm"][fold == name], np.linspace(0.1, 0.9, 9)) for name in splits.FOLDS
        )
        for deciles in others:
            assert np.abs(deciles - train).max() < 12  # of a range of 310 mm


def test_the_seed_decides() -> None:
    frame = _frame([(1, float(hc)) for hc in range(60, 160)])
    first = splits.make_split(frame, seed=1)
    assert splits.make_split(frame, seed=1).equals(first)
    assert not splits.make_split(frame, seed=2).equals(first)
    shuffled = frame.sample(frac=1, random_state=0)
    again = splits.make_split(shuffled, seed=1).set_index("filename")["fold"]
    assert again.loc[first["filename"]].tolist() == first["fold"].tolist()


FRAME = pd.DataFrame({"filename": list("abc"), "exam": [1, 2, 3], "hc_mm": [90.0, 100.0, 110.0]})
BAD: dict[str, tuple[pd.DataFrame, dict[str, Any], str]] = {
    "a column missing": (FRAME.drop(columns="exam"), {}, "frame: .*exam"),
    "no image": (FRAME.head(0), {}, "at least one image"),
    "an image twice": (pd.concat([FRAME, FRAME]), {}, "only once"),
    "no circumference": (FRAME.assign(hc_mm=np.nan), {}, "hc_mm of every image"),
    "two fractions": (FRAME, {"fractions": (0.5, 0.5)}, "fractions"),
    "more than all": (FRAME, {"fractions": (0.7, 0.2, 0.2)}, "fractions"),
    "less than nothing": (FRAME, {"fractions": (1.1, -0.3, 0.2)}, "fractions"),
}


@pytest.mark.parametrize(("frame", "options", "words"), BAD.values(), ids=BAD)
def test_bad_arguments_are_refused(frame: pd.DataFrame, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        splits.make_split(frame, **options)


def test_the_packaged_split_is_whole() -> None:
    split = splits.load("hc18")
    assert list(split.columns) == ["filename", "exam", "fold"]
    assert len(split) == split["filename"].nunique() == 999
    assert split["exam"].nunique() == 806
    assert (split["filename"].str.split("_").str[0].astype(int) == split["exam"]).all()
    assert split.groupby("exam")["fold"].nunique().max() == 1
    shares = split["fold"].value_counts(normalize=True)
    assert shares.loc[list(splits.FOLDS)].tolist() == pytest.approx([0.7, 0.1, 0.2], abs=0.005)
    with pytest.raises(ValueError, match="'hc19'"):
        splits.load("hc19")


@settings(max_examples=40, deadline=None)
@given(exams=EXAMS, folds=st.integers(2, 5), seed=st.integers(0, 99))
def test_every_image_is_tested_once_and_no_exam_is_torn(
    exams: list[tuple[int, float]], folds: int, seed: int
) -> None:
    frame = _frame(exams)
    if len(exams) < folds:
        with pytest.raises(ValueError, match="folds: expected 2 to"):
            splits.make_folds(frame, folds=folds, seed=seed)
        return
    dealt = splits.make_folds(frame, folds=folds, seed=seed)
    tested = []
    for fold in sorted(dealt["fold"].unique()):
        split = splits.cross_split(dealt, frame["hc_mm"], test=fold)
        assert split.groupby("exam")["fold"].nunique().max() == 1
        tested += split.loc[split["fold"] == "test", "filename"].tolist()
    assert sorted(tested) == sorted(frame["filename"])


def test_the_packaged_folds_are_whole() -> None:
    folds = splits.load_folds()
    assert folds["filename"].tolist() == splits.load("hc18")["filename"].tolist()
    assert folds["exam"].nunique() == 806
    assert folds.groupby("exam")["fold"].nunique().max() == 1
    assert folds["fold"].value_counts(normalize=True).tolist() == pytest.approx([0.2] * 5, abs=0.003)


@pytest.mark.hc18
def test_the_packaged_folds_are_what_the_seeded_function_makes(table: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(splits.make_folds(table), splits.load_folds())


@pytest.mark.hc18
def test_each_round_validates_on_a_tenth_of_its_training_exams(table: pd.DataFrame) -> None:
    folds = splits.load_folds()
    for fold in range(5):
        split = splits.cross_split(folds, table["hc_mm"], test=fold)
        assert set(split["fold"]) == set(splits.FOLDS)
        exams = split.groupby("fold")["exam"].nunique()
        assert exams["validation"] / (exams["validation"] + exams["train"]) == pytest.approx(0.1, abs=0.002)
        assert splits.leakage(split) == 0
        sizes = [table["hc_mm"][split["fold"] == name].quantile([0.25, 0.5, 0.75]) for name in splits.FOLDS]
        assert np.ptp(sizes, axis=0).max() < 15  # of a range of 300 mm
    with pytest.raises(ValueError, match="test: expected one of the folds"):
        splits.cross_split(folds, table["hc_mm"], test=5)


@pytest.fixture(scope="module")
def table(hc18_root: Path) -> pd.DataFrame:
    return hc18.load(hc18_root).table.rename(columns={"name": "filename"})


@pytest.mark.hc18
def test_the_packaged_split_is_what_the_seeded_function_makes(table: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(splits.make_split(table), splits.load("hc18"))


@pytest.mark.hc18
def test_a_random_split_of_hc18_leaks(table: pd.DataFrame) -> None:
    """About 30 % of the test images of a random 80/20 split share an exam with training."""
    leaks = [splits.leakage(random_split(table, seed=seed, validation=0)) for seed in range(50)]
    assert np.mean(leaks) == pytest.approx(0.30, abs=0.01)
    assert splits.leakage(splits.load("hc18")) == 0


@pytest.mark.hc18
def test_frames_that_are_nearly_the_same_lie_in_one_fold(hc18_root: Path) -> None:
    samples = hc18.load(hc18_root)
    thumbnails = []
    for name in samples.table["name"]:
        image = cv2.imread(str(hc18_root / samples.part.folder / name), cv2.IMREAD_GRAYSCALE)
        thumbnails.append(cv2.resize(image, (96, 64), interpolation=cv2.INTER_AREA).ravel())
    correlation = np.corrcoef(np.array(thumbnails, dtype=np.float32))
    pairs = np.argwhere(np.triu(correlation > SAME_FRAME, k=1))
    names, exams = samples.table["name"].to_numpy(), samples.table["exam"].to_numpy()
    fold = splits.load("hc18").set_index("filename")["fold"]
    found = {frozenset((names[i], names[j])) for i, j in pairs}
    assert frozenset(("392_HC.png", "392_2HC.png")) in found
    assert {198, 220, 243, 392, 507, 720, 788} <= {int(exams[i]) for i, _ in pairs}
    for i, j in pairs:
        assert fold[names[i]] == fold[names[j]]
    across = correlation[exams[:, None] != exams[None, :]]
    assert across.max() < 0.9  # a clear gap: no frame of one exam appears in another
