"""The ablation's sentences, each with what it rests on in the result files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sentences import said

from fetalseg_book.facts import ablation
from fetalseg_book.facts.ablation import ALIKE, WORSE, eager_latency, limits_of, other_length
from fetalseg_book.facts.ablation_second import PEERS, STARTS, far_off, starred, three_band
from fetalseg_book.facts.core import FREED, PARTS, PROPOSED, core, epochs_run, includes_zero
from fetalseg_book.facts.longer import early_end, lead, without
from fetalseg_book.facts.typical import LONG, pair
from fetalseg_book.figures import described
from fetalseg_book.figures.tables import outside
from fetalseg_lib.study.profile import load_profile

RESULTS = Path(__file__).parents[3] / "results"
FRESH = list(described.ASKED_AGAIN)
Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return ablation.facts(RESULTS)


def rows(found: Found, name: str = "comparison") -> pd.DataFrame:
    return found[name].set_index("variant")


def significant(found: Found, name: str = "comparison") -> set[str]:
    table = rows(found, name)
    return set(table.index[table["verdict"] == "significant"])


def same_seeds_each(found: Found) -> bool:
    study = found["study"]
    done = study.by_run.groupby("variant")["seed"].apply(set)
    return set(done.index) == set(study.plan.variants) and all(s == set(study.plan.seeds) for s in done)


def written_before(found: Found) -> bool:
    floor = found["study"].floor
    return set(floor["seeds"]) == set(floor["measured_seeds"]) == {len(found["study"].plan.seeds)}


def two_are_worse(found: Found) -> bool:
    dice, mm = rows(found), rows(found, "comparison_mm")
    both = significant(found) == significant(found, "comparison_mm") == {*WORSE, FREED}
    return (
        both
        and (dice.loc[list(WORSE), "difference"] < 0).all()
        and (mm.loc[list(WORSE), "difference"] > 0).all()
    )


def five_in_the_band(found: Found) -> bool:
    band = found["study"].band("dice")
    return (
        set(rows(found).index) - significant(found) == set(ALIKE)
        and (rows(found).loc[list(ALIKE), "difference"].abs() <= band).all()
    )


def largest_are(found: Found) -> bool:
    return set(rows(found)["difference"].abs().nlargest(2).index) == set(WORSE)


def gain_is_large(found: Found) -> bool:
    """More than the plan needs, and than any part may still bring, in both measures."""
    floor, gains = found["study"].floor, []
    for name, metric, sign in (("comparison", "dice", 1), ("comparison_mm", "hc_abs_error_mm", -1)):
        gain = sign * rows(found, name).loc[FREED, "difference"]
        hidden = rows(found, name).loc[list(ALIKE), ["low", "high"]].abs().max(axis=None)
        gains.append(gain > max(floor.loc[metric, "detectable"], hidden))
    return all(gains)


def worst_beats_best(found: Found) -> bool:
    runs = found["by_run"].groupby("variant")
    dice, mm = runs["dice_mean"], runs["hc_abs_error_mm_mean"]
    return dice.min()[FREED] > dice.max()[PROPOSED] and mm.max()[FREED] < mm.min()[PROPOSED]


def freezing_saves(found: Found) -> bool:
    times = found["steps"].loc[FREED] / found["steps"].loc[PROPOSED]
    return bool(times[["graph_step_ms", "peak_mib"]].gt(1).all())


def changed(found: Found) -> pd.DataFrame:
    return found["by_schedule"]["gained"]


def six_each(found: Found) -> bool:
    return (changed(found).groupby("variant").size() == 6).all() and len(found["study"].plan.seeds) == 6


def unet_gains_more(found: Found) -> bool:
    gains, mean = changed(found)["dice"], changed(found)["dice"].groupby("variant").mean()
    every = (gains.loc[[PROPOSED, "unet"]] > 0).all()
    return every and mean["unet"] > mean[PROPOSED] > 100 * found["study"].band("dice")


def freed_gains_nothing(found: Found) -> bool:
    mean = changed(found)["dice"].groupby("variant").mean()[FREED]
    return abs(mean) < 100 * found["study"].band("dice")


def only_the_unet(found: Found) -> bool:
    error = changed(found)["error"].groupby("variant").mean().abs()
    return list(error.index[error > found["study"].band("hc_abs_error_mm")]) == ["unet"]


def stopped_by_itself(found: Found) -> bool:
    return max(epochs_run(RESULTS, LONG, FREED).values()) < load_profile(LONG).training.epochs


def fresh_two_and_one(found: Found) -> bool:
    dice = without(RESULTS, "unet").loc[FRESH, "dice"]
    return sorted(dice > 0.05) == [False, True, True] and dice.abs().min() < 0.005


def asked_at_half(found: Found) -> bool:
    fresh = lead(RESULTS, "unet", seeds=FRESH)
    return fresh["hc_abs_error_mm"]["p"] < 0.025 < fresh["dice"]["p"] and includes_zero(fresh["dice"])


def six_at_half(found: Found) -> bool:
    six = lead(RESULTS, "unet")
    return six["hc_abs_error_mm"]["p"] < 0.025 < six["dice"]["p"] < 0.05 and six["dice"]["low"] > 0


def smaller_in_each(found: Found) -> bool:
    error = without(RESULTS, "unet")["error"]
    return len(error) == 6 and (error < 0).all()


def hausdorff_is_larger(found: Found) -> bool:
    by_run = {
        name: pd.concat(
            pd.read_csv(run).assign(seed=run.parent.name)
            for run in sorted((RESULTS / "one_fold" / LONG / "hc18" / name).glob("seed-*/per_image.csv"))
        )
        for name in ("unet", PROPOSED)
    }
    means = {name: table.groupby("seed")["hd95_mm"].mean() for name, table in by_run.items()}
    change = means["unet"] - means[PROPOSED]
    return (change > 0).sum() == 5 and stats.ttest_1samp(change, 0).pvalue > 0.05


def freed_leads_both(found: Found) -> bool:
    left = without(RESULTS, FREED)
    return len(left) == 6 and (left["dice"] > 0).all() and (left["error"] < 0).all()


def lead_shrinks(found: Found) -> bool:
    means = found["by_schedule"].groupby("variant").mean()
    before, after = ((means[name].loc[FREED] - means[name].loc[PROPOSED]).abs() for name in ("study", "note"))
    return bool((after < before)[["dice", "error"]].all())


def level_with_unet(found: Found) -> bool:
    over = lead(RESULTS, FREED, "unet")["hc_abs_error_mm"]
    return includes_zero(over) and abs(over["difference"]) < 0.01


def ahead_of_unet(found: Found) -> bool:
    runs = described.collect(RESULTS, LONG)
    ahead = described.differences(runs, FREED, reference="unet")["dice"] > 0
    return ahead.sum() == 5 and lead(RESULTS, FREED, "unet")["dice"]["low"] > 0


def one_leaves(found: Found) -> bool:
    table = rows(found, "long_parts")
    left = {name: outside(table, name).to_dict() for name in ("dice", "error")}
    only = {part: part == "no_residual" for part in PARTS}
    return set(table["seeds"]) == {3} and left["dice"] == only and not any(left["error"].values())


def no_mean_is_worse(found: Found) -> bool:
    rest = rows(found, "long_parts").drop(index="no_residual")
    return (rest["dice_change"] > 0).all() and (rest["error_change"] < 0).all()


def one_run_makes_it(found: Found) -> bool:
    fallen = early_end(RESULTS)
    early = fallen["epochs"] < min(fallen["others_epochs"])
    return early and (fallen["others"] > 0).all() and fallen["change"] < 0


def aspp_moves_both_ways(found: Found) -> bool:
    change = without(RESULTS, "no_aspp")["dice"]
    return change.min() < 0 < change.max()


def fails_in_part(found: Found) -> bool:
    errors = found["per_image"].groupby("variant")["hc_error_mm"]
    return errors.median()["random_encoder"] < errors.mean()["random_encoder"] / 2


def fails_on_all(found: Found) -> bool:
    errors = found["per_image"].groupby("variant")["hc_error_mm"]
    return errors.median()["pos_weight_200"] > errors.mean()["pos_weight_200"] / 2


def cost_shares(found: Found) -> pd.DataFrame:
    costs = rows(found, "costs")
    return costs / costs.loc[PROPOSED]


def cheaper_in_each(found: Found) -> bool:
    timed = found["steps"][["graph_step_ms", "peak_mib"]]
    return bool(
        cost_shares(found).loc["mobilenet_unet"].max() < 1
        and timed.loc["mobilenet_unet"].lt(timed.loc[PROPOSED]).all()
    )


def unet_by_device(found: Found) -> bool:
    step, latency = found["steps"]["graph_step_ms"], eager_latency(RESULTS)
    return (
        step["unet"] < step[PROPOSED]
        and latency["unet"] > latency[PROPOSED]
        and cost_shares(found).loc["unet", "gflops"] > 1
    )


def four_far_off(found: Found) -> bool:
    far = far_off(rows(found, "second"))
    expected = {"note_as_written", "unet_pos_weight_200", "procedural_encoder", "phantom_encoder"}
    return (
        set(far.index) == expected and outside(far, "error", times=3).all() and (far["dice_change"] < 0).all()
    )


def repaired_in_part(found: Found) -> bool:
    as_written = rows(found, "second").loc["note_as_written", "dice_change"]
    return as_written > 100 * rows(found).loc["pos_weight_200", "difference"]


def stars(found: Found) -> pd.DataFrame:
    return pd.DataFrame({name: outside(found["own"], name) for name in ("dice", "error")})


def lraspp_spreads(found: Found) -> bool:
    own, spread = found["own"].loc["peer_lraspp", "dice_change"], float(found["lraspp_spread"])
    return stars(found).loc["peer_lraspp"].all() and spread > own > 0


def better_are_freed(found: Found) -> bool:
    out = starred(rows(found, "second"))
    better = set(out.index[out["dice_change"] > 0])
    below = rows(found, "second").loc["random_trainable_encoder", "dice_change"] < 0
    return better == {*PEERS, *STARTS[:2]} and below


def starts_outside(found: Found) -> bool:
    outside_of = stars(found)
    phantoms = outside_of.loc[STARTS[1]].all() and found["own"].loc[STARTS[1], "dice_change"] < 0
    return phantoms and bool(outside_of.loc[STARTS[2], "dice"])


def same_images(found: Found) -> bool:
    first, second = (
        set(pd.read_csv(next((RESULTS / "one_fold" / name / "hc18").rglob("per_image.csv")))["name"])
        for name in ("published", "descriptive")
    )
    return first == second and set(rows(found, "second")["seeds"]) == {3}


def fewest_below(found: Found) -> bool:
    poor = (
        (found["per_image"].set_index("variant")["dice"] < 0.9)
        .groupby("variant")
        .mean()[list(ablation.CURVES)]
    )
    return poor.idxmin() == FREED and poor.idxmax() in WORSE


def narrower(found: Found) -> bool:
    spread = [limits_of(found["study"], name).loc["all", "sd"] for name in (FREED, PROPOSED)]
    return spread[0] < spread[1]


def neither_leaves(found: Found) -> bool:
    changes = [other_length(RESULTS, *which) for which in (("longer", FREED), ("shorter", PROPOSED))]
    means = [change[["dice", "error"]].mean().abs() for change in changes]
    return all(len(change) == 3 for change in changes) and all((m < three_band(RESULTS)).all() for m in means)


def bar_is_not_reached(found: Found) -> bool:
    runs, averaged = found["by_run"], ablation.averaged_test(RESULTS)
    best, nearest = runs.loc[runs["dice_mean"].idxmax()], runs.loc[runs["hc_abs_error_mm_mean"].idxmin()]
    dice, mm = ablation.HIDDEN_DICE, ablation.HIDDEN_HC_MM
    return (
        best["variant"] == nearest["variant"] == FREED
        and best["seed"] != nearest["seed"]
        and best["dice_mean"] < averaged["dice_mean"] < dice
        and nearest["hc_abs_error_mm_mean"] > averaged["hc_abs_error_mm_mean"] > mm
    )


def one_loss_on_a_typical_image(found: Found) -> bool:
    corrected = {name: float(found[f"typical_{name}_p"]) for name in ALIKE}
    return {name for name, p in corrected.items() if p < 0.05} == {"no_residual"}


def half_of_the_gain(found: Found) -> bool:
    gain = pair(RESULTS, FREED)
    return 0.4 < gain.median.mean / gain.mean.mean < 0.6


def all_weights_tie(_: Found) -> bool:
    tie, *ahead = (pair(RESULTS, *names, study=LONG) for names in ((FREED, "unet"), ("unet",), (FREED,)))
    return tie.median.p > 0.05 and all(
        found.median.low > 0 and 0.1 < found.median.mean < 0.15 for found in ahead
    )


def claim_is_open(found: Found) -> bool:
    return includes_zero(ablation.heavy(RESULTS)) and (ablation.as_written(RESULTS) < 96).all(axis=None)


CHECKS: list[tuple[str, Callable[[Found], Any]]] = [
    ("variants with the same … seeds each", same_seeds_each),
    (
        "The plan was fixed before the first run of this size.",
        lambda found: load_profile("small").image_size < found["study"].plan.image_size,
    ),
    ("It was computed and kept before another variant had a result.", written_before),
    ("Two are worse, in Dice and in millimetres.", two_are_worse),
    ("Five show no detectable difference on average.", five_in_the_band),
    ("So the two largest effects are no block of the decoder.", largest_are),
    (
        "For … we can say more: two one-sided tests put their mean Dice within",
        lambda f: set(f["equivalent"].split(", ")) == {*PARTS, "unet"} - {"no_residual"},
    ),
    (
        "For `noresidual` only the error is.",
        lambda f: (
            pair(RESULTS, "no_residual").hc.p_margin < 0.05 < pair(RESULTS, "no_residual").mean.p_margin
        ),
    ),
    ("Each of these could be chance.", one_loss_on_a_typical_image),
    (
        "residual additions do seem to help, by a tenth of a point",
        lambda f: f["typical_no_residual"] == "-0.10" and f["typical_no_residual_seeds"] == "6 of 6",
    ),
    ("larger than what the study was built to see", gain_is_large),
    ("is better than the best of `proposed`", worst_beats_best),
    ("a few images make half of it", half_of_the_gain),
    ("It does save them.", freezing_saves),
    ("with six seeds each", six_each),
    ("Both gain with every seed, and on average the `unet` gains more.", unet_gains_more),
    ("`trainableencoder` gains nothing", freed_gains_nothing),
    ("In millimetres only the `unet` leaves", only_the_unet),
    ("It stopped by itself after", stopped_by_itself),
    ("In Dice it is ahead with two of them and level with one", fresh_two_and_one),
    ("error is still significant, the Dice is not", asked_at_half),
    ("In Dice that is just clear of zero, p = …, and not at half of 0.05.", six_at_half),
    ("So the smaller error has been shown", smaller_in_each),
    ("its error is smaller with each of six seeds", smaller_in_each),
    ("larger with five of six seeds. That interval includes zero.", hausdorff_is_larger),
    ("It leads `proposed` with each of six seeds, in both measures.", freed_leads_both),
    ("But the lead shrinks", lead_shrinks),
    ("ahead with five of six seeds", ahead_of_unet),
    ("In millimetres the two are level", level_with_unet),
    ("after a long training networks that train all their weights seem to tie", all_weights_tie),
    ("One leaves the band, by one run", one_leaves),
    ("without all three no mean is worse than that of `proposed`", no_mean_is_worse),
    ("Two of its seeds are a little better than `proposed`", one_run_makes_it),
    ("Single seeds move further", aspp_moves_both_ways),
    ("With the weight of 200 nearly every head comes out too large", fails_on_all),
    ("most heads are near, and some are far off", fails_in_part),
    ("ASPP is the expensive part.", lambda f: cost_shares(f).loc["no_aspp", "parameters"] < 0.6),
    (
        "Squeeze and excitation costs next to nothing",
        lambda f: cost_shares(f).loc[["no_se", "no_residual"]].min(axis=None) > 0.9,
    ),
    ("It is cheaper in each, and the difference could be chance", cheaper_in_each),
    ("ask where before you call a network fast", unet_by_device),
    ("with … seeds each. These are too few seeds to test so many variants.", same_images),
    ("Four variants are worse by more than three times the band, in both measures.", four_far_off),
    ("So the weight does harm in either network.", lambda f: stars(f).loc["unet_pos_weight_200", "dice"]),
    (
        "The stem alone (`stemmean`) is inside the band",
        lambda f: "stem_mean" not in starred(rows(f, "second")).index,
    ),
    ("the note's schedule seems to repair part of it", repaired_in_part),
    (
        "inside the band. One line of a well-known library",
        lambda f: not stars(f).loc[list(PEERS)].any(axis=None),
    ),
    ("But its own seeds lie … points apart, more than those of `proposed`", lraspp_spreads),
    (
        "the one that starts from drawings differs by … inside the band",
        lambda f: not stars(f).loc[STARTS[0]].any(),
    ),
    ("The last two are outside.", starts_outside),
    ("all stars on the better side of `proposed` belong to networks that train an encoder", better_are_freed),
    ("How many images stay below 0.90?", fewest_below),
    ("With a fine-tuned encoder they are narrower", narrower),
    ("Neither leaves the band.", neither_leaves),
    ("These two numbers are not reached.", bar_is_not_reached),
    ("No study here repeats that.", claim_is_open),
]


@pytest.mark.parametrize(("sentence", "check"), CHECKS, ids=[sentence[:50] for sentence, _ in CHECKS])
def test_sentence_is_said_and_holds(found: Found, sentence: str, check: Callable[[Found], Any]) -> None:
    assert said("ablation", sentence)
    assert check(found)


# Read from the same files by other code: mean and median in points, share of better images in %.
TYPICAL = {
    "no_aspp": (0.01, 0.00, 49),
    "no_se": (0.00, -0.02, 47),
    "no_residual": (-0.11, -0.10, 37),
    "mobilenet_unet": (-0.03, -0.07, 41),
    "unet": (-0.06, -0.05, 46),
    "trainable_encoder": (0.60, 0.31, 77),
}


@pytest.mark.parametrize("variant", TYPICAL)
def test_typical_image_is_that_of_independent_code(variant: str) -> None:
    runs = {
        name: [
            pd.read_csv(
                RESULTS / "one_fold" / "published" / "hc18" / name / f"seed-{seed}" / "per_image.csv",
                index_col="name",
            )
            for seed in range(6)
        ]
        for name in (variant, PROPOSED)
    }
    change = [100 * (one["dice"] - other["dice"]) for one, other in zip(*runs.values(), strict=True)]
    medians = [float(np.median(seed)) for seed in change]
    found = pair(RESULTS, variant)
    assert found.median.mean == pytest.approx(np.mean(medians))
    assert found.median.p == pytest.approx(stats.ttest_1samp(medians, 0).pvalue)
    mean, median, better = TYPICAL[variant]
    assert found.mean.mean == pytest.approx(mean, abs=0.006)
    assert found.median.mean == pytest.approx(median, abs=0.006)
    assert found.seeds["better"].mean() == pytest.approx(better, abs=0.51)


def test_band_is_that_of_six_seeds(found: Found) -> None:
    study = core(RESULTS)
    sd = study.by_run[study.by_run["variant"] == PROPOSED]["dice_mean"].std()
    expected = stats.t.ppf(0.975, 5) * sd * np.sqrt(2 / 6)
    assert found["band"] == f"{100 * expected:.2f}"
