"""A dataset knows its images and its split, and a run names one of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fetalseg_lib.data import phantom, splits
from fetalseg_lib.data.named import (
    DATA_SEED,
    Dataset,
    HC18Dataset,
    PhantomDataset,
    dataset_named,
    dataset_of,
)
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.profile import load_profile


def index_of(split: pd.DataFrame) -> pd.DataFrame:
    sizes = np.random.default_rng(0).uniform(60, 300, len(split))
    return pd.DataFrame({"name": split["filename"], "exam": split["exam"], "hc_mm": sizes})


@pytest.mark.parametrize(
    ("name", "kind", "drawn", "committed"),
    [
        ("phantom", PhantomDataset, True, False),
        ("hc18", HC18Dataset, False, True),
        ("own-0123456789ab", Dataset, False, False),
    ],
)
def test_a_name_stands_for_one_dataset(name: str, kind: type[Dataset], drawn: bool, committed: bool) -> None:
    dataset = dataset_named(name)
    assert (type(dataset), dataset.name) == (kind, name)
    assert (dataset.drawn, dataset.committed, dataset.attribution is not None) == (
        drawn,
        committed,
        committed,
    )


@pytest.mark.parametrize("fold", [None, 3])
def test_hc18_has_the_committed_split_and_others_are_dealt_out(fold: int | None) -> None:
    index = index_of(splits.load("hc18"))
    known, dealt = (dataset_named(name).split(index, fold=fold) for name in ("hc18", "phantom"))
    if fold is None:
        pd.testing.assert_frame_equal(known, splits.load("hc18"))
    parts = splits.load_folds().set_index("filename")
    tested = known.loc[known["fold"] == "test", "filename"]
    assert fold is None or set(parts.loc[tested, "fold"]) == {fold}
    assert set(dealt["filename"]) == set(known["filename"])
    assert not dealt.set_index("filename")["fold"].equals(known.set_index("filename")["fold"])
    assert dealt.groupby("exam")["fold"].nunique().max() == 1


def test_a_run_draws_the_phantoms_of_its_profile() -> None:
    profile = dataclasses.replace(load_profile("smoke"), phantom_without=("shadow",))
    run = configure(variant="unet", seed=1, profile=profile, data="phantom")
    assert run.dataset == PhantomDataset(
        count=profile.phantoms, size=profile.phantom_size, without=("shadow",)
    )
    expected = phantom.generate(1, seed=DATA_SEED, size=profile.phantom_size, without=("shadow",))
    np.testing.assert_array_equal(run.dataset.samples()[0].image, expected[0].image)


def test_the_images_must_be_those_of_the_name(tmp_path: Path) -> None:
    phantom.write_folder(phantom.generate(2, seed=3, size=(64, 96)), tmp_path / "heads")
    own = dataset_of(tmp_path / "heads")
    assert type(own) is Dataset
    assert len(own.samples(tmp_path / "heads")) == 2
    with pytest.raises(ValueError, match=f"expected the images of own-0, but these are {own.name}"):
        Dataset(name="own-0").samples(tmp_path / "heads")
