"""What a difficulty costs and what a warning is worth, from hand-made rows; and the committed table."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fetalseg_book.studies.robustness.degrade import IMAGE_KNOBS
from fetalseg_book.studies.robustness.figures import ENDS, by_knob, ends
from fetalseg_book.studies.robustness.measure import (
    LEVELS,
    USUAL,
    conditions,
    judge,
    measure_phantoms,
    measure_real,
)
from fetalseg_book.studies.robustness.summary import (
    costs,
    is_bad,
    kinds_of_warning,
    verdicts,
    warnings,
)
from fetalseg_book.studies.spread import spread_rows
from fetalseg_lib.apply.trained import TrainedNetwork
from fetalseg_lib.data import hc18, phantom
from fetalseg_lib.data.phantom import KNOBS
from fetalseg_lib.study.records import read_json

RESULTS = Path(__file__).parents[2] / "results" / "robustness"


class _Threshold(torch.nn.Module):
    """A head is whatever is brighter than half."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return 20 * (image - 0.5)


@pytest.fixture
def network() -> TrainedNetwork:
    return TrainedNetwork(model=_Threshold(), image_size=(64, 96), data="x", sha256="", training_range=None)


def _disc(n: int) -> list:
    """Samples whose head is brighter than half, and nothing else is."""
    samples = []
    for drawn in phantom.generate(n, seed=0, size=(108, 160)):
        image = np.where(drawn.mask, 200, 60).astype(np.uint8)
        samples.append(
            phantom.Phantom(**{**{name: getattr(drawn, name) for name in drawn.__dict__}, "image": image})
        )
    return samples


# From images to rows


def test_each_knob_is_turned_alone() -> None:
    for condition in conditions(KNOBS):
        turned = {name: getattr(condition.severity, name) for name in KNOBS}
        expected = {} if condition.knob == USUAL else {condition.knob: condition.level}
        assert {name: value for name, value in turned.items() if value} == expected
    assert len(conditions(KNOBS)) == 1 + len(KNOBS) * len(LEVELS)


def test_rows_of_real_images_say_what_was_found(network: TrainedNetwork) -> None:
    frame = measure_real(network, _disc(2))
    assert len(frame) == 2 * (1 + len(IMAGE_KNOBS) * len(LEVELS))
    usual = frame[frame["knob"] == USUAL]
    assert (usual["dice"] > 0.95).all()
    assert (usual["flags"] == "").all()
    # 18 dB of 55 are 83 grey levels: 200 becomes 117, less than half, and no head is left
    dark = frame[(frame["knob"] == "gain") & (frame["severity"] == 1)]
    assert dark["failed"].all()
    assert (dark["hc_error_mm"] == -dark["hc_reference_mm"]).all()
    assert (dark["dice"] == 0).all()
    assert dark["flags"].str.startswith("no head").all()


def test_phantoms_are_the_same_heads_at_every_severity(network: TrainedNetwork) -> None:
    frame = measure_phantoms(network, 2, seed=0, size=(64, 96))
    assert len(frame) == 2 * (1 + len(KNOBS) * len(LEVELS))
    spread = frame.groupby("name")["hc_reference_mm"].agg(["min", "max"])
    assert len(spread) == 2
    assert (spread["min"] == spread["max"]).all()
    assert set(frame["kind"]) == {"phantom"}


def test_a_sample_without_a_mask_is_no_test() -> None:
    sample = phantom.generate(1, seed=0, size=(64, 96))[0]
    hidden = type(sample)(**{**sample.__dict__, "mask": None, "hc_mm": None})
    with pytest.raises(ValueError, match=r"000_HC\.png: expected a mask"):
        judge(None, hidden)  # type: ignore[arg-type]


# From rows to answers


def _rows(values: list[tuple[str, float, str, float, float, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(values, columns=["knob", "severity", "name", "dice", "hc_error_mm", "flags"])
    return frame.assign(kind="real", exam=frame["name"], failed=frame["hc_error_mm"] < -99)


FRAME = _rows(
    [
        (USUAL, 0, "a", 0.9, 1, ""),
        (USUAL, 0, "b", 0.7, 2, ""),
        ("gain", 0.5, "a", 0.8, -3, "outside the training range: mean grey 5"),
        ("gain", 0.5, "b", 0.6, 4, ""),
        ("gain", 1.0, "a", 0.8, 12, ""),
        ("gain", 1.0, "b", 0.0, -180, "no head (empty)"),
    ]
)


def test_a_cost_is_paired_with_the_same_image() -> None:
    found = costs(FRAME, "dice").set_index("severity")
    assert found["change"].tolist() == pytest.approx([0, -0.1, -0.4])
    assert found["mean"].tolist() == pytest.approx([0.8, 0.7, 0.4])
    assert found["failures"].tolist() == [0, 0, 1]
    assert found["flagged"].tolist() == [0, 1, 1]
    # both lose 0.1: nothing is uncertain; one loses 0.1 and the other 0.7: much is
    assert found.loc[0.5, "high"] - found.loc[0.5, "low"] == pytest.approx(0, abs=1e-9)
    assert found.loc[1.0, "low"] < -0.4 < found.loc[1.0, "high"]


def test_a_cost_needs_the_image_as_it_is() -> None:
    with pytest.raises(ValueError, match="b is missing there"):
        costs(FRAME.drop(index=1), "dice")


def test_bad_is_too_far_or_not_found() -> None:
    assert is_bad(FRAME, 10).tolist() == [False, False, False, False, True, True]
    assert is_bad(FRAME, 200).tolist() == [False] * 5 + [True]


def test_warnings_are_counted_among_bad_and_good() -> None:
    found = warnings(FRAME, tolerance_mm=10)
    assert (found["bad"], found["flagged"], found["silent"]) == (2, 2, 1)
    assert found["caught"] == 0.5
    assert found["false_alarms"] == 0.25
    # Wilson's interval of 1 in 2, by the formula
    z = 1.959964
    half = z / (1 + z**2 / 2) * math.sqrt(0.25 / 2 + z**2 / 16)
    assert found["caught_low"] == pytest.approx(0.5 - half, abs=1e-5)
    assert math.isnan(warnings(FRAME[:2], tolerance_mm=10)["caught"])


def test_every_measurement_ends_somewhere() -> None:
    found = verdicts(FRAME, tolerance_mm=10).set_index(["knob", "severity"])
    assert found.loc[("gain", 1.0), list(ENDS)].tolist() == [0, 0, 1, 1]
    assert found.loc[("gain", 0.5), list(ENDS)].tolist() == [1, 1, 0, 0]
    assert found[list(ENDS)].sum(axis=1).eq(2).all()


def test_kinds_of_warning_are_told_apart() -> None:
    found = kinds_of_warning(FRAME["flags"])
    assert found["range"].tolist() == [False, False, True, False, False, False]
    assert found["no head"].sum() == 1


def test_figures_have_a_panel_for_each_knob_and_a_bar_for_each_end() -> None:
    drawn = by_knob(costs(FRAME, "dice"), label="change", columns=2)
    titles = ["".join(axes.get_title(loc=loc) for loc in ("left", "center")) for axes in drawn.axes]
    assert titles == ["gain", ""]  # wherever the style in force puts them
    table = verdicts(FRAME[FRAME["knob"] == "gain"], tolerance_mm=10)
    (panel,) = ends(table[table["severity"] == 1]).axes
    assert [bar.get_width() for bar in panel.patches] == [0, 0, 50, 50]


# The committed table


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "per_image.csv", keep_default_na=False, na_values=[])


def test_committed_table_has_every_condition(committed: pd.DataFrame) -> None:
    record = read_json(RESULTS / "robustness.json")
    for kind in ("real", "phantom"):
        part = committed[committed["kind"] == kind]
        sizes = part.groupby(["knob", "severity"]).size()
        assert set(sizes) == {record[kind]["images"]}
        assert len(sizes) == 1 + len(record[kind]["knobs"]) * len(LEVELS)


def test_committed_usual_images_are_measured_as_in_the_networks_own_test(committed: pd.DataFrame) -> None:
    tested = pd.read_csv(
        RESULTS.parent / "one_fold/demonstration/hc18/trainable_encoder/seed-0/per_image.csv"
    )
    usual = committed[(committed["kind"] == "real") & (committed["knob"] == USUAL)].set_index("name")
    expected = tested.set_index("name").loc[usual.index]
    # the run itself computed with weights of full precision
    np.testing.assert_allclose(usual["dice"], expected["dice"], atol=2e-3)
    np.testing.assert_allclose(usual["hc_reference_mm"], expected["hc_reference_mm"])


@pytest.mark.hc18
def test_committed_real_images_are_spread_over_the_test_fold(
    committed: pd.DataFrame, hc18_root: Path
) -> None:
    samples = hc18.load(hc18_root)
    names = committed.loc[committed["kind"] == "real", "name"].unique()
    rows = spread_rows(samples, len(names), fold="test")
    assert set(samples.table["name"].iloc[rows]) == set(names)
