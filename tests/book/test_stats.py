"""Comparisons and intervals against hand-worked tables, other estimators and studies of known truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fetalseg_book.stats import (
    compare,
    detectable_difference,
    mean_intervals,
    noise_floor,
    paired_differences,
)
from fetalseg_book.studies.simulate import rejection_rates, simulate_study


def records(scores: dict[str, list[list[float]]], exams: list[int] | None = None) -> pd.DataFrame:
    """Tidy records from ``scores[variant][seed][image]``."""
    rows = [
        {
            "variant": variant,
            "seed": seed,
            "name": f"{i}.png",
            "exam": exams[i] if exams else i,
            "dice": value,
        }
        for variant, runs in scores.items()
        for seed, run in enumerate(runs)
        for i, value in enumerate(run)
    ]
    return pd.DataFrame(rows)


STUDY = simulate_study(random_state=3, seeds=5, images=60)


# Comparison


def test_comparison_by_hand() -> None:
    """Differences of the means 0.1, 0.2, 0.3: t = 2 sqrt(3), two degrees of freedom."""
    frame = records({"a": [[0.4, 0.6], [0.5, 0.7], [0.3, 0.5]], "b": [[0.5, 0.7], [0.7, 0.9], [0.6, 0.8]]})
    row = compare(frame, "dice", baseline="a").iloc[0]
    assert row["difference"] == pytest.approx(0.2)
    assert row["p"] == pytest.approx(2 * stats.t.sf(2 * math.sqrt(3), 2))
    half = stats.t.ppf(0.975, 2) * 0.1 / math.sqrt(3)
    assert (row["low"], row["high"]) == pytest.approx((0.2 - half, 0.2 + half))
    assert (row["seeds"], row["images"], row["verdict"]) == (3, 2, "not significant")


def test_a_clear_difference_is_significant_in_both_directions() -> None:
    frame = simulate_study(random_state=1, images=60, effect=0.05)
    assert compare(frame, "dice", baseline="baseline")["verdict"].item() == "significant"
    back = compare(frame, "dice", baseline="variant").iloc[0]
    assert back["verdict"] == "significant"
    assert back["difference"] < 0


def test_holm_over_the_family_by_hand() -> None:
    generator = np.random.default_rng(0)
    base = generator.normal(0.9, 0.01, (6, 20))
    family = {
        name: base + shift + generator.normal(0, 0.004, (6, 1))
        for name, shift in {"b": 0.02, "c": 0.006, "d": 0.001}.items()
    }
    frame = records({"a": base.tolist(), **{name: runs.tolist() for name, runs in family.items()}})
    table = compare(frame, "dice", baseline="a").sort_values("p")
    p = table["p"].to_numpy()
    by_hand = np.minimum(np.maximum.accumulate(p * [3, 2, 1]), 1)
    assert table["p_holm"].to_numpy() == pytest.approx(by_hand)
    alone = compare(frame, "dice", baseline="a", variants=["c"]).iloc[0]
    assert alone["p_holm"] == alone["p"]


@pytest.mark.parametrize("seeds", [1, 2])
def test_pitfall_fewer_than_three_seeds_are_never_significant(seeds: int) -> None:
    frame = simulate_study(random_state=1, seeds=seeds, images=60, effect=0.1)
    row = compare(frame, "dice", baseline="baseline").iloc[0]
    assert row["verdict"] == "descriptive"
    assert row["difference"] == pytest.approx(0.1, abs=0.02)
    assert row[["low", "high", "p", "p_holm"]].isna().all()


def test_seeds_that_change_nothing_prove_nothing() -> None:
    frame = records({"a": [[0.5, 0.6]] * 4, "b": [[0.6, 0.7]] * 4})
    assert compare(frame, "dice", baseline="a")["verdict"].item() == "descriptive"


def test_descriptive_and_tested_variants_can_stand_in_one_table() -> None:
    base = [[0.5, 0.6], [0.52, 0.6], [0.5, 0.61]]
    frame = records({"a": base, "same": base, "b": [[0.6, 0.7], [0.61, 0.7], [0.6, 0.72]]})
    table = compare(frame, "dice", baseline="a").set_index("variant")
    assert table["verdict"].to_dict() == {"same": "descriptive", "b": "significant"}


def test_paired_differences_keep_image_seed_and_exam_together() -> None:
    frame = records(
        {"a": [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], "b": [[0.2, 0.4, 0.6], [0.4, 0.5, 0.7]]}, [7, 7, 8]
    )
    shuffled = frame.sample(frac=1, random_state=0)
    found = paired_differences(shuffled, "dice", variant="b", baseline="a")
    found = found.sort_values(["seed", "name"])
    assert found["dice"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0, 0, 0.1])
    assert found["exam"].tolist() == [7, 7, 8] * 2
    assert compare(shuffled, "dice", baseline="a")["difference"].item() == pytest.approx(found["dice"].mean())


# Means


def test_mean_and_counts_by_hand() -> None:
    frame = records({"a": [[0.5, 0.7, 0.9], [0.6, 0.8, 0.7]]}, exams=[1, 1, 2]).assign(
        failed=[1, 0, 0, 0, 0, 0]
    )
    row = mean_intervals(frame, "dice").iloc[0]
    assert row["mean"] == pytest.approx(0.7)
    assert row["low"] < 0.7 < row["high"]
    assert (row["seeds"], row["exams"], row["images"], row["failures"]) == (2, 2, 3, 1)


def test_bootstrap_standard_error_is_that_of_the_sample_mean() -> None:
    """One seed, one image an exam: what is left is the textbook interval of a mean."""
    values = np.random.default_rng(0).normal(0.9, 0.05, 80)
    row = mean_intervals(records({"a": [values.tolist()]}), "dice", resamples=8000).iloc[0]
    textbook = stats.ttest_1samp(values, 0).confidence_interval()
    assert row["low"] == pytest.approx(textbook.low, abs=0.0005)
    assert row["high"] == pytest.approx(textbook.high, abs=0.0005)
    assert not row["counts_seeds"]


def test_few_seeds_widen_the_interval_as_students_t_does() -> None:
    """All variance between four seeds: the interval is the t-interval of their means."""
    means = [0.90, 0.91, 0.93, 0.96]
    row = mean_intervals(records({"a": [[m] * 30 for m in means]}), "dice", resamples=8000).iloc[0]
    textbook = stats.ttest_1samp(means, 0).confidence_interval()
    assert row["high"] - row["low"] == pytest.approx(textbook.high - textbook.low, rel=0.03)


def test_pitfall_images_of_one_exam_are_not_independent() -> None:
    """Every image four times over adds no information; taken as an exam each they seem to."""
    values = np.random.default_rng(0).normal(0.9, 0.05, 40)
    one, four = records({"a": [values.tolist()]}), records({"a": [np.repeat(values, 4).tolist()]})
    clustered = four.assign(exam=np.repeat(np.arange(40), 4))
    width = {
        name: mean_intervals(frame, "dice").eval("high - low").item()
        for name, frame in {"one": one, "naive": four, "clustered": clustered}.items()
    }
    assert width["clustered"] == pytest.approx(width["one"], rel=0.05)
    assert width["naive"] < 0.6 * width["one"]


def test_the_same_records_give_the_same_interval_in_any_order() -> None:
    shuffled = STUDY.sample(frac=1, random_state=5)
    columns = ["variant", "low", "high"]
    there, back = (
        mean_intervals(frame, "dice")[columns].sort_values("variant", ignore_index=True)
        for frame in (STUDY, shuffled)
    )
    pd.testing.assert_frame_equal(there, back)


# Noise


def test_the_detectable_difference_exists_for_every_number_of_seeds_and_shrinks() -> None:
    found = [detectable_difference(1.0, seeds=seeds, comparisons=8) for seeds in range(3, 120)]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(("seeds", "comparisons"), [(3, 1), (3, 8), (4, 8), (6, 22), (10, 1)])
def test_studies_have_the_power_that_their_detectable_difference_promises(
    seeds: int, comparisons: int
) -> None:
    effect = detectable_difference(0.004, seeds=seeds, comparisons=comparisons, power=0.8)
    simulated = np.random.default_rng(0).normal(effect, 0.004, (20_000, seeds))
    found = stats.ttest_1samp(simulated, 0, axis=1).pvalue < 0.05 / comparisons
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_noise_floor_by_hand() -> None:
    frame = records({"a": [[0.90, 0.92], [0.91, 0.93], [0.92, 0.94], [0.93, 0.95]]})
    found = noise_floor(frame, "dice", variant="a", seeds=5)
    sd = np.std([0.91, 0.92, 0.93, 0.94], ddof=1)
    assert found.sd == pytest.approx(sd)
    assert found.detectable == pytest.approx(detectable_difference(math.sqrt(2) * sd, seeds=5))
    assert found.sd_low == pytest.approx(
        sd * math.sqrt(3 / 9.3484), rel=1e-4
    )  # chi2 table, 3 degrees of freedom
    assert found.sd_high == pytest.approx(sd * math.sqrt(3 / 0.2158), rel=1e-3)
    family = noise_floor(frame, "dice", variant="a", seeds=5, comparisons=6)
    assert family.detectable > found.detectable


# Proof by simulation, small; a chapter runs it large


def test_errors_of_the_first_kind_and_coverage() -> None:
    studies = 250
    found = rejection_rates(studies, random_state=0, images=100, resamples=300)
    margin = 3 * math.sqrt(0.05 * 0.95 / studies)
    assert found["significant"] == pytest.approx(0.05, abs=margin)
    assert found["difference_covered"] == pytest.approx(0.95, abs=margin)
    assert found["mean_covered"] == pytest.approx(0.95, abs=margin)
    assert found["wilcoxon"] > 0.3  # the naive test over images, on the same data


def test_power_by_simulation() -> None:
    effect = detectable_difference(math.sqrt(2) * math.hypot(0.002, 0.01 / math.sqrt(40)), seeds=5)
    found = rejection_rates(120, random_state=1, effect=effect, images=40, resamples=50)
    assert found["significant"] == pytest.approx(0.8, abs=3 * math.sqrt(0.8 * 0.2 / 120))


def test_simulated_exams_are_as_large_as_those_of_hc18() -> None:
    frame = simulate_study(random_state=0, seeds=1, images=5000)
    sizes = frame[frame["variant"] == "baseline"].groupby("exam").size()
    assert sizes.value_counts(normalize=True)[1] == pytest.approx(642 / 806, abs=0.03)
    assert sizes.max() <= 4


# Bad input


def without(frame: pd.DataFrame, **where: Any) -> pd.DataFrame:
    drop = np.logical_and.reduce([frame[column] == value for column, value in where.items()])
    return frame[~drop]


ONE_SEED_LESS = without(STUDY, variant="variant", seed=4)
OTHER_SEED = STUDY.assign(seed=STUDY["seed"] + (STUDY["variant"] == "variant"))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        pytest.param(ONE_SEED_LESS, "expected matched seeds", id="a seed missing"),
        pytest.param(OTHER_SEED, "expected matched seeds", id="other seeds"),
        pytest.param(
            without(STUDY, variant="variant", name="0003"), "lacks 1 of 60 images", id="other images"
        ),
        pytest.param(STUDY.assign(split=STUDY["variant"]), "expected runs on one split", id="other split"),
        pytest.param(
            STUDY.assign(exam=STUDY["exam"] + (STUDY["variant"] == "variant")),
            "in two exams",
            id="other exams",
        ),
        pytest.param(pd.concat([STUDY, STUDY.iloc[:1]]), "twice", id="image twice"),
        pytest.param(STUDY.drop(columns="exam"), "exam missing", id="no exam"),
        pytest.param(STUDY.drop(columns="dice"), "dice missing", id="no metric"),
        pytest.param(STUDY.iloc[:0], "at least one record", id="empty"),
        pytest.param(
            STUDY.assign(dice=STUDY["dice"].where(STUDY["seed"] > 0)), "a failure must count", id="NaN"
        ),
        pytest.param(STUDY.assign(dice=np.inf), "a failure must count", id="infinite"),
        pytest.param(
            STUDY[STUDY["variant"] == "baseline"], "at least one to compare", id="nothing to compare"
        ),
        pytest.param(
            STUDY[STUDY["variant"] == "variant"], "expected one of variant; got baseline", id="no baseline"
        ),
    ],
)
def test_what_cannot_be_compared_is_an_error(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(frame, "dice", baseline="baseline")


def test_bad_options_are_named() -> None:
    with pytest.raises(ValueError, match="another one than the baseline"):
        compare(STUDY, "dice", baseline="baseline", variants=["baseline"])
    with pytest.raises(ValueError, match="level: expected"):
        compare(STUDY, "dice", baseline="baseline", level=95)
    with pytest.raises(ValueError, match="level: expected"):
        mean_intervals(STUDY, "dice", level=1.0)
    with pytest.raises(ValueError, match="at least two exams"):
        mean_intervals(STUDY.assign(exam=1), "dice")
    with pytest.raises(ValueError, match="expected one of baseline, variant; got other"):
        noise_floor(STUDY, "dice", variant="other", seeds=5)
    with pytest.raises(ValueError, match="at least three seeds"):
        noise_floor(STUDY[STUDY["seed"] < 2], "dice", variant="baseline", seeds=5)
    for options in ({"seeds": 2}, {"seeds": 5, "comparisons": 0}, {"seeds": 5, "power": 1.0}):
        with pytest.raises(ValueError, match="expected"):
            detectable_difference(0.1, **options)
    with pytest.raises(ValueError, match="sd_of_differences"):
        detectable_difference(-0.1, seeds=5)
