"""The one split into train, validation and test, and one that leaks on purpose.

Images of one exam show one head minutes apart, some of them the very same frame. So the exam, not the
image, is what gets dealt to a fold. One woman may still have had exams in two folds; the data do not say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FOLDS = ("train", "validation", "test")
SEED = 2018
"""Of the packaged split; the year of HC18."""

UNUSED = "unused"
"""Stands in place of a fold where :func:`leak` took an image out."""

_STRATUM = 10
"""Exams of similar circumference that are dealt together: enough to fill 70/10/20."""


def load(name: str = "hc18") -> pd.DataFrame:
    """Load the packaged split ``name``: columns ``filename, exam, fold``, in the order of HC18's CSV.

    >>> load("hc18").columns.to_list()
    ['filename', 'exam', 'fold']
    """
    if name != "hc18":
        raise ValueError(f"name: expected a packaged split such as 'hc18', got {name!r}")
    return _packaged("split_hc18.csv")[["filename", "exam", "fold"]]


def load_folds() -> pd.DataFrame:
    """Load the five packaged folds of HC18: ``filename, exam, fold`` (0 to 4), in the order of HC18's CSV.

    >>> load_folds()["fold"].value_counts().sort_index().tolist()
    [202, 198, 199, 200, 200]
    """
    return _packaged("folds_hc18.csv").astype({"fold": "int64"})


def _packaged(file: str) -> pd.DataFrame:
    text = {"filename": "str", "fold": "str", "row": "str"}
    return pd.read_csv(Path(__file__).with_name(file), dtype={"exam": "int64"} | text)


def hc18_folds(table: pd.DataFrame) -> pd.Series:
    """Each image's fold in HC18's split, missing where it is no image of HC18: content tells, not its name.

    ``table`` has ``name, pixel_size_mm, hc_mm``; by these three an image is known, since a phantom or an
    import may be called as an image of HC18 is. A part of HC18 is known as such.
    """
    columns = (table["name"], table["pixel_size_mm"], table["hc_mm"])
    rows = pd.Series([row_digest(*row) for row in zip(*columns, strict=True)], index=table.index, dtype="str")
    return rows.map(_packaged("split_hc18.csv").set_index("row")["fold"])


def hc18_rows(table: pd.DataFrame, fold: str) -> list[int]:
    """Positions of a fold's images in HC18 or a part of it; ``ValueError`` where any image is another."""
    folds = refuse_others(table)
    return [int(row) for row in np.flatnonzero(folds == fold)]


def refuse_others(table: pd.DataFrame) -> pd.Series:
    """:func:`hc18_folds`, but ``ValueError`` where any image is not HC18's."""
    folds = hc18_folds(table)
    if folds.isna().any():
        raise ValueError(
            f"expected HC18, whose split is known, but {int(folds.isna().sum())} of {len(table)} images are "
            f"others by their pixel size or circumference, the first is {table['name'][folds.isna()].iloc[0]}"
        )
    return folds


def row_digest(name: str, pixel_size_mm: float, hc_mm: float) -> str:
    """Eight hexadecimal digits of an image's row in HC18's CSV: the column ``row`` of the packaged split."""
    return hashlib.sha256(f"{name} {pixel_size_mm:.9g} {hc_mm:.9g}".encode()).hexdigest()[:8]


def make_split(
    frame: pd.DataFrame, *, seed: int = SEED, fractions: Sequence[float] = (0.7, 0.1, 0.2)
) -> pd.DataFrame:
    """Split images into folds, whole exams at a time, each fold with the same mix of head circumferences.

    ``frame`` has the columns ``filename, exam, hc_mm``; ``fractions`` are the shares of train, validation and
    test. Exams with equally many images are cut into strata of ten alike in circumference; within one they
    come in random order, each to the fold furthest behind its share. Returns ``filename, exam, fold``.

    >>> frame = pd.DataFrame({"filename": list("abcdefghij"), "exam": range(10), "hc_mm": range(60, 160, 10)})
    >>> make_split(frame, seed=0)["fold"].value_counts().to_dict()
    {'train': 7, 'test': 2, 'validation': 1}
    """
    shares = _check(frame, fractions)
    return _split(frame, _deal(frame, shares, seed=seed).map(dict(enumerate(FOLDS))))


def make_folds(frame: pd.DataFrame, *, folds: int = 5, seed: int = SEED) -> pd.DataFrame:
    """Deal images into ``folds`` equal parts for cross-validation, exams and sizes as in :func:`make_split`.

    Returns ``filename, exam, fold`` with folds counted from 0. Raises ``ValueError`` for fewer than two
    folds, and for more folds than exams.

    >>> frame = pd.DataFrame({"filename": list("abcd"), "exam": [1, 1, 2, 3], "hc_mm": [90.0, 91, 150, 240]})
    >>> make_folds(frame, folds=2, seed=0)["fold"].tolist()
    [0, 0, 0, 1]
    """
    _check(frame, (1, 0, 0))
    if not 2 <= folds <= frame["exam"].nunique():
        raise ValueError(f"folds: expected 2 to {frame['exam'].nunique()}, as many as exams; got {folds}")
    return _split(frame, _deal(frame, np.full(folds, 1 / folds), seed=seed))


def cross_split(folds: pd.DataFrame, hc_mm: pd.Series, *, test: int) -> pd.DataFrame:
    """The split of one round of cross-validation: fold ``test`` tests, a tenth of the rest validates.

    ``folds`` is of :func:`make_folds`, ``hc_mm`` the circumferences of its rows; the validation images are
    dealt as in :func:`make_split`, with ``test`` as the seed. Returns ``filename, exam, fold`` with the names
    of :data:`FOLDS`. Raises ``ValueError`` where there is no such fold.
    """
    if not (folds["fold"] == test).any():
        raise ValueError(f"test: expected one of the folds {sorted(folds['fold'].unique())}, got {test}")
    rest = folds.assign(hc_mm=hc_mm)[folds["fold"] != test]
    dealt = make_split(rest, seed=test, fractions=(0.9, 0.1, 0)).set_index("filename")["fold"]
    return _split(folds, folds["filename"].map(dealt).fillna("test"))


def leak(split: pd.DataFrame, hc_mm: pd.Series) -> pd.DataFrame:
    """Spoil an exam-grouped split on purpose, so that the same test images can be asked again.

    Of every exam with several test images the first keeps its place and the others go to train. For each of
    these one training image leaves, the nearest in head circumference among those whose exam has no other.

    ``split`` has ``filename, exam, fold``, ``hc_mm`` the circumferences of its rows. Returns the same, with
    :data:`UNUSED` for an image that left. Raises ``ValueError`` where ``split`` leaks already, no exam has
    two test images, or train has too few images to exchange.

    >>> folds = ["test", "test", "train", "train"]
    >>> frame = pd.DataFrame({"filename": list("abcd"), "exam": [1, 1, 2, 3], "fold": folds})
    >>> leak(frame, pd.Series([100.0, 101.0, 240.0, 110.0]))["fold"].tolist()
    ['test', 'train', 'train', 'unused']
    """
    if leakage(split) > 0:
        raise ValueError("split: expected one that is grouped by exam, got one that leaks already")
    fold = split["fold"].copy()
    again = split["exam"].duplicated() & (fold == "test")
    alone = ~split["exam"].duplicated(keep=False)
    spare = hc_mm[(fold == "train") & alone].sort_index()
    if not 0 < again.sum() <= len(spare):
        wanted = "exams with several test images, and as many training images to exchange"
        raise ValueError(f"split: expected {wanted}; got {again.sum()} and {len(spare)}")
    for row in split.index[again]:
        nearest = (spare - hc_mm[row]).abs().idxmin()
        spare = spare.drop(nearest)
        fold[nearest], fold[row] = UNUSED, "train"
    return _split(split, fold)


def leakage(split: pd.DataFrame) -> float:
    """The fraction of test images whose exam has an image in train (``exam, fold`` are the columns used).

    >>> leakage(pd.DataFrame({"exam": [1, 1, 2, 3], "fold": ["train", "test", "test", "validation"]}))
    0.5
    """
    test = split.loc[split["fold"] == "test", "exam"]
    if test.empty:
        raise ValueError("split: expected test images, got none")
    return float(test.isin(split.loc[split["fold"] == "train", "exam"]).mean())


def _deal(frame: pd.DataFrame, shares: NDArray[np.float64], *, seed: int) -> pd.Series:
    """The number of the part that each image goes to, whole exams at a time (:func:`make_split` says how)."""
    exams = frame.groupby("exam", as_index=False).agg(hc_mm=("hc_mm", "mean"), n=("hc_mm", "size"))
    rng = np.random.default_rng(seed)
    filled = np.zeros(len(shares))
    part_of: dict[int, int] = {}
    for n, alike in exams.sort_values(["hc_mm", "exam"]).groupby("n"):
        for start in range(0, len(alike), _STRATUM):
            for exam in rng.permutation(alike["exam"].to_numpy()[start : start + _STRATUM]):
                part = int((shares * (filled.sum() + n) - filled).argmax())
                filled[part] += n
                part_of[int(exam)] = part
    return frame["exam"].map(part_of)


def _split(frame: pd.DataFrame, fold: pd.Series) -> pd.DataFrame:
    columns = {"filename": frame["filename"], "exam": frame["exam"], "fold": fold}
    return pd.DataFrame(columns).reset_index(drop=True)


def _check(frame: pd.DataFrame, fractions: Sequence[float]) -> NDArray[np.float64]:
    """Raise ``ValueError`` for unusable arguments; return the fractions as an array."""
    missing = {"filename", "exam", "hc_mm"} - set(frame.columns)
    if missing:
        raise ValueError(f"frame: expected the columns filename, exam and hc_mm, got {list(frame.columns)}")
    if frame.empty or frame["filename"].duplicated().any():
        raise ValueError("frame: expected at least one image and each only once")
    if frame["hc_mm"].isna().any():
        raise ValueError("frame: expected hc_mm of every image, got rows without (it stratifies the split)")
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.shape != (len(FOLDS),) or (shares < 0).any() or not np.isclose(shares.sum(), 1):
        raise ValueError(f"fractions: expected three shares (train, validation, test) of 1, got {fractions}")
    return shares
