"""The sentences of the chapter on what did not help, each with what it rests on in the result files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sentences import said

from fetalseg_book.facts import what_did_not_help as chapter
from fetalseg_book.facts import what_did_not_help_long as longer
from fetalseg_book.facts import what_did_not_help_rest as rest
from fetalseg_book.facts.core import FREED, PARTS, PROPOSED, epochs_run, includes_zero
from fetalseg_book.facts.longer import lead, without
from fetalseg_book.facts.reading import BIGGER, MATTERS_MM, NONE, SMALLER, UNKNOWN, read, readings
from fetalseg_book.figures import described
from fetalseg_lib.study.profile import load_profile

RESULTS = Path(__file__).parents[3] / "results"
LONG = longer.LONG
ERROR = "hc_abs_error_mm"
Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    given = chapter.facts(RESULTS)
    return given | {
        "tried": chapter.tried(RESULTS),
        "larger_ones": chapter.larger(RESULTS),
        "more": longer.further(RESULTS),
        "family": described.collect(RESULTS),
        "widest": chapter.widest(RESULTS),
    }


def with_reading(found: Found, said_of: str, table: str = "errors") -> set[str]:
    words = readings(found[table])
    return set(words.index[words == said_of])


def planned_seeds(found: Found) -> bool:
    plan = load_profile("published")
    return (found["errors"].loc[chapter.planned(), "seeds"] == len(plan.seeds)).all()


def parts_are_small(found: Found) -> bool:
    return with_reading(found, NONE) >= {*PARTS, "unet"}


def mean_includes_zero(found: Found) -> bool:
    return all(includes_zero(found["tried"][part]["dice"]) for part in PARTS)


def lead_is_gone(found: Found) -> bool:
    return found["tried"]["unet (small)"]["dice"]["high"] < 0 < found["tried"]["unet"]["dice"]["high"]


def plain_gained(found: Found) -> bool:
    said_of = {name: read(change[ERROR]) for name, change in found["larger_ones"].items()}
    return said_of["unet"] == SMALLER != said_of["proposed"]


def short_is_worse(found: Found) -> bool:
    return found["larger_ones"]["short"]["dice"]["high"] < 0


def four_times(_: Found) -> bool:
    small, large = (np.prod(load_profile(name).image_size) for name in ("small", "published"))
    return large == 4 * small


def a_little_fewer(_: Found) -> bool:
    short, small, large = (load_profile(n).training.epochs for n in ("shorter", "small", "published"))
    return short < small < large


def only_freeing(found: Found) -> bool:
    return with_reading(found, SMALLER) == {FREED} and with_reading(found, BIGGER) == {
        "pos_weight_200",
        "random_encoder",
    }


def claimed_together(found: Found) -> bool:
    said_of = readings(found["widest"])
    return set(said_of.index[said_of == NONE]) == {*PARTS, "unet"} and UNKNOWN not in set(said_of)


def three_cannot(found: Found) -> bool:
    small = found["widest"][readings(found["widest"]) == NONE]
    half = (small["high"] - small["low"]) / 2
    return (chapter.times_as_long(3) * half > MATTERS_MM).all()


def seeds_of_each(found: Found) -> bool:
    seeds = found["further"]["seeds"]
    return all(count == (6 if name.startswith(LONG) else 3) for name, count in seeds.items())


def long_is_small(found: Found) -> bool:
    return f"longer: {FREED}" in with_reading(found, NONE, "further")


def both_include_zero(found: Found) -> bool:
    return all(includes_zero(found["more"][f"longer: {name}"]["dice"]) for name in (FREED, "unet", PROPOSED))


def half_cannot_tell(found: Found) -> bool:
    return {f"shorter: {PROPOSED}", "leaky: unet", f"longer: {PROPOSED}"} <= with_reading(
        found, UNKNOWN, "further"
    )


def stopped_by_themselves(_: Found) -> bool:
    most = load_profile(LONG).training.epochs
    lasted = [epochs for name in longer.NETWORKS for epochs in epochs_run(RESULTS, LONG, name).values()]
    return min(lasted) > 1.5 * load_profile("published").training.epochs and max(lasted) < most


def same_way(found: Found) -> bool:
    change = described.changes(described.collect(RESULTS, LONG), found["family"])["dice"]
    clear = all(found["more"][f"{LONG}: {name}"]["dice"]["low"] > 0 for name in (PROPOSED, "unet"))
    return clear and (change[[PROPOSED, "unet"]] > 0).all()


def third_gains_nothing(found: Found) -> bool:
    return includes_zero(found["more"][f"{LONG}: {FREED}"]["dice"])


def only_unet_gains(found: Found) -> bool:
    return with_reading(found, SMALLER, "further") == {f"{LONG}: unet"}


def small_and_larger(found: Found) -> bool:
    return f"{LONG}: {PROPOSED}" in with_reading(
        found, NONE, "further"
    ) and f"{LONG}: {FREED}" in with_reading(found, BIGGER, "further")


def fresh_ones(_: Found) -> bool:
    fresh = lead(RESULTS, "unet", seeds=described.ASKED_AGAIN)
    return fresh[ERROR]["high"] < 0 and includes_zero(fresh["dice"])


def six_smaller(_: Found) -> bool:
    six = lead(RESULTS, "unet")
    each = (without(RESULTS, "unet")["error"] < 0).all()
    return each and six[ERROR]["low"] > -MATTERS_MM and six[ERROR]["high"] < 0 < six["dice"]["low"]


def no_mean_worse(_: Found) -> bool:
    changes = {name: without(RESULTS, name) for name in PARTS[:3]}
    better = {name: c["error"].mean() < 0 < c["dice"].mean() for name, c in changes.items()}
    few = all((c["dice"] < 0).sum() <= 1 and len(c) == 3 for c in changes.values())
    return few and better == {"no_aspp": True, "no_se": True, "no_residual": False}


def consistent(_: Found) -> bool:
    return includes_zero(lead(RESULTS, "mobilenet_unet")["dice"])


def less_is_left(found: Found) -> bool:
    left, freed = without(RESULTS, FREED)["dice"], described.differences(found["family"], FREED)["dice"]
    return len(left) == len(freed) == 6 and ((left > 0) & (left < freed)).all()


def leak_is_not_seen(found: Found) -> bool:
    return all(includes_zero(found["more"][f"leaky: {name}"]["dice"]) for name in (PROPOSED, "unet"))


def leak_readings(found: Found) -> bool:
    return f"leaky: {PROPOSED}" in with_reading(found, NONE, "further") and half_cannot_tell(found)


def in_the_band(found: Found) -> bool:
    changes, band = found["second"].values(), found["second_band"]
    return all(len(c) == 3 and (c[["dice", "error"]].abs() < band).all(axis=None) for c in changes)


def anew_is_largest(found: Found) -> bool:
    means = pd.Series({name: change["error"].mean() for name, change in found["second"].items()})
    anew = found["second"]["reestimated_encoder"]["error"]
    return means.abs().idxmax() == "reestimated_encoder" and (anew < 0).all()


def peers_inside(found: Found) -> bool:
    changes = longer.peers(RESULTS).values()
    return all(
        (c[["dice", "error"]].abs() < found["second_band"]).all(axis=None) and len(c) == 3 for c in changes
    )


def peers_lower(_: Found) -> bool:
    return all((change["dice"] < 0).all() for change in longer.peers(RESULTS).values())


def heavy_in_each(found: Found) -> bool:
    whole, plain = (found["heavy"].loc[name] for name in rest.HEAVY)
    return len(plain) == 3 and (plain > whole).all()


def heavy_overlap(found: Found) -> bool:
    whole, plain = (found["heavy"].loc[name] for name in rest.HEAVY)
    all_six = found["family"].loc[found["family"]["variant"] == rest.HEAVY[0], "error"]
    return np.ptp(plain) > 0.9 * (plain.mean() - whole.mean()) and all_six.max() > plain.min()


def still_too_much(found: Found) -> bool:
    kept, own = rest.untouched(RESULTS), found["family"].set_index("variant").loc[PROPOSED, "error"]
    return kept.max() < found["heavy"].loc[rest.HEAVY[0]].min() and kept.min() > 2 * own.max()


def bits_are_small(found: Found) -> bool:
    ends = found["bits"][["low", "high"]].abs().max(axis=None)
    return ends < MATTERS_MM and set(found["bits"]["reading"]) <= {BIGGER, NONE}


def int8_by_network(found: Found) -> bool:
    times = found["ratios"]["onnxruntime_int8"]
    return times["budget"] > 1 > times["unet"]


def taps_on_map(rate: int, size: int) -> float:
    at = np.arange(size)
    on = sum(((at + shift >= 0) & (at + shift < size)).astype(int) for shift in (-rate, 0, rate))
    return float(np.mean(on)) ** 2


def phantoms_below(found: Found) -> bool:
    dice = found["origin"]["dice_mean"]
    return dice.loc["phantoms", "max"] < dice.loc["real images", "min"]


def all_runs_are_there(_: Found) -> bool:
    seeds = rest.runs_of(RESULTS)
    plans = (load_profile(name) for name in ("published", "descriptive"))
    return all((seeds[list(plan.variants)] == len(plan.seeds)).all() for plan in plans)


CHECKS: list[tuple[str, Callable[[Found], Any]]] = [
    ("seeds of each variant, as planned", planned_seeds),
    (
        "none of them helps by anything that we would act on, and neither do all of them together",
        parts_are_small,
    ),
    ("In mean Dice every one of these intervals includes zero", mean_includes_zero),
    (
        "For the other rows the median could be chance.",
        lambda f: [name for name in PARTS if float(f[f"typical_{name}_p"]) < 0.05] == ["no_residual"],
    ),
    (
        "these are shown to be equivalent to `proposed`",
        lambda f: f["equivalent"].split(", ") == ["no_aspp", "no_se", "mobilenet_unet", "unet"],
    ),
    ("That is the third kind.", lambda f: "unet (small)" in with_reading(f, UNKNOWN)),
    ("epochs that lead is no longer seen", lead_is_gone),
    ("images have four times the pixels", four_times),
    ("So the plain network gained, and the note's did not.", plain_gained),
    ("a little fewer than the small study had", a_little_fewer),
    ("points …, worse.", short_is_worse),
    ("undoing it is the only change that is better", only_freeing),
    ("The last row is empty. So the null results may be claimed together", claimed_together),
    ("all of these would stand in the last row", three_cannot),
    ("has six seeds of each network in the table, the others have three", seeds_of_each),
    ("three times as many change too little to matter", long_is_small),
    ("both include zero", both_include_zero),
    ("three seeds cannot tell", half_cannot_tell),
    ("All trained longer than the study does, until they stopped by themselves.", stopped_by_themselves),
    ("For the first two, each seed points the same way, and the interval is clear of zero.", same_way),
    ("The third gains nothing.", third_gains_nothing),
    ("In millimetres only the `unet` gains.", only_unet_gains),
    ("the error of `trainableencoder` is even a little larger", small_and_larger),
    ("In these its error differs", fresh_ones),
    ("So the error is smaller, by less than the", six_smaller),
    ("on a typical image the `unet` leads", lambda f: f["typical_unet_long_seeds"] == "6 of 6"),
    ("No mean is worse without a part, but without residual additions", no_mean_worse),
    ("So these few runs show no consistent loss.", consistent),
    ("It still helps with every seed, but less is left of it.", less_is_left),
    ("none is seen, in two networks", leak_is_not_seen),
    ("too small to matter for the one, and for the other three seeds cannot tell", leak_readings),
    ("All of them lie in the band", in_the_band),
    (
        "The largest change is that of `reestimatedencoder`: its error is smaller with every seed",
        anew_is_largest,
    ),
    ("all of it is inside the same bands", peers_inside),
    ("The Dice is a little lower with every seed", peers_lower),
    ("The plain network errs more in each.", heavy_in_each),
    ("beside all six seeds of `posweight200` the two overlap", heavy_overlap),
    ("That is less, and still far too much.", still_too_much),
    ("none of these changes matters", bits_are_small),
    ("They do not help `budget`", int8_by_network),
    ("rates 12 and 18 keep the centre alone", lambda _: taps_on_map(12, 8) == taps_on_map(18, 8) == 1),
    ("has a lower Dice than the worst of", phantoms_below),
    ("The published study has all the runs of its plan.", all_runs_are_there),
    (
        "every network of this study has that stem",
        lambda _: load_profile("published").network["stem"] == "sum",
    ),
]


@pytest.mark.parametrize(("sentence", "check"), CHECKS, ids=[sentence[:50] for sentence, _ in CHECKS])
def test_sentence_is_said_and_holds(found: Found, sentence: str, check: Callable[[Found], Any]) -> None:
    assert said("what-did-not-help", sentence)
    assert check(found)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 0.9, BIGGER),
        (-0.9, -0.1, SMALLER),
        (-0.4, 0.4, NONE),
        (-0.6, 0.1, UNKNOWN),
        (-0.1, 0.6, UNKNOWN),
    ],
)
def test_reading_of_an_interval(low: float, high: float, expected: str) -> None:
    assert read({"low": low, "high": high}) == expected
    assert read({"low": low, "high": high}, 1.0) in (expected, NONE)
