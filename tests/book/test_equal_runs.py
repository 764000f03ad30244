"""Equal trainings paired anew: nothing is found where there is nothing, as the committed rates say too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fetalseg_book.studies.equal_runs import Pool, detectable, pair_anew, read_pools, rejections
from fetalseg_lib.study import records

RESULTS = Path(__file__).parents[2] / "results"
MARGINS = {"dice": 0.2, "hc": 0.25}


def pool(shift: float = 0.0) -> Pool:
    """Six trainings that differ by luck alone, or the second three by ``shift``."""
    rng = np.random.default_rng(1)
    dice = rng.normal(97, 1, 200) + rng.normal(0, 0.3, (6, 200)) + np.repeat([0, shift], 3)[:, None]
    return Pool(dice=dice, hc=rng.normal(2, 1, (6, 200)), exam=np.repeat(np.arange(100), 2))


def test_a_training_stands_for_one_arm_only() -> None:
    """With three seeds an arm all six trainings are used, so that each fold's sum of differences is fixed."""
    apart = pool(shift=100.0)
    found = pair_anew(apart, seeds=3, rng=np.random.default_rng(0))
    assert {name: len(values) for name, values in found.items()} == {"dice": 15, "hc": 15}
    assert set(np.abs(np.round(found["dice"], -2))) <= {0.0, 100.0}
    for fold in found["dice"].reshape(5, 3):
        assert abs(np.round(fold, -2).sum()) in (100.0, 300.0)  # of three pairs an odd number crosses over


@pytest.mark.parametrize("seeds", [1, 3])
def test_where_there_is_nothing_about_five_in_a_hundred_are_told_apart(seeds: int) -> None:
    found = rejections({"a": pool()}, draws=400, seeds=seeds, overlap=0.0, margins=MARGINS)
    assert 0.02 < found["dice_mean"] < 0.09
    assert 0.02 < found["hc_mean"] < 0.09
    strict = rejections({"a": pool()}, draws=400, seeds=seeds, overlap=0.28, margins=MARGINS)
    assert strict["dice_mean"] < found["dice_mean"]


def test_more_seeds_detect_less_and_more_comparisons_more() -> None:
    one, three, many = (
        detectable({"a": pool()}, seeds=seeds, comparisons=n) for seeds, n in ((1, 1), (3, 1), (1, 22))
    )
    assert three["dice"] < one["dice"] < many["dice"]


def test_the_plan_rests_on_a_test_that_holds_its_level() -> None:
    """Between 3 and 7 % by each measure, whatever the number of seeds; the corrected one is far stricter."""
    made = records.read_json(RESULTS / "crossval" / "equal_runs.json")
    assert made["pools"] == list(read_pools(RESULTS))
    for row in made["rejections"]:
        rates = [row["dice_mean"], row["hc_mean"]]
        assert all(0.03 <= rate <= 0.07 for rate in rates) if row["overlap"] == 0 else max(rates) < 0.03
