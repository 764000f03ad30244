"""What is described: differences seed by seed, on hand-made runs and on those of the study."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fetalseg_book.figures import described
from fetalseg_lib.study import tables
from fetalseg_lib.study.profile import load_profile

RESULTS = Path(__file__).parents[2] / "results"


def runs(*rows: tuple[str, int, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"variant": variant, "seed": seed, "dice": dice, "error": 2.0, "signed": 0.0}
            for variant, seed, dice in rows
        ]
    )


def test_only_the_seeds_that_both_have_are_compared() -> None:
    frame = runs(("a", 1, 97.0), ("a", 0, 96.0), ("b", 0, 96.5), ("b", 2, 90.0))
    found = described.differences(frame, "b", reference="a")
    assert found["dice"].to_dict() == {0: 0.5}


def test_without_a_common_seed_there_is_no_difference() -> None:
    with pytest.raises(ValueError, match="expected a seed that b and a share"):
        described.differences(runs(("a", 0, 97.0), ("b", 1, 97.0)), "b", reference="a")


def test_a_named_study_is_collected_alone() -> None:
    frame = described.collect(RESULTS, "note_schedule")
    assert set(frame["variant"]) == set(load_profile("note_schedule").variants)
    assert set(described.collect(RESULTS)["variant"]) > set(frame["variant"])


def test_the_table_is_that_of_the_images() -> None:
    frame = described.collect(RESULTS).set_index(["variant", "seed"])
    images = tables.collect_per_image(RESULTS / "one_fold" / "descriptive" / "hc18" / "stem_mean")
    by_seed = images.groupby("seed")
    for seed, group in by_seed:
        row = frame.loc[("stem_mean", seed)]
        assert row["dice"] == pytest.approx(100 * group["dice"].mean())
        assert row["error"] == pytest.approx(group["hc_error_mm"].abs().mean())
        assert row["signed"] == pytest.approx(group["hc_error_mm"].mean())
