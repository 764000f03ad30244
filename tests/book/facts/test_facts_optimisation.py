"""The sentences of the chapter on optimisation, each with what it rests on in the result files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sentences import said

from fetalseg_book.facts import optimisation, optimisation_average, optimisation_length
from fetalseg_book.facts.core import FREED, PARTS, PROPOSED, core, includes_zero
from fetalseg_book.facts.longer import early_end, without
from fetalseg_book.facts.optimisation import WILD, below_best, deepest_fall, kept
from fetalseg_book.facts.optimisation_average import BAR, FOLDS, MIRRORED, ONE
from fetalseg_book.facts.optimisation_length import (
    ASKED_AGAIN,
    DICE,
    FIRST,
    HARD,
    HC,
    LONG,
    SHORT,
    VALIDATION,
    apart,
    change,
    cut_off,
    gain,
    of_pair,
    runs_of,
)
from fetalseg_book.facts.typical import pair
from fetalseg_book.figures.paired import paired
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.study.records import read_json

RESULTS = Path(__file__).parents[3] / "results"
ERROR = "hc_abs_error_mm"
HALF, HALF_FREED = (PROPOSED, "shorter"), (FREED, "shorter")
COSINES = [(network, "longer") for network in optimisation_length.NETWORKS]
Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return optimisation.facts(RESULTS)


def calm(found: Found) -> list[tuple[str, int]]:
    return [run for run in found["histories"] if run[0] not in WILD]


def smaller_jumps(found: Found) -> bool:
    jumps = [100 * found["histories"][run]["validation_dice"].diff().abs() for run in calm(found)]
    table = pd.concat(jumps, axis=1)
    return table.iloc[-5:].mean().mean() < table.iloc[5:10].mean().mean()


def two_are_wild(found: Found) -> bool:
    below = below_best(found["histories"])
    return all(
        max(value for run, value in below.items() if run[0] == name) > max(below[run] for run in calm(found))
        for name in WILD
    )


def earliest_is_heavy(found: Found) -> bool:
    best = kept(found["histories"])
    return min(best, key=lambda run: best[run])[0] == "pos_weight_200"


def deepest_is_calm(found: Found) -> bool:
    return deepest_fall(found["histories"])[0] in calm(found)


def more_than_seeds_do(found: Found) -> bool:
    own = found["replayed"].query("patience == 1 and variant == 'proposed'")["lost"].mean() / 100
    return own > core(RESULTS).floor.loc["dice", "sd"]


def most_run_to_the_end(found: Found) -> bool:
    return (found["replayed"].query("patience == 5")["saved"] == 0).mean() > 0.5


def same_seeds(_: Found) -> bool:
    seeds = [list(runs_of(RESULTS, network, LONG).index) for network in optimisation_length.NETWORKS]
    return seeds == [list(range(6))] * 3 and {len(gain(RESULTS, run)) for run in (HALF, *COSINES)} == {3}


def every_seed_loses(_: Found) -> bool:
    return all((gain(RESULTS, run)[VALIDATION] < 0).all() for run in (HALF, HALF_FREED))


def freed_loses_on_test(_: Found) -> bool:
    return change(RESULTS, HALF_FREED, "dice")["high"] < 0 < change(RESULTS, HALF_FREED, ERROR)["high"]


def half_cannot_say(_: Found) -> bool:
    return all(includes_zero(change(RESULTS, HALF, metric)) for metric in ("dice", ERROR))


def every_seed_gains(_: Found) -> bool:
    return all((gain(RESULTS, run)[VALIDATION] > 0).all() for run in COSINES)


def long_freed_is_nothing(_: Found) -> bool:
    return all(includes_zero(change(RESULTS, (FREED, "longer"), metric)) for metric in ("dice", ERROR))


def unet_just_includes(_: Found) -> bool:
    whole = (runs_of(RESULTS, "unet", "longer")["epochs"] == load_profile("longer").training.epochs).all()
    return includes_zero(change(RESULTS, ("unet", "longer"), "dice")) and whole


def cut_while_large(_: Found) -> bool:
    cut = cut_off(RESULTS, PROPOSED)
    rates = [
        pd.read_csv(RESULTS / f"one_fold/longer/hc18/proposed/seed-{seed}/history.csv")["learning_rate"]
        for seed in cut.index
    ]
    return len(cut) == 2 and all(rate.iloc[-1] > rate.max() / 4 for rate in rates)


def each_below_its_own(_: Found) -> bool:
    cut, dice = cut_off(RESULTS, PROPOSED), gain(RESULTS, (PROPOSED, "longer"))[DICE]
    return dice[cut.index].max() < 0 and includes_zero(change(RESULTS, (PROPOSED, "longer"), "dice"))


def above_the_note(_: Found) -> bool:
    dice = runs_of(RESULTS, PROPOSED, "longer")[DICE].drop(cut_off(RESULTS, PROPOSED).index)
    return (dice > runs_of(RESULTS, PROPOSED, LONG)[DICE][dice.index]).all()


def nearly_all_behind(_: Found) -> bool:
    late = optimisation_length.behind(RESULTS)
    return sum(late) > 0.8 * len(late)


def rate_not_lowered(_: Found) -> bool:
    planned = load_profile(SHORT).training.epochs
    return all(
        not course["learning_rate"][:planned].diff().any()
        for course in optimisation_length.courses(RESULTS).values()
    )


def every_run_passes(_: Found) -> bool:
    passed = optimisation_length.passes(RESULTS).sort_index().drop(FREED)
    return passed.notna().all() and passed.min() > load_profile(SHORT).training.epochs


def above_all_on_test(_: Found) -> bool:
    return all(
        runs_of(RESULTS, network, LONG)[column].min() > runs_of(RESULTS, network, SHORT)[column].max()
        for network in (PROPOSED, "unet")
        for column in (VALIDATION, DICE)
    )


def freed_stops_earliest(_: Found) -> bool:
    lasted = {name: runs_of(RESULTS, name, LONG)["epochs"].mean() for name in optimisation_length.NETWORKS}
    return min(lasted, key=lambda name: lasted[name]) == FREED


def error_grows(_: Found) -> bool:
    return 0 < change(RESULTS, (FREED, LONG), ERROR)["low"] < 0.05


def nothing_gained(_: Found) -> bool:
    return includes_zero(change(RESULTS, (FREED, LONG), "dice"))


def far_from_zero(_: Found) -> bool:
    return all(change(RESULTS, (network, LONG), "dice")["low"] > 0.001 for network in (PROPOSED, "unet"))


def error_falls(_: Found) -> bool:
    return change(RESULTS, ("unet", LONG), ERROR)["high"] < 0 and includes_zero(
        change(RESULTS, (PROPOSED, LONG), ERROR)
    )


def length_is_enough(_: Found) -> bool:
    return includes_zero(paired(RESULTS, ("unet", "longer"), ("unet", LONG), "dice"))


def of_either_sign(_: Found) -> bool:
    short = apart(RESULTS, "unet", PROPOSED, SHORT)
    return all(short[column].min() < 0 < short[column].max() for column in (DICE, HC))


def first_three(_: Found) -> bool:
    runs = apart(RESULTS, "unet", PROPOSED, LONG, FIRST)
    both = [of_pair(RESULTS, "unet", PROPOSED, LONG, metric, FIRST) for metric in ("dice", ERROR)]
    return (runs[DICE] > 0).all() and (runs[HC] < 0).all() and all(map(includes_zero, both))


def fresh_error(_: Found) -> bool:
    runs = apart(RESULTS, "unet", PROPOSED, LONG, ASKED_AGAIN)
    return (runs[HC] < 0).all() and of_pair(RESULTS, "unet", PROPOSED, LONG, ERROR, ASKED_AGAIN)["p"] < 0.025


def fresh_dice(_: Found) -> bool:
    dice = apart(RESULTS, "unet", PROPOSED, LONG, ASKED_AGAIN)[DICE]
    open_still = includes_zero(of_pair(RESULTS, "unet", PROPOSED, LONG, "dice", ASKED_AGAIN))
    return (dice > 0.05).sum() == 2 and dice.abs().min() < 0.005 and open_still


def six_error(_: Found) -> bool:
    error = of_pair(RESULTS, "unet", PROPOSED, LONG, ERROR)
    return (apart(RESULTS, "unet", PROPOSED, LONG)[HC] < 0).all() and error["p"] < 0.025


def six_dice(_: Found) -> bool:
    dice = of_pair(RESULTS, "unet", PROPOSED, LONG, "dice")
    return dice["low"] > 0 and 0.025 < dice["p"] < 0.05


def moves(_: Found) -> bool:
    return not any(includes_zero(optimisation_length.shift(RESULTS, column)) for column in (DICE, HC))


def hard_one_most(_: Found) -> bool:
    errors = optimisation_length.errors(RESULTS)
    lead = (errors["one"] - errors["other"]).groupby("name").mean()
    on_it = errors.xs(HARD, level="name")
    return lead.idxmin() == HARD and on_it["other"].min() > 5 > on_it["one"].max()


def still_smaller(_: Found) -> bool:
    return optimisation_length.without_it(RESULTS, LONG, ERROR)["high"] < 0


def half_of_the_images(_: Found) -> bool:
    return optimisation_length.nearer(RESULTS).between(45, 55.5).all()


def nothing_left_of_mean(_: Found) -> bool:
    left = optimisation_length.without_it(RESULTS, LONG, "dice")
    return includes_zero(left) and abs(left["difference"]) < 0.001


def behind_on_others(_: Found) -> bool:
    return optimisation_length.without_it(RESULTS, SHORT, "dice")["high"] < 0


def finer_outline(_: Found) -> bool:
    long = pair(RESULTS, "unet", study=LONG)
    return (long.seeds["median"] > 0).sum() == 6 and long.median.low > 0 and long.seeds["better"].mean() > 55


def typical_tie(_: Found) -> bool:
    tie, lead = pair(RESULTS, FREED, "unet", study=LONG), pair(RESULTS, FREED, study=LONG)
    return tie.median.low < 0 < tie.median.high and lead.median.low > 0


def freed_leads(_: Found) -> bool:
    short, long = (apart(RESULTS, FREED, PROPOSED, recipe)[DICE] for recipe in (SHORT, LONG))
    return (long > 0).all() and (long < short).all()


def level_in_error(_: Found) -> bool:
    over = of_pair(RESULTS, FREED, "unet", LONG, "dice")
    return over["low"] > 0 and includes_zero(of_pair(RESULTS, FREED, "unet", LONG, ERROR))


def short_could_be_chance(_: Found) -> bool:
    return all(includes_zero(of_pair(RESULTS, "unet", PROPOSED, SHORT, metric)) for metric in ("dice", ERROR))


def exams_include_zero(_: Found) -> bool:
    asked = (("unet", ERROR), (FREED, "dice"))
    return all(
        includes_zero(optimisation_length.for_new_exams(RESULTS, one, PROPOSED, m)) for one, m in asked
    )


def no_loss_repeats(_: Found) -> bool:
    changes = [without(RESULTS, part)["dice"] for part in PARTS]
    return {len(change) for change in changes} == {3} and all((change < 0).sum() <= 1 for change in changes)


def without_se(_: Found) -> bool:
    return (without(RESULTS, "no_se")["dice"] > 0).all()


def either_sign(_: Found) -> bool:
    rest = [without(RESULTS, part)["dice"] for part in PARTS if part != "no_se"]
    none = paired(RESULTS, ("mobilenet_unet", LONG), (PROPOSED, LONG), "dice")
    return all(change.min() < 0 < change.max() for change in rest) and includes_zero(none)


def ended_early(_: Found) -> bool:
    fallen, usual = early_end(RESULTS), runs_of(RESULTS, PROPOSED, LONG)["epochs"].min()
    return fallen["change"] < -0.5 and fallen["epochs"] < min(*fallen["others_epochs"], usual / 2)


def warm_is_nothing(_: Found) -> bool:
    dice, error = (optimisation_average.of_start(RESULTS, "warm_up", metric) for metric in ("dice", ERROR))
    seeds = len(runs_of(RESULTS, PROPOSED, "small"))
    return (
        max(abs(dice["low"]), abs(dice["high"])) < 0.0005 and includes_zero(error) and dice["seeds"] == seeds
    )


def another_processor(_: Found) -> bool:
    first = (
        RESULTS / f"one_fold/{study}/hc18/proposed/seed-0/environment.json" for study in ("small", "warm_up")
    )
    return len({read_json(path)["processor"] for path in first}) == 2


def half_loses(_: Found) -> bool:
    dice, error = (
        optimisation_average.of_start(RESULTS, "progressive", metric) for metric in ("dice", ERROR)
    )
    return dice["high"] < 0 and includes_zero(error)


def means(fold: str) -> pd.DataFrame:
    """Of both measures more is better here."""
    return optimisation_average.means(RESULTS).loc[fold] * [1, -1]


GOAL = np.array([BAR["Dice (%)"], -BAR["HC error (mm)"]])


def came_out_the_same(_: Found) -> bool:
    own = runs_of(RESULTS, FREED, SHORT)[[DICE, HC]].to_numpy(float)
    return np.allclose(means("test").loc[ONE], own * [1, -1])


def unmirrored_is_chosen(_: Found) -> bool:
    validated = means("validation")
    return (validated.loc["all"] > validated.loc["all_mirrored"]).all()


def reaches_by_a_hair(_: Found) -> bool:
    tested = means("test")
    return (tested.loc[["all", "all_mirrored"]] >= GOAL).all(axis=None) and tested.loc["all"].iloc[0] - GOAL[
        0
    ] < 0.05


def other_by_test_images(_: Found) -> bool:
    return (means("test").loc["all_mirrored"] > means("test").loc["all"]).all()


def average_helps(_: Found) -> bool:
    against = optimisation_average.against_one
    dice = all(against(RESULTS, fold, "Dice (%)")["low"] > 0 for fold in FOLDS)
    return dice and against(RESULTS, "test", "HC error (mm)")["high"] < 0


def nothing_of_the_error(_: Found) -> bool:
    return includes_zero(optimisation_average.against_one(RESULTS, "validation", "HC error (mm)"))


def mirror_on_test(_: Found) -> bool:
    tested = optimisation_average.mirror_helps(RESULTS, "test")
    return len(tested) == len(MIRRORED) and (tested > 0).all(axis=None)


def mirror_no_help(_: Found) -> bool:
    return (optimisation_average.mirror_helps(RESULTS, "validation").mean() < 0).all()


def one_alone(_: Found) -> bool:
    alone, validated = optimisation_average.best_alone(RESULTS), means("validation")
    better = (validated.loc[alone] > validated.loc[["all", "all_mirrored"]]).all(axis=None)
    return better and (means("test").loc[alone] < GOAL).all()


def asked_before(_: Found) -> bool:
    return (optimisation_average.before(RESULTS) > list(BAR.values())).all()


CHECKS: list[tuple[str, Callable[[Found], Any]]] = [
    ("jumps up and down, which get smaller as the rate falls", smaller_jumps),
    ("A jump in the middle says little about the end.", deepest_is_calm),
    ("in all variants but two, the last epoch is at most", two_are_wild),
    ("With the weight of 200 that is no wonder", earliest_is_heavy),
    ("So yes: it is more than seeds do.", more_than_seeds_do),
    ("the cosine mostly ends the training before patience does", most_run_to_the_end),
    ("… by the note's schedule, … of the rest.", same_seeds),
    ("Every seed loses validation Dice", every_seed_loses),
    ("On the test images `trainableencoder` loses as well", freed_loses_on_test),
    ("cannot say whether anything is lost there", half_cannot_say),
    ("Every seed of every network gains validation Dice.", every_seed_gains),
    ("`trainableencoder`: nothing.", long_freed_is_nothing),
    ("only just includes zero. All three trainings went to the end.", unet_just_includes),
    (
        "Patience ended two of the three trainings, after … epochs, while the rate was still large.",
        cut_while_large,
    ),
    ("each below its own seed of the study", each_below_its_own),
    ("above even the same seed by the note's schedule", above_the_note),
    ("runs were behind the same seed of the study", nearly_all_behind),
    ("the plateau has not lowered its rate once", rate_not_lowered),
    ("Every run of theirs passes the best of the study's", every_run_passes),
    ("every one of these runs is above all … of the study", above_all_on_test),
    ("stops earlier on average", freed_stops_earliest),
    ("On the test images nothing is gained", nothing_gained),
    (
        "The error of the head circumference even grows, by … with an interval that ends near zero",
        error_grows,
    ),
    ("Both intervals are far from zero.", far_from_zero),
    ("The error of the head circumference falls for the U-Net", error_falls),
    ("There the length alone seems to be enough.", length_is_enough),
    ("differences between the U-Net and the note's network are of either sign", of_either_sign),
    ("But both intervals included zero", first_three),
    ("is smaller in each: … on average … this one passes", fresh_error),
    ("the U-Net is above in two and level in one", fresh_dice),
    ("The error is smaller in every one", six_error),
    ("just above zero, and not significant at half of the five per cent", six_dice),
    ("the answer does seem to depend on the training", moves),
    ("misses its circumference by far with every seed, the U-Net with none", hard_one_most),
    ("Without it the error is still smaller", still_smaller),
    ("a coin would do as well", half_of_the_images),
    ("without it nothing is left", nothing_left_of_mean),
    ("the image hides that the U-Net is a little behind on the others", behind_on_others),
    ("The lead in Dice is a finer outline.", finer_outline),
    ("on a typical image they tie", typical_tie),
    ("leads `proposed` in Dice in every seed, by both recipes. But the lead shrinks in each", freed_leads),
    ("In the error these two are level", level_in_error),
    ("the difference between `unet` and `proposed` could be chance", short_could_be_chance),
    ("That includes zero. So does the fine-tuned encoder's mean lead", exams_include_zero),
    ("No loss of Dice repeats here, in any row.", no_loss_repeats),
    ("Without SE every seed has a little more Dice.", without_se),
    ("In the other rows the differences are of either sign", either_sign),
    ("Patience ended it early", ended_early),
    ("The gentle start changes nothing, as exactly as one can ask of seeds", warm_is_nothing),
    ("The small study itself was run on another processor.", another_processor),
    ("clear of zero. In millimetres, … it is not seen", half_loses),
    ("every one came out the same", came_out_the_same),
    ("the average without mirror images is better, by both measures", unmirrored_is_chosen),
    ("It reaches the bar, its Dice by a hair.", reaches_by_a_hair),
    ("By the test images we would have chosen that one.", other_by_test_images),
    ("On the validation images Dice gains as well", average_helps),
    ("error nothing is seen", nothing_of_the_error),
    ("On the test images every network gains, by both measures.", mirror_on_test),
    ("no help. By them nobody would use it.", mirror_no_help),
    ("alone is better than either average", one_alone),
    ("reached the Dice and missed the error", asked_before),
]


@pytest.mark.parametrize(("sentence", "check"), CHECKS, ids=[sentence[:50] for sentence, _ in CHECKS])
def test_sentence_is_said_and_holds(found: Found, sentence: str, check: Callable[[Found], Any]) -> None:
    assert said("optimisation", sentence)
    assert check(found)


def test_typical_lead_of_the_unet_is_that_of_independent_code() -> None:
    medians = []
    for seed in range(6):
        one, other = (
            pd.read_csv(RESULTS / f"one_fold/{LONG}/hc18/{name}/seed-{seed}/per_image.csv", index_col="name")[
                "dice"
            ]
            for name in ("unet", PROPOSED)
        )
        medians.append(float(np.median(100 * (one - other))))
    lead = pair(RESULTS, "unet", study=LONG)
    assert lead.median.mean == pytest.approx(np.mean(medians))
    assert lead.median.mean == pytest.approx(0.114, abs=0.001)  # as other code read it before
    assert lead.median.p == pytest.approx(stats.ttest_1samp(medians, 0).pvalue)


@pytest.mark.parametrize(
    ("dices", "patience", "epoch"), [([1, 2, 2, 2], 2, 4), ([3, 2, 1], 1, 2), ([1, 2, 3], 1, 3)]
)
def test_patience_ends_a_training(dices: list[float], patience: int, epoch: int) -> None:
    history = pd.DataFrame({"validation_dice": dices})
    assert optimisation.stopped(history, patience) == (epoch, max(dices[:epoch]))
