"""Two trainings set against each other, on the records of the studies and against their tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fetalseg_book.figures.paired import matched, paired
from fetalseg_lib.study import tables

RESULTS = Path(__file__).parents[2] / "results"
LONG, SHORT = ("unet", "note_schedule"), ("unet", "published")


def test_difference_is_that_of_the_means_of_the_common_seeds() -> None:
    runs = {
        study: pd.read_csv(RESULTS / "one_fold" / study / "hc18" / "tables" / "runs.csv").set_index(
            ["variant", "seed"]
        )
        for study in ("longer", "published")
    }
    long, short = (table.loc["unet", "dice_mean"] for table in runs.values())
    row = paired(RESULTS, ("unet", "longer"), SHORT, "dice")
    assert len(long) < len(short)  # so only the seeds of both count
    assert row["difference"] == pytest.approx((long - short.loc[long.index]).mean(), abs=1e-7)
    assert row["low"] < row["difference"] < row["high"]


def test_named_seeds_alone_are_compared() -> None:
    frame = matched(RESULTS, LONG, SHORT, seeds=[4, 2])
    assert set(frame["seed"]) == {2, 4}
    assert set(frame["variant"]) == {"one", "other"}
    assert (frame["hc_abs_error_mm"] == frame["hc_error_mm"].abs()).all()
    images = tables.collect_per_image(RESULTS / "one_fold" / "published" / "hc18" / "unet")
    assert len(frame) == 4 * images["name"].nunique()


def test_the_other_way_round_only_the_sign_changes() -> None:
    there, back = (paired(RESULTS, *pair, "dice") for pair in ((LONG, SHORT), (SHORT, LONG)))
    assert there["difference"] == pytest.approx(-back["difference"])
    assert there["low"] == pytest.approx(-back["high"])


@pytest.mark.parametrize("seeds", [[77], []])
def test_without_a_common_seed_there_is_nothing_to_compare(seeds: list[int]) -> None:
    with pytest.raises(ValueError, match=r"expected one that .*unet.* share, got none"):
        matched(RESULTS, LONG, SHORT, seeds=seeds)
