"""What more epochs buy, and which of two networks leads after them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.facts.core import FREED, PARTS, PROPOSED
from fetalseg_book.facts.longer import early_end, without
from fetalseg_book.figures.described import ASKED_AGAIN, in_words, seeds_in_words
from fetalseg_book.figures.paired import Training, matched, paired, told
from fetalseg_lib.evaluation.stats import compare, mean_intervals, paired_differences, paired_mean
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.study.records import read_json
from fetalseg_lib.training.config import TrainingConfig

SHORT, LONG = "published", "note_schedule"
NETWORKS = (PROPOSED, "unet", FREED)
RECIPES = {
    "shorter": "10 epochs, cosine",
    "published": "20 epochs, cosine",
    "longer": "60 epochs, cosine",
    "note_schedule": "up to 100, plateau",
}
VALIDATION, DICE, HC = "validation Dice (%)", "test Dice (%)", "HC error (mm)"
FIRST, ALL = (0, 1, 2), (0, 1, 2, 3, 4, 5)
HARD = "143_2HC.png"
"""Known from the chapter on errors."""

COMPARED = (
    ("unet", PROPOSED, SHORT, ALL),
    *(("unet", PROPOSED, LONG, seeds) for seeds in (FIRST, ASKED_AGAIN, ALL)),
    *((FREED, other, recipe, ALL) for other in (PROPOSED, "unet") for recipe in (SHORT, LONG)),
)
"""Two networks, the recipe of both, and the seeds."""


def facts(results: Path) -> dict[str, Any]:
    """The numbers of these sections, and their tables."""
    by_training = {training: runs_of(results, *training) for training in trained(results)}
    return {
        "runs_by": by_training,
        "trainings": trainings_table(by_training),
        "changes": changes_table(results),
        "leads": leads_table(results),
        "parts": parts_table(results),
        **dict(_lengths(results)),
        **dict(_long_cosine(results)),
        **dict(_note_course(results)),
        **dict(_leads(results)),
        **dict(_one_image(results)),
        **dict(_parts(results)),
    }


@cache
def runs_of(results: Path, network: str, recipe: str) -> Any:
    """How long each finished run went, and what came of it: a row for each seed."""
    rows = []
    for path in sorted(results.glob(f"one_fold/{recipe}/hc18/{network}/seed-*/metrics.json")):
        run = read_json(path)
        row = {"seed": run["seed"], "epochs": run["epochs"], VALIDATION: 100 * run["validation_dice"]}
        test = {DICE: 100 * run["test"]["dice_mean"], HC: run["test"]["hc_abs_error_mm_mean"]}
        rows.append(row | test)
    return pd.DataFrame(rows).set_index("seed")


def trained(results: Path) -> list[Training]:
    """The networks by the recipes that were run."""
    return [(n, r) for n in NETWORKS for r in RECIPES if (results / "one_fold" / r / "hc18" / n).is_dir()]


def trainings_table(by_training: dict[Training, pd.DataFrame]) -> pd.DataFrame:
    """What each training came to, on average over its seeds."""
    rows = {}
    for (network, recipe), runs in by_training.items():
        lasted = sorted({runs["epochs"].min(), runs["epochs"].max()})
        means = runs.drop(columns="epochs").mean().map("{:.2f}".format)
        rows[network, RECIPES[recipe]] = {
            "seeds": len(runs),
            "epochs run": " to ".join(map(str, lasted)),
            **means,
        }
    return pd.DataFrame(rows).T


def gain(results: Path, training: Training) -> Any:
    """What another recipe changes against the study's, on the seeds of both."""
    network, recipe = training
    return (runs_of(results, network, recipe) - runs_of(results, network, SHORT)).dropna()


@cache
def change(results: Path, training: Training, metric: str) -> pd.Series[Any]:
    """What another recipe changes in a measure of the test images, with its interval."""
    return paired(results, training, (training[0], SHORT), metric)


def changes_table(results: Path) -> pd.DataFrame:
    """Each training against the study's, on the same seeds."""
    rows = {}
    for network, recipe in trained(results):
        if recipe == SHORT:
            continue
        gains = gain(results, (network, recipe))
        rows[network, RECIPES[recipe]] = {
            "seeds": len(gains),
            "validation Dice (points)": in_words([gains[VALIDATION].mean()]),
            "test Dice (points)": told(change(results, (network, recipe), "dice"), 100),
            HC: told(change(results, (network, recipe), "hc_abs_error_mm")),
        }
    return pd.DataFrame(rows).T


def _lengths(results: Path) -> Iterator[tuple[str, str]]:
    half, half_freed = (PROPOSED, "shorter"), (FREED, "shorter")
    yield "opt_note_epochs", str(TrainingConfig().epochs)
    yield "opt_note_seeds", seeds_in_words(len(runs_of(results, PROPOSED, LONG)))
    yield "opt_few_seeds", seeds_in_words(len(gain(results, half)))
    yield "opt_six", str(len(runs_of(results, PROPOSED, SHORT)))
    yield "opt_shorter_validation", f"{-gain(results, half)[VALIDATION].mean():.2f}"
    yield "opt_shorter_test", told(change(results, half, "dice"), 100)
    yield "opt_shorter_freed_validation", f"{-gain(results, half_freed)[VALIDATION].mean():.2f}"
    yield "opt_shorter_freed_test", told(change(results, half_freed, "dice"), 100)
    for network in NETWORKS:
        yield f"opt_gain_{network}", told(change(results, (network, LONG), "dice"), 100)
        yield f"opt_gain_hc_{network}", told(change(results, (network, LONG), "hc_abs_error_mm"))


def cut_off(results: Path, network: str) -> Any:
    """After how many epochs patience ended a long cosine before its end, for each such seed."""
    lasted = runs_of(results, network, "longer")["epochs"]
    return lasted[lasted < load_profile("longer").training.epochs]


def _long_cosine(results: Path) -> Iterator[tuple[str, str]]:
    freed, unet, own = ((network, "longer") for network in (FREED, "unet", PROPOSED))
    cut = cut_off(results, PROPOSED)
    dice = runs_of(results, *own)[DICE]
    yield "opt_longer_validation", f"{gain(results, freed)[VALIDATION].mean():.2f}"
    yield "opt_longer_test", told(change(results, freed, "dice"), 100)
    yield "opt_longer_high", f"{100 * change(results, freed, 'dice')['high']:.2f}"
    yield "opt_longer_cut", f"{len(cut_off(results, FREED))} of {len(runs_of(results, *freed))}"
    yield "opt_longer_unet", told(change(results, unet, "dice"), 100)
    yield "opt_longer_unet_note", told(paired(results, unet, ("unet", LONG), "dice"), 100)
    yield "opt_longer_proposed", told(change(results, own, "dice"), 100)
    yield "opt_longer_cut_epochs", " and ".join(map(str, cut))
    yield "opt_longer_cut_dice", " and ".join(f"{value:.2f} %" for value in dice[cut.index])
    yield "opt_longer_whole_dice", f"{dice.drop(cut.index).item():.2f} %"


def courses(results: Path) -> dict[tuple[str, int], pd.DataFrame]:
    """The history of each run by the note's schedule."""
    return {
        (network, seed): pd.read_csv(
            results / "one_fold" / LONG / "hc18" / network / f"seed-{seed}" / "history.csv"
        )
        for network in NETWORKS
        for seed in ALL
    }


def behind(results: Path) -> list[bool]:
    """Whether each was behind the same seed of the study, when the study's training was over."""
    planned = load_profile(SHORT).training.epochs
    return [
        100 * course["validation_dice"][:planned].max() < runs_of(results, network, SHORT)[VALIDATION][seed]
        for (network, seed), course in courses(results).items()
    ]


def passes(results: Path) -> Any:
    """The first epoch of each in which it is above all of the study's runs; NaN: never."""
    found = {}
    for (network, seed), course in courses(results).items():
        above = 100 * course["validation_dice"] > runs_of(results, network, SHORT)[VALIDATION].max()
        found[network, seed] = course["epoch"][above].min()
    return pd.Series(found)


def _note_course(results: Path) -> Iterator[tuple[str, str]]:
    late, passed = behind(results), passes(results).sort_index()
    yield "opt_behind", f"{sum(late)} of {len(late)}"
    yield "opt_passes_low", str(int(passed.drop(FREED).min()))
    yield "opt_passes_high", str(int(passed.drop(FREED).max()))
    yield "opt_passes_trained", f"{passed[FREED].notna().sum()} of {len(passed[FREED])}"
    for network in NETWORKS:
        lasted = runs_of(results, network, LONG)["epochs"]
        yield f"opt_spent_{network}", f"{lasted.min()} to {lasted.max()}"


def apart(results: Path, one: str, other: str, recipe: str, seeds: Collection[int] = ALL) -> Any:
    """``one`` minus ``other``, a row for each seed."""
    return (runs_of(results, one, recipe) - runs_of(results, other, recipe)).loc[list(seeds)]


@cache
def of_pair(
    results: Path, one: str, other: str, recipe: str, metric: str, seeds: tuple[int, ...] = ALL
) -> Any:
    """The same on the test images, with its interval."""
    return paired(results, (one, recipe), (other, recipe), metric, seeds=seeds)


def leads_table(results: Path) -> pd.DataFrame:
    """Each pair of networks that is compared, by each recipe."""
    rows = {}
    for one, other, recipe, seeds in COMPARED:
        runs = apart(results, one, other, recipe, seeds)
        dice, hc = (
            of_pair(results, one, other, recipe, m, tuple(seeds)) for m in ("dice", "hc_abs_error_mm")
        )
        rows[f"{one} − {other}", RECIPES[recipe], f"{seeds[0]} to {seeds[-1]}"] = {
            "test Dice (points)": told(dice, 100),
            "above in": f"{(runs[DICE] > 0).sum()} of {len(runs)}",
            HC: told(hc),
            "smaller in": f"{(runs[HC] < 0).sum()} of {len(runs)}",
        }
    return pd.DataFrame(rows).T.rename_axis(["", "training", "seeds"])


def shift(results: Path, column: str) -> dict[str, float]:
    """What the long training changes in the lead of the U-Net over ``proposed``, with an interval."""
    long, short = (apart(results, "unet", PROPOSED, recipe)[column] for recipe in (LONG, SHORT))
    found = paired_mean(long - short, margin=1)
    return {"difference": found.mean, "low": found.low, "high": found.high}


def for_new_exams(results: Path, one: str, other: str, metric: str) -> pd.Series[Any]:
    """The lead by the note's schedule, with an interval that counts the exams as well."""
    frame = matched(results, (one, LONG), (other, LONG))
    found = paired_differences(frame, metric, variant="one", baseline="other")
    return mean_intervals(found, metric).iloc[0].rename({"mean": "difference"})


def _leads(results: Path) -> Iterator[tuple[str, str]]:
    dice, hc = "dice", "hc_abs_error_mm"
    fresh = apart(results, "unet", PROPOSED, LONG, ASKED_AGAIN)
    fresh_hc = of_pair(results, "unet", PROPOSED, LONG, hc, ASKED_AGAIN)
    six = of_pair(results, "unet", PROPOSED, LONG, dice)
    yield "opt_fresh_hc_seeds", in_words(fresh[HC])
    yield "opt_fresh_hc", told(fresh_hc)
    yield "opt_fresh_p", f"{fresh_hc['p']:.3f}"
    yield "opt_fresh_dice_seeds", in_words(fresh[DICE])
    yield "opt_fresh_dice", told(of_pair(results, "unet", PROPOSED, LONG, dice, ASKED_AGAIN), 100)
    yield "opt_unet_long_mean", told(six, 100)
    yield "opt_unet_long_p", f"{six['p']:.3f}"
    yield "opt_unet_long_hc", told(of_pair(results, "unet", PROPOSED, LONG, hc))
    yield "opt_moved_dice", told(shift(results, DICE))
    yield "opt_moved_hc", told(shift(results, HC))
    yield "opt_trained_short", told(of_pair(results, FREED, PROPOSED, SHORT, dice), 100)
    yield "opt_trained_long", told(of_pair(results, FREED, PROPOSED, LONG, dice), 100)
    over = apart(results, FREED, "unet", LONG)[DICE]
    yield "opt_trained_unet", told(of_pair(results, FREED, "unet", LONG, dice), 100)
    yield "opt_trained_unet_above", f"{(over > 0).sum()} of {len(over)}"
    yield "opt_trained_unet_hc", told(of_pair(results, FREED, "unet", LONG, hc))
    exams = for_new_exams(results, "unet", PROPOSED, hc)
    yield "opt_exams", str(exams["exams"])
    yield "opt_exams_hc", told(exams)
    yield "opt_exams_dice", told(for_new_exams(results, FREED, PROPOSED, dice), 100)


def without_it(results: Path, recipe: str, metric: str) -> pd.Series[Any]:
    """The U-Net against ``proposed`` on all test images but one."""
    frame = matched(results, ("unet", recipe), (PROPOSED, recipe))
    return compare(frame[frame["name"] != HARD], metric, baseline="other").iloc[0]


def errors(results: Path) -> Any:
    """The error of each seed and image by the note's schedule: ``one`` the U-Net, ``other`` ``proposed``."""
    frame = matched(results, ("unet", LONG), (PROPOSED, LONG))
    return frame.pivot_table(index=["seed", "name"], columns="variant", values="hc_abs_error_mm")


def nearer(results: Path) -> Any:
    """On how many images, in %, the U-Net is the nearer one, for each seed."""
    table = errors(results)
    return 100 * (table["one"] < table["other"]).groupby("seed").mean()


def _one_image(results: Path) -> Iterator[tuple[str, str]]:
    table, closer = errors(results), nearer(results)
    lead = (table["one"] - table["other"]).groupby("name").mean()
    yield "opt_hard_share", f"{100 * lead[HARD] / lead.sum():.0f} %"
    yield "opt_nearer", f"{closer.min():.0f} to {closer.max():.0f} %"
    yield "opt_rest_hc", told(without_it(results, LONG, "hc_abs_error_mm"))
    yield "opt_rest_dice", told(without_it(results, LONG, "dice"), 100)
    yield "opt_short_rest", told(without_it(results, SHORT, "dice"), 100)


def parts_table(results: Path) -> pd.DataFrame:
    """What taking a part out changes by the note's schedule, seed by seed."""
    measures = {"dice": "test Dice (points)", "error": HC}
    rows = {part: without(results, part)[list(measures)].agg(in_words) for part in PARTS}
    return pd.DataFrame(rows).T.rename(columns=measures)


def _parts(results: Path) -> Iterator[tuple[str, str]]:
    fallen = early_end(results)
    yield "opt_part_seeds", seeds_in_words(len(without(results, "no_aspp")))
    yield "opt_parts_fallen", in_words([fallen["change"]])
    yield "opt_parts_fallen_epochs", str(fallen["epochs"])
    yield "opt_parts_others_epochs", " and ".join(map(str, fallen["others_epochs"]))
    yield "opt_parts_none", told(paired(results, ("mobilenet_unet", LONG), (PROPOSED, LONG), "dice"), 100)
