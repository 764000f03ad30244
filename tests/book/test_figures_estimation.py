"""Figures of uncertainty, on records made by hand: what is drawn, where, in which order, in which words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats

from fetalseg_book.figures import agreement, estimation
from fetalseg_book.stats import ConformalInterval, compare, mean_intervals
from fetalseg_book.studies.seed_noise import pooled_seed_noise
from fetalseg_book.studies.simulation import DESIGNS, rejection_plot, simulate
from fetalseg_lib.study import records

mpl.use("Agg")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def study(effects: dict[str, list[float]]) -> pd.DataFrame:
    """Four images in three exams; a run's scores are 0.8, 0.9, 0.85 and 0.95 plus what its seed adds."""
    images = pd.DataFrame(
        {"name": list("abcd"), "exam": [1, 1, 2, 3], "dice": [0.8, 0.9, 0.85, 0.95], "failed": False}
    )
    runs = [
        images.assign(variant=variant, seed=seed, dice=images["dice"] + offset)
        for variant, offsets in effects.items()
        for seed, offset in enumerate(offsets)
    ]
    return pd.concat(runs, ignore_index=True)


TWO = study({"plain": [0.0, 0.01], "worse": [-0.20, -0.22], "better": [0.02, 0.04], "equal": [0.01, 0.0]})
THREE = study({"plain": [0.0, 0.01, 0.02], "better": [0.02, 0.04, 0.03]})


def heads(measured: list[float], annotated: list[float], failed: list[bool] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {"hc_mm": measured, "hc_reference_mm": annotated, "failed": failed or [False] * len(measured)}
    ).assign(variant="plain")


def points(figure: Figure, marker: str) -> list[np.ndarray[Any, Any]]:
    """The x values of each line drawn with ``marker``, from the top rung down."""
    lines = [line for line in figure.axes[0].lines if line.get_marker() == marker]
    lines.sort(key=lambda line: float(np.mean(line.get_ydata())))
    return [np.asarray(line.get_xdata(), dtype=float) for line in lines]


def rungs(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


# The estimation plot


def test_every_seed_is_a_point_and_the_mean_has_its_interval_beside_it() -> None:
    intervals = mean_intervals(TWO, "dice", resamples=100)
    figure = estimation.estimation_plot(TWO, intervals, "dice", order=["better", "plain"])
    assert rungs(figure) == ["better", "plain"]
    seeds, means = points(figure, "o"), points(figure, "D")
    np.testing.assert_allclose(seeds[0], [0.895, 0.915])  # 0.875 on average, plus what the seed adds
    np.testing.assert_allclose(seeds[1], [0.875, 0.885])
    np.testing.assert_allclose(np.ravel(means), [0.905, 0.88])
    (bar, _) = (container[2][0] for container in figure.axes[0].containers)
    drawn = bar.get_segments()[0][:, 0]
    expected = intervals.set_index("variant").loc["better", ["low", "high"]].astype(float)
    np.testing.assert_allclose(drawn, expected)


def test_a_variant_without_interval_is_named() -> None:
    intervals = mean_intervals(TWO, "dice", resamples=10)
    with pytest.raises(ValueError, match=r"order: expected variants out of .*; got unknown"):
        estimation.estimation_plot(TWO, intervals, "dice", order=["plain", "unknown"])


# The forest plot


def test_forest_is_ordered_by_effect_from_the_top() -> None:
    figure = estimation.forest_plot(TWO, compare(TWO, "dice", baseline="plain"), "dice")
    assert [rung.splitlines()[0] for rung in rungs(figure)] == ["better", "equal", "worse"]
    np.testing.assert_allclose(np.ravel(points(figure, "D")), [0.025, 0.0, -0.215], atol=1e-12)
    np.testing.assert_allclose(points(figure, "o")[2], [-0.20, -0.23])  # differences of matched seeds


def test_two_seeds_are_called_descriptive_and_get_no_interval() -> None:
    figure = estimation.forest_plot(TWO, compare(TWO, "dice", baseline="plain"), "dice")
    assert {rung.splitlines()[1] for rung in rungs(figure)} == {"2 seeds, descriptive"}
    assert all(len(container[2]) == 0 for container in figure.axes[0].containers)


def test_three_seeds_get_the_t_interval_of_their_differences() -> None:
    figure = estimation.forest_plot(THREE, compare(THREE, "dice", baseline="plain"), "dice")
    assert rungs(figure) == ["better\n3 seeds, not significant"]
    differences = np.array([0.02, 0.03, 0.01])
    half = stats.t.ppf(0.975, 2) * differences.std(ddof=1) / np.sqrt(3)
    (container,) = figure.axes[0].containers
    np.testing.assert_allclose(container[2][0].get_segments()[0][:, 0], [0.02 - half, 0.02 + half])


def test_noise_is_a_band_around_zero_on_each_rung_and_says_what_it_is() -> None:
    noise = {"worse": 0.03, "better": 0.01, "equal": 0.0}
    figure = estimation.forest_plot(TWO, compare(TWO, "dice", baseline="plain"), "dice", noise=noise)
    ends = [(box.get_x(), box.get_x() + box.get_width()) for box in figure.axes[0].patches]
    np.testing.assert_allclose(ends, [(-0.01, 0.01), (0, 0), (-0.03, 0.03)])  # better, equal, worse
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["noise of seeds alone"]


def test_seed_noise_is_pooled_over_the_variants() -> None:
    """Variances 0.00005, 0.0002, 0.0002 and 0.00005 of two seeds each: their mean, 4 degrees of freedom."""
    noise = pooled_seed_noise(TWO, "dice")
    assert noise.sd == pytest.approx(np.sqrt(0.000125))
    assert noise.freedom == 4
    assert noise.low < noise.sd < noise.high


def test_seed_noise_band_holds_the_difference_of_two_equal_variants() -> None:
    """Four variants of two seeds without any difference: 95 % of the pairs lie within the band."""
    generator = np.random.default_rng(1)
    inside = []
    for _ in range(400):
        seeds = generator.normal(0, 0.01, (4, 2))
        frame = study({name: list(offsets) for name, offsets in zip("abcd", seeds, strict=True)})
        inside.append(
            abs(seeds[0].mean() - seeds[1].mean()) <= pooled_seed_noise(frame, "dice").band(seeds=2)
        )
    assert 0.92 <= np.mean(inside) <= 0.98


# Agreement


def test_limits_of_agreement_by_hand() -> None:
    """Errors 1, 3 and 5 mm: bias 3, SD 2, limits 3 ± 1.96 x 2."""
    found = agreement.limits_of_agreement(heads([151, 203, 205], [150, 200, 200])).set_index("group")
    assert found.loc["all", ["bias", "sd", "low", "high"]].tolist() == pytest.approx(
        [3, 2, 3 - 1.959964 * 2, 3 + 1.959964 * 2], abs=1e-5
    )
    assert found.index.tolist() == ["all", "second trimester"]


def test_limits_in_each_trimester_are_those_of_its_heads_alone() -> None:
    small, large = [81.0, 83.0], [290.0, 294.0]
    found = agreement.limits_of_agreement(heads(small + large, [80, 80, 300, 300])).set_index("group")
    assert found.loc["first trimester", "bias"] == 2
    assert found.loc["third trimester", ["bias", "sd"]].tolist() == pytest.approx([-8, np.sqrt(8)])


def test_a_head_that_was_not_found_is_counted_and_does_not_widen_the_limits() -> None:
    found = agreement.limits_of_agreement(heads([151, 153, 0], [150, 150, 150], [False, False, True]))
    assert found.loc[0, ["bias", "images", "failures"]].tolist() == [2, 3, 1]


def test_one_head_has_no_limits() -> None:
    assert agreement.limits_of_agreement(heads([151], [150]))[["bias", "low"]].isna().all(axis=None)


def test_bland_altman_draws_error_against_the_mean_of_both() -> None:
    axes = agreement.bland_altman(heads([152, 206], [150, 200])).axes[0]
    (line,) = (line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(line.get_xdata(), [151, 203])
    np.testing.assert_allclose(line.get_ydata(), [2, 6])
    heights = [segment[0, 1] for lines in axes.collections for segment in lines.get_segments()]
    half = 1.959964 * np.sqrt(8)
    assert heights == pytest.approx([4, 4 - half, 4 + half], abs=1e-5)


def test_error_by_size_has_a_panel_for_each_variant_and_leaves_out_failures() -> None:
    frame = heads([102, 204, 0], [100, 200, 300], [False, False, True])
    figure = agreement.error_by_size(frame, order=["plain"], groups=2)
    (axes,) = (axes for axes in figure.axes if axes.get_title(loc="left") + axes.get_title() == "plain")
    dots, medians = (line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(dots.get_ydata(), [2, 4])
    np.testing.assert_allclose(medians.get_xdata(), [100, 200])


def test_heads_outside_the_interval_of_their_size_are_crossed_out() -> None:
    """Half widths of 2 mm below 150 mm and 6 mm above: the second head is outside, the others are not."""
    interval = ConformalInterval(level=0.9, edges_mm=(150.0,), half_widths_mm=(2.0, 6.0), exams=(9, 9))
    axes = agreement.interval_check(heads([101, 103, 205], [100, 100, 200]), interval).axes[0]
    (inside,) = (line for line in axes.lines if line.get_marker() == "o")
    (outside,) = (line for line in axes.lines if line.get_marker() == "X")
    np.testing.assert_allclose(inside.get_xdata(), [101, 205])
    np.testing.assert_allclose(outside.get_ydata(), [3])


# The kept simulation


def test_rejection_plot_shows_each_share_with_its_interval() -> None:
    """Wilson's interval of 5 in 100 is 0.0215 to 0.1118 (Newcombe 1998)."""
    rates = pd.DataFrame({"seeds": [3], "significant": [0.05], "wilcoxon": [0.5]})
    axes = rejection_plot(rates, studies=100).axes[0]
    ours, wilcoxon = (container[2][0].get_segments()[0][:, 0] for container in axes.containers)
    np.testing.assert_allclose(ours, [0.0215, 0.1118], atol=5e-5)
    np.testing.assert_allclose(wilcoxon.mean(), 0.5)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["3 seeds"]


def test_kept_simulation_shows_what_the_chapter_says_of_it() -> None:
    """Without an effect ours near 5 %, Wilcoxon above 30 %; intervals cover 93 to 97 %.

    Whether an interval holds the truth does not depend on how large the effect is, so all designs count.
    The difference's interval covers 95 % within three errors; the mean's may be a little wide.
    """
    kept = records.read_json(ROOT / "results" / "analysis" / "rejection_rates.json")
    rates = pd.DataFrame(kept["rates"])
    assert [(row.seeds, row.effect) for row in rates.itertuples()] == list(DESIGNS)
    margin = 3 * np.sqrt(0.05 * 0.95 / kept["studies"])
    nothing = rates[rates["effect"] == 0]
    assert (nothing["significant"] - 0.05).abs().max() < margin
    assert nothing["wilcoxon"].min() > 0.3
    assert abs(rates["difference_covered"].mean() - 0.95) < margin / np.sqrt(len(rates))
    for interval in ("difference_covered", "mean_covered"):
        assert rates[interval].between(0.93, 0.97).all()


def test_simulation_is_reproducible_number_for_number() -> None:
    assert simulate(3, designs=[(3, 0.0)]) == simulate(3, designs=[(3, 0.0)])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: agreement.limits_of_agreement(heads([1], [1]), level=1.0), "level", id="level of one"
        ),
        pytest.param(lambda: agreement.limits_of_agreement(heads([], [])), "frame", id="no image"),
        pytest.param(
            lambda: estimation.forest_plot(
                TWO, compare(TWO, "dice", baseline="plain"), "dice", noise={"better": -1}
            ),
            "noise",
            id="negative and missing noise",
        ),
        pytest.param(
            lambda: pooled_seed_noise(TWO, "dice", variants=["other"]), "variants", id="noise of none"
        ),
        pytest.param(lambda: pooled_seed_noise(study({"plain": [0.0]}), "dice"), "two seeds", id="one seed"),
        pytest.param(lambda: pooled_seed_noise(TWO, "dice").band(seeds=0), "seeds", id="no seeds"),
        pytest.param(lambda: simulate(0), "studies", id="no studies"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
