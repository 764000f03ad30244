"""The ablation's sentences, each with what it rests on in the result files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sentences import includes_zero, said

from fetalseg_book.facts import ablation
from fetalseg_book.facts.ablation import (
    LONG,
    PLAIN,
    WORSE,
    as_written,
    exams_too,
    heavy,
    leads,
    long_exams_too,
)
from fetalseg_book.facts.answer import answer_of, the_answer
from fetalseg_book.facts.core import FREED, PARTS, PROPOSED, core, epochs_run
from fetalseg_book.facts.typical import pair
from fetalseg_book.figures.paired import by_seed

RESULTS = Path(__file__).parents[3] / "results"
Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return ablation.facts(RESULTS)


def words(found: Found) -> dict[str, str]:
    return dict(found["answer"].table["word"])


def parts_are_equivalent(found: Found) -> bool:
    return {words(found)[name] for name in PARTS} == {"equivalent"}


def one_gain(found: Found) -> bool:
    return [name for name, word in words(found).items() if word == "better"] == [FREED]


def weight_is_worst(found: Found) -> bool:
    table = answer_of(RESULTS, "published").table
    return table["hc_difference"].idxmax() == table["dice_difference"].idxmin() == "pos_weight_200"


def long_words(_: Found) -> dict[str, str]:
    return dict(answer_of(RESULTS, LONG).table["word"])


def unet_passes_and_ties(found: Found) -> bool:
    tie = pair(RESULTS, FREED, PLAIN, study=LONG)
    return (
        words(found)[PLAIN] == "equivalent"
        and long_words(found)[PLAIN] == "better"
        and tie.median.p > 0.05
        and tie.median.p_margin < 0.05
    )


def residual_loss(found: Found) -> bool:
    row = found["answer"].table.loc["no_residual"]
    margin = found["answer"].plan.margins["dice_points"]
    in_every_seed = (
        by_seed(RESULTS, ("no_residual", "published"), (PROPOSED, "published"))["median"] < 0
    ).all()
    return bool(
        row["dice_high"] < 0
        and 0.4 < -row["dice_difference"] / margin < 0.6
        and in_every_seed
        and row["hc_low"] < 0 < row["hc_high"]
    )


def two_worse(found: Found) -> bool:
    table = answer_of(RESULTS, "published").table
    largest = set(table["dice_difference"].abs().nlargest(2).index)
    return {name for name, word in table["word"].items() if word == "worse"} == set(WORSE) == largest


def written_before(found: Found) -> bool:
    floor = found["study"].floor
    return set(floor["seeds"]) == set(floor["measured_seeds"]) == {len(found["study"].plan.seeds)}


def fastest(found: Found) -> bool:
    table = found["answer"].table
    return table["cpu_ms"].idxmin() == "mobilenet_unet" and words(found)["mobilenet_unet"] == "equivalent"


def aspp_is_expensive(found: Found) -> bool:
    saved = found["answer"].table["parameters_m"]
    return max(PARTS[:3], key=lambda name: saved[PROPOSED] - saved[name]) == "no_aspp"


def cheap_but_slow(found: Found) -> bool:
    table = found["answer"].table
    own, rows = table.loc[PROPOSED], table.loc[["no_se", "no_residual"]]
    return (rows["parameters_m"] > 0.98 * own["parameters_m"]).all() and (
        rows["cpu_ms"] < 0.95 * own["cpu_ms"]
    ).all()


def unet_is_slower(found: Found) -> bool:
    plain, own = (found["answer"].table.loc[name] for name in (PLAIN, PROPOSED))
    return plain["parameters_m"] < own["parameters_m"] and plain["cpu_ms"] > own["cpu_ms"]


def level_or_behind(_: Found) -> bool:
    short = leads(RESULTS)["Plain U-Net"].query("study in ('small', 'published')")
    return (short["dice"] < 0.01).all() and (short["dice_low"] < 0).all()


def asked_again(_: Found) -> bool:
    fresh = by_seed(RESULTS, (PLAIN, LONG), (PROPOSED, LONG), seeds=(3, 4, 5))["hc"]
    return bool((fresh < 0).all() and stats.ttest_1samp(fresh, 0).pvalue < 0.05)


def leads_by_less(_: Found) -> bool:
    rows = leads(RESULTS)["Fine-tuned encoder"].set_index("study")["dice"]
    return 0 < rows[LONG] < rows["published"]


def two_undecided(found: Found) -> bool:
    said_ = [long_words(found)[name] for name in PARTS]
    return said_.count("undecided") == 2 and "better" not in said_ and "worse" not in said_


def two_cut_short(_: Found) -> bool:
    lasted = epochs_run(RESULTS, "longer", PROPOSED)
    return [epochs < 60 for epochs in lasted.values()].count(True) == 2 and len(lasted) == 3


def fails_on_all(found: Found) -> bool:
    errors = found["per_image"].groupby("variant")["hc_error_mm"]
    return float((errors.get_group("pos_weight_200") > 0).mean()) > 0.9


def narrower(found: Found) -> bool:
    own, freed = (ablation.limits_of(found["study"], name).loc["all"] for name in (PROPOSED, FREED))
    return own["low"] < freed["low"] and freed["high"] < own["high"]


def possible_under_the_weight(_: Found) -> bool:
    """The note's gap lies inside the interval, which includes zero; with the study's nothing is left."""
    change = 100 * heavy(RESULTS)[["low", "high"]]
    return change["low"] < 0 < 1.01 < change["high"] and words_of("unet") == "equivalent"


def words_of(name: str) -> str:
    return str(the_answer(RESULTS).table.loc[name, "word"])


CHECKS: list[tuple[str, Callable[[Found], Any]]] = [
    ("no difference that matters, alone or together", parts_are_equivalent),
    ("Fine-tuning the encoder is the only gain", one_gain),
    ("The loss weight of 200 does most harm", weight_is_worst),
    ("the plain U-Net passes the note's network, and ties with the fine-tuned encoder", unet_passes_and_ties),
    ("By its plan, written before any other variant was trained, it detects", written_before),
    (
        "below zero in every seed, and only … of the images get better. That is a consistent loss, but half",
        residual_loss,
    ),
    ("So the two largest effects do not come from parts of the decoder.", two_worse),
    ("ASPP is the expensive part.", aspp_is_expensive),
    ("cost few weights, but some time", cheap_but_slow),
    ("has fewer weights and … times the operations", unet_is_slower),
    ("So removing all three parts gives the fastest network here", fastest),
    ("After short training it is level or behind.", level_or_behind),
    ("planned as a second test, confirmed the smaller error", asked_again),
    ("The fine-tuned encoder leads by less than after short training", leads_by_less),
    ("cannot decide about two of them", two_undecided),
    ("early stopping cut two of the three trainings of the note's network short", two_cut_short),
    ("With the weight of 200 nearly every head comes out too large", fails_on_all),
    ("with a fine-tuned encoder they narrow to", narrower),
    ("a lead of about that size is possible under this weight", possible_under_the_weight),
    (
        "reaches … on validation and … on test images here",
        lambda _: (as_written(RESULTS) < 96).all(axis=None),
    ),
    ("error after longer training, …, includes zero", lambda _: includes_zero(long_exams_too(RESULTS))),
    (
        "interval of the fine-tuned encoder's mean lead of … points is",
        lambda f: exams_too(f["study"])["low"] > 0,
    ),
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
    folder = core(RESULTS).folder
    runs = {
        name: [
            pd.read_csv(folder / name / f"seed-{seed}" / "per_image.csv", index_col="name")
            for seed in range(6)
        ]
        for name in (variant, PROPOSED)
    }
    change = [100 * (one["dice"] - other["dice"]) for one, other in zip(*runs.values(), strict=True)]
    medians = [float(np.median(seed)) for seed in change]
    found = pair(RESULTS, variant)
    assert found.median.mean == pytest.approx(np.mean(medians))
    assert found.median.p == pytest.approx(stats.ttest_1samp(medians, 0).pvalue)
    row = answer_of(RESULTS, "published").table.loc[variant]
    assert row["dice_difference"] == pytest.approx(np.mean(medians))
    mean, median, better = TYPICAL[variant]
    assert found.mean.mean == pytest.approx(mean, abs=0.006)
    assert found.median.mean == pytest.approx(median, abs=0.006)
    assert row["images_better_percent"] == pytest.approx(better, abs=0.51)
