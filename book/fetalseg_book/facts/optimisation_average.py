"""A gentle start, small images first, and six networks as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fetalseg_book.facts.core import PROPOSED
from fetalseg_book.figures.described import seeds_in_words
from fetalseg_book.figures.paired import paired, told
from fetalseg_book.publishing.numbers import GOAL_DICE, GOAL_HC_MM, HIDDEN_DICE, HIDDEN_HC_MM
from fetalseg_lib.evaluation.stats import mean_intervals
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.study.tables import finished_runs

DICE, HC = "Dice (%)", "HC error (mm)"
BAR = {DICE: 100 * GOAL_DICE, HC: GOAL_HC_MM}
FOLDS = ("validation", "test")
ONE = [f"seed-{seed}" for seed in range(6)]
MIRRORED = [f"{look}_mirrored" for look in ONE]
LOOKS = {
    "one network (mean of six)": ONE,
    "one network, mirrored (mean of six)": MIRRORED,
    "all six": ["all"],
    "all six, mirrored": ["all_mirrored"],
}


def facts(results: Path) -> dict[str, Any]:
    """The numbers of these sections, and their tables."""
    return {
        "starts": starts_table(results),
        "looks": looks_table(results),
        **dict(_starts(results)),
        **dict(_average(results)),
    }


def of_start(results: Path, study: str, metric: str) -> pd.Series[Any]:
    """What another start changes in the small study's ``proposed``."""
    return paired(results, (PROPOSED, study), (PROPOSED, "small"), metric)


def starts_table(results: Path) -> pd.DataFrame:
    """Both starts against the small study's, on the same seeds."""
    warm, halved = (load_profile(name).training for name in ("warm_up", "progressive"))
    names = {
        "warm_up": f"the rate rises for {warm.warmup_epochs} epochs",
        "progressive": f"{halved.half_size_epochs} epochs at half the side",
    }
    rows = {
        name: {
            "test Dice (points)": told(of_start(results, study, "dice"), 100),
            HC: told(of_start(results, study, "hc_abs_error_mm")),
        }
        for study, name in names.items()
    }
    return pd.DataFrame(rows).T


def paces(results: Path) -> list[float]:
    """How long an epoch at half the side takes, as a share of a whole one, for each seed."""
    size = load_profile("progressive").training.half_size_epochs
    runs = sorted(results.glob("one_fold/progressive/hc18/proposed/seed-*/history.csv"))
    seconds = [pd.read_csv(run)["seconds"] for run in runs]
    return [float(s[:size].median() / s[size:].median()) for s in seconds]


def _starts(results: Path) -> Iterator[tuple[str, str]]:
    small, size = load_profile("small"), load_profile("progressive").training.half_size_epochs
    epochs = small.training.epochs
    runs = finished_runs(results / "one_fold" / "small" / "hc18" / PROPOSED)
    yield "opt_small_size", "×".join(map(str, small.image_size))
    yield "opt_small_epochs", str(epochs)
    yield "opt_small_seeds", seeds_in_words(len(runs))
    yield "opt_warm_dice", told(of_start(results, "warm_up", "dice"), 100)
    yield "opt_half_dice", told(of_start(results, "progressive", "dice"), 100)
    yield "opt_half_hc", told(of_start(results, "progressive", "hc_abs_error_mm"))
    yield "opt_half_epochs", str(size)
    pace = float(np.median(paces(results)))
    yield "opt_half_pace", f"{100 * pace:.0f} %"
    yield "opt_half_whole", f"{100 * (pace * size + epochs - size) / epochs:.0f} %"


def scores(results: Path, fold: str, look: str, *, study: str = "published") -> pd.DataFrame:
    """Dice and absolute error of each image of a fold, by one look."""
    rows = pd.read_csv(results / "one_fold" / "averaging" / "hc18" / study / fold / f"{look}.csv")
    rows = rows.set_index(["name", "exam"])
    return pd.DataFrame({DICE: 100 * rows["dice"], HC: rows["hc_error_mm"].abs()})


def means(results: Path) -> Any:
    """The mean of each look on each fold."""
    looks = [look for group in LOOKS.values() for look in group]
    return pd.DataFrame({(f, look): scores(results, f, look).mean() for f in FOLDS for look in looks}).T


def looks_table(results: Path) -> pd.DataFrame:
    """Single networks and averages, without and with mirror images, on both folds."""
    found = means(results)
    of_fold = {
        fold: pd.DataFrame({name: found.loc[fold].loc[looks].mean() for name, looks in LOOKS.items()}).T
        for fold in FOLDS
    }
    return pd.concat(of_fold, axis=1).round(2)


def against_one(results: Path, fold: str, metric: str) -> pd.Series[Any]:
    """The change from the mean network to the average of all, with an interval over the exams."""
    alone = pd.concat([scores(results, fold, look)[metric] for look in ONE], axis=1).mean(axis=1)
    change = (scores(results, fold, "all")[metric] - alone).rename("change").reset_index()
    return (
        mean_intervals(change.assign(variant="all", seed=0), "change").iloc[0].rename({"mean": "difference"})
    )


def mirror_helps(results: Path, fold: str) -> Any:
    """By how much each network's mirror image helps: more is better in both measures."""
    of_fold = means(results).loc[fold]
    change = of_fold.loc[MIRRORED].set_axis(ONE) - of_fold.loc[ONE]
    return change * [1, -1]


def best_alone(results: Path) -> str:
    """The single network that the validation images like best."""
    return str(means(results).loc["validation"].loc[ONE, DICE].idxmax())


def before(results: Path) -> pd.Series[float]:
    """What had been asked of the test images before: two networks with their mirror images."""
    return scores(results, "test", "both_mirrored", study="note_schedule").mean()


def _reached(row: Any) -> str:
    return f"{row[DICE]:.2f} % and {row[HC]:.2f} mm"


def _average(results: Path) -> Iterator[tuple[str, str]]:
    tested, alone = means(results).loc["test"], best_alone(results)
    mirror = mirror_helps(results, "validation") > 0
    yield "opt_bar_dice", f"{BAR[DICE]:.1f} %"
    yield "opt_bar_hc", f"{BAR[HC]} mm"
    yield "opt_all", _reached(tested.loc["all"])
    yield "opt_all_mirrored", _reached(tested.loc["all_mirrored"])
    for fold in FOLDS:
        yield f"opt_all_dice_{fold}", told(against_one(results, fold, DICE))
        yield f"opt_all_hc_{fold}", told(against_one(results, fold, HC))
    yield "opt_mirror_dice", f"{mirror[DICE].sum()} of {len(ONE)}"
    yield "opt_mirror_hc", f"{mirror[HC].sum()} of {len(ONE)}"
    yield "opt_alone", alone.replace("-", " ")
    yield "opt_alone_reached", _reached(tested.loc[alone])
    yield "opt_before", _reached(before(results))
    yield "opt_hidden", _reached({DICE: 100 * HIDDEN_DICE, HC: HIDDEN_HC_MM})
