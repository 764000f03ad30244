"""The table of what is described, on runs made by hand: means, differences, stars, words."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from scipy import stats

from fetalseg_book.figures import tables

RUNS = pd.DataFrame(
    [
        # The seeds of `proposed` have a standard deviation of 0.1 in both.
        ("proposed", 0, 97.0, 2.5, 0.0),
        ("proposed", 1, 97.1, 2.4, 0.0),
        ("proposed", 2, 97.2, 2.6, 0.0),
        ("no_skip_se", 0, 97.1, 2.5, 0.0),
        ("no_skip_se", 1, 97.0, 2.4, 0.0),
        ("unet", 0, 96.0, 9.0, 0.0),
        ("unet_pos_weight_200", 0, 90.0, 9.1, 0.0),
    ],
    columns=["variant", "seed", "dice", "error", "signed"],
)
FOUND = tables.beside(RUNS, dict.fromkeys(["unet_pos_weight_200", "no_skip_se"], "proposed"))


def test_a_variant_stands_beside_its_reference_on_the_seeds_of_both() -> None:
    row = FOUND.set_index("variant").loc["no_skip_se"]
    assert row["seeds"] == 2
    assert row["dice"] == pytest.approx(97.05)
    assert [row["dice_change"], row["error_change"]] == pytest.approx([0, 0])


def test_the_best_stands_first() -> None:
    assert list(FOUND["variant"]) == ["no_skip_se", "unet_pos_weight_200"]


def test_the_band_is_wider_for_fewer_seeds() -> None:
    one = stats.t.ppf(0.975, 2) * 0.1 * 2**0.5
    assert list(FOUND["dice_band"]) == pytest.approx([one / 2**0.5, one])
    assert list(FOUND["error_band"]) == pytest.approx([one / 2**0.5, one])


def test_a_variant_can_stand_beside_its_own_reference() -> None:
    (row,) = tables.beside(RUNS, {"unet_pos_weight_200": "unet"}).to_dict("records")
    assert row["reference"] == "unet"
    assert [row["dice_change"], row["error_change"]] == pytest.approx([-6.0, 0.1])


def test_outside_counts_in_bands() -> None:
    assert list(tables.outside(FOUND, "dice")) == [False, True]
    assert list(tables.outside(FOUND, "error", times=20)) == [False, False]  # 6.6 mm; the band is 0.6


def test_the_table_marks_what_is_outside_and_names_another_reference() -> None:
    table: Any = tables.described_table(FOUND)
    shown = table.data.set_index("variant")
    near, far = shown.loc["no_<wbr>skip_<wbr>se"], shown.loc["unet_<wbr>pos_<wbr>weight_<wbr>200"]
    assert [near["change (points)"], near["change (mm)"]] == ["+0.00", "+0.00"]
    assert [far["change (points)"], far["change (mm)"]] == ["-7.00*", "+6.60*"]
    assert far["what it changes"].endswith("(against unet)")
    assert "against" not in near["what it changes"]


def test_runs_without_a_common_seed_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a seed that no_skip_se and other share"):
        tables.beside(RUNS, {"no_skip_se": "other"})
