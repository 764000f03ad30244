"""Effect against cost: who is beaten, by the definition itself, and what the figure and the tables show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetalseg_book.figures import pareto
from fetalseg_lib.study import records

mpl.use("Agg")

COMPARISON = pd.DataFrame(
    [
        ("unet", -0.020, -0.030, -0.010, 6, "significant"),
        ("no_aspp", 0.001, -0.002, 0.004, 6, "not significant"),
        ("trainable_encoder", 0.012, 0.008, 0.016, 6, "significant"),
        ("as_released", -0.001, np.nan, np.nan, 1, "descriptive"),
    ],
    columns=["variant", "difference", "low", "high", "seeds", "verdict"],
).assign(baseline="proposed")
COSTS = pd.DataFrame(
    {
        "variant": ["proposed", "unet", "no_aspp", "trainable_encoder", "as_released"],
        "parameters": [10e6, 8e6, 6e6, 10e6, 25e6],
        "gflops": [8.0, 24.0, 7.0, 8.0, 10.0],
        "float32_mb": 1.0,  # not a cost that is shown
    }
)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_a_point_is_on_the_front_unless_another_is_no_dearer_no_worse_and_not_the_same(
    points: list[tuple[int, int]],
) -> None:
    cost, effect = np.array(points, dtype=float).T
    expected = [
        not any(c <= cost_ and e >= effect_ and (c, e) != (cost_, effect_) for c, e in points)
        for cost_, effect_ in points
    ]
    assert pareto.front(cost, effect).tolist() == expected


def test_figure_has_a_panel_for_each_cost_and_joins_the_front() -> None:
    figure = pareto.pareto_plot(COMPARISON, COSTS, "dice")
    parameters, gflops = figure.axes
    assert parameters.get_xlabel() == "parameters"
    assert gflops.get_xlabel() == "GFLOP of one image"
    (line,) = [line for line in parameters.lines if line.get_label() == "the front"]
    # By hand: no_aspp is the smallest, trainable_encoder the best; nothing else is unbeaten.
    assert line.get_xydata().tolist() == [[6e6, 0.001], [10e6, 0.012]]
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {"the front", *COSTS["variant"]}
    hollow = {
        line.get_label()
        for line in gflops.lines
        if line.get_markerfacecolor() == "none" and line.get_label() in set(COSTS["variant"])
    }
    assert hollow == {"proposed", "unet", "as_released"}


def test_bars_are_the_intervals_of_what_was_tested() -> None:
    axes = pareto.pareto_plot(COMPARISON, COSTS[["variant", "gflops"]], "dice").axes[0]
    bars = [line.get_ydata() for line in axes.lines if line.get_color() == "0.6"]
    assert sorted(map(tuple, bars)) == [(-0.03, -0.01), (-0.002, 0.004), (0.008, 0.016)]


def test_marks_stay_the_same_where_a_figure_has_fewer_variants() -> None:
    def mark(comparison: pd.DataFrame) -> str:
        axes = pareto.pareto_plot(comparison, COSTS, "dice", marks=["unet", "no_aspp"]).axes[0]
        (line,) = [line for line in axes.lines if line.get_label() == "no_aspp"]
        return str(line.get_marker())

    assert mark(COMPARISON) == mark(COMPARISON.query("variant == 'no_aspp'"))


def test_a_band_of_noise_takes_the_place_of_the_bars() -> None:
    axes = pareto.pareto_plot(COMPARISON, COSTS[["variant", "gflops"]], "dice", noise=0.003).axes[0]
    assert not [line for line in axes.lines if line.get_color() == "0.6"]
    (band,) = axes.patches
    assert band.get_extents().transformed(axes.transData.inverted()).intervaly == pytest.approx(
        [-0.003, 0.003]
    )


def test_every_variant_stands_in_exactly_one_table_of_the_same_columns() -> None:
    found = pareto.by_outcome(COMPARISON, COSTS)
    names = {outcome: table["variant"].tolist() for outcome, table in found.items()}
    assert names == {
        pareto.BETTER: ["trainable_encoder"],
        pareto.WORSE: ["unet"],
        pareto.ALIKE: ["no_aspp", "as_released"],
    }
    assert len({tuple(table.columns) for table in found.values()}) == 1


def test_costs_are_told_as_changes_from_the_baseline() -> None:
    alike = pareto.by_outcome(COMPARISON, COSTS)[pareto.ALIKE].set_index("variant")
    assert alike.loc["no_aspp", "parameters_change"] == pytest.approx(-0.4)
    assert alike.loc["as_released", "gflops_change"] == pytest.approx(0.25)
    assert "1×1 projection" in alike.loc["no_aspp", "changes"]


def test_minutes_of_training_are_means_over_the_runs(tmp_path: Path) -> None:
    for variant, seed, seconds in (("unet", 0, 60), ("unet", 1, 180), ("proposed", 0, 30)):
        folder = tmp_path / variant / f"seed-{seed}"
        folder.mkdir(parents=True)
        records.write_json(folder / records.ENVIRONMENT, {"seconds": {"training": seconds}})
        records.write_json(folder / records.METRICS, {"variant": variant})
    found = pareto.training_minutes(tmp_path).set_index("variant")["training_minutes"]
    assert found.to_dict() == {"proposed": 0.5, "unet": 2.0}


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        (COSTS.drop(columns=["parameters", "gflops"]), "expected variant and some of parameters"),
        (COSTS.drop(columns="variant"), "expected variant and some of"),
        (COSTS.query("variant != 'unet'"), "none of unet"),
        (COSTS.assign(gflops=[8.0, 24.0, np.nan, 8.0, 10.0]), "none of no_aspp"),
        (COSTS.query("variant != 'proposed'"), "none of proposed"),
    ],
)
def test_missing_costs_are_refused(costs: pd.DataFrame, message: str) -> None:
    for function in (pareto.by_outcome, lambda *given: pareto.pareto_plot(*given, "dice")):
        with pytest.raises(ValueError, match=message):
            function(COMPARISON, costs)
