"""Optimisation: how the study's trainings went, and what another patience would have done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fetalseg_book.facts.core import PROPOSED, Core, core
from fetalseg_lib.training.config import TrainingConfig

Run = tuple[str, int]
"""A variant and a seed."""

WILD = ("pos_weight_200", "random_encoder")
PATIENCES = (1, 2, 3, 5)


def facts(results: Path) -> dict[str, Any]:
    """All numbers of the chapter, and the tables and courses that its cells show."""
    study = core(results)
    courses = histories(study.folder)
    note = TrainingConfig()
    replays = replayed(courses)
    return {
        "histories": courses,
        "replayed": replays,
        "patience": patience_table(replays),
        "opt_patience": str(note.plateau_patience),
        "opt_stop": str(note.early_stopping_patience),
        "opt_epochs": str(study.environment["config"]["training"]["epochs"]),
        "opt_validation": str(study.environment["split"]["validation"]),
        "opt_size": "×".join(map(str, study.environment["config"]["image_size"])),
        **dict(_courses(courses, study)),
        **dict(_stopping(replays, study)),
    }


def histories(folder: Path) -> dict[Run, Any]:
    """The history of every run below ``folder``."""
    return {
        (path.parent.parent.name, int(path.parent.name.removeprefix("seed-"))): pd.read_csv(path)
        for path in sorted(folder.glob("*/seed-*/history.csv"))
    }


def kept(courses: dict[Run, Any]) -> dict[Run, int]:
    """The epoch of each run whose weights are kept."""
    return {run: int(h.loc[h["validation_dice"].idxmax(), "epoch"]) for run, h in courses.items()}


def below_best(courses: dict[Run, Any]) -> dict[Run, float]:
    """By how many points each run ends below its best."""
    return {
        run: 100 * float(h["validation_dice"].max() - h["validation_dice"].iloc[-1])
        for run, h in courses.items()
    }


def deepest_fall(courses: dict[Run, Any]) -> tuple[Run, Any]:
    """The run that fell furthest in one epoch, after the fifth, and all its steps from there."""
    falls = {run: h["validation_dice"].diff().iloc[5:] for run, h in courses.items()}
    run = min(falls, key=lambda name: float(falls[name].min()))
    return run, falls[run]


def _courses(courses: dict[Run, Any], study: Core) -> Iterator[tuple[str, str]]:
    planned = study.environment["config"]["training"]["epochs"]
    best, below = kept(courses), below_best(courses)
    deepest, falls = deepest_fall(courses)
    ended = {run: len(h) for run, h in courses.items() if len(h) < planned}
    where = [f"seed {seed} of {variant}, after epoch {epoch}" for (variant, seed), epoch in ended.items()]
    yield "opt_runs", str(len(courses))
    yield "opt_last_is_best", str(sum(best[run] == len(h) for run, h in courses.items()))
    yield "opt_calm_below", f"{max(below[run] for run in courses if run[0] not in WILD):.2f}"
    yield "opt_wild_below", f"{max(below[run] for run in courses if run[0] in WILD):.1f}"
    yield "opt_deepest", f"{-100 * falls.min():.0f}"
    yield "opt_deepest_run", f"seed {deepest[1]} of {deepest[0]}"
    yield "opt_deepest_epoch", str(int(courses[deepest].loc[falls.idxmin(), "epoch"]))
    yield "opt_deepest_below", f"{below[deepest]:.2f}"
    yield "opt_ended", "; ".join(where) or "none"
    yield "opt_n_ended", str(len(ended))


def stopped(history: pd.DataFrame, patience: int) -> tuple[int, float]:
    """The epoch after which a training with this patience ends, and the best Dice it has seen."""
    best, since = -np.inf, 0
    for epoch, dice in enumerate(history["validation_dice"], start=1):
        best, since = (dice, 0) if dice > best else (best, since + 1)
        if since == patience:
            return epoch, best
    return len(history), best


def replayed(courses: dict[Run, Any]) -> pd.DataFrame:
    """Every finished history, ended by each patience: points of Dice ``lost``, share of epochs ``saved``."""
    rows = []
    for (variant, _), history in courses.items():
        for patience in PATIENCES:
            epoch, best = stopped(history, patience)
            lost = 100 * (history["validation_dice"].max() - best)
            saved = 100 * (1 - epoch / len(history))
            rows.append({"patience": patience, "variant": variant, "lost": lost, "saved": saved})
    return pd.DataFrame(rows)


def patience_table(replays: pd.DataFrame) -> Any:
    """Mean and largest loss and saving of each patience."""
    table = replays.groupby("patience")[["lost", "saved"]].agg(["mean", "max"])
    pairs: Any = table.columns
    return table.set_axis([f"{what}, {how} (%)" for what, how in pairs], axis=1)


def _stopping(replays: pd.DataFrame, study: Core) -> Iterator[tuple[str, str]]:
    table = patience_table(replays)
    for name, patience in (("one", 1), ("five", 5)):
        yield f"opt_saved_{name}", f"{table.loc[patience, 'saved, mean (%)']:.0f} %"
        yield f"opt_lost_{name}", f"{table.loc[patience, 'lost, mean (%)']:.2f}"
    yield "opt_lost_one_max", f"{table.loc[1, 'lost, max (%)']:.2f}"
    own = replays[(replays["patience"] == 1) & (replays["variant"] == PROPOSED)]
    yield "opt_lost_one_own", f"{own['lost'].mean():.2f}"
    yield "opt_five_untouched", str(int((replays[replays["patience"] == 5]["saved"] == 0).sum()))
    yield "opt_seed_sd", f"{100 * study.floor.loc['dice', 'sd']:.2f}"
