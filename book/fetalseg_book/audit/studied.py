"""Training claims against the published runs: matched seeds, an interval, and 'pending' until they exist."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from scipy import stats

from fetalseg_lib.study import records
from fetalseg_lib.study.tables import finished_runs

MIN_SEEDS = 3
"""With fewer matched seeds a difference is an anecdote, and the verdict stays pending."""


class Studied:
    """The finished runs below one folder or several; an absent folder has none.

    ``recipe`` says in words how they were trained.

    >>> Studied(Path("nowhere")).seeds("proposed")
    0
    """

    def __init__(self, *roots: Path, recipe: str = "one recipe") -> None:
        self.recipe = recipe
        folders = [folder for root in roots if root.is_dir() for folder in finished_runs(root)]
        self.runs = pd.DataFrame([_row(folder) for folder in folders])

    def seeds(self, *variants: str) -> int:
        """How many seeds all of ``variants`` have in common."""
        return len(self.matched(variants, "epochs"))

    def matched(self, variants: Sequence[str], column: str) -> pd.DataFrame:
        """One row per seed that all variants have, one column per variant.

        Columns of a run: ``validation_dice``, ``best_epoch``, ``epochs``, ``dice``, ``hc_abs_error_mm`` and
        ``gap`` (validation loss less training loss at the best epoch). No times: runs may share a device.
        """
        if self.runs.empty:
            return pd.DataFrame(columns=list(variants))
        table = self.runs.pivot_table(index="seed", columns="variant", values=column)
        return table.reindex(columns=list(variants)).dropna()

    def epochs_to_reach(self, one: str, other: str) -> pd.DataFrame:
        """The epoch in which each first has the validation Dice that both reach, one row a matched seed.

        A schedule decides when a training is at its best; when it passes a given Dice says more.
        """
        best = self.matched((one, other), "validation_dice").min(axis=1)
        rows = {
            int(str(seed)): [self._first_epoch(variant, int(str(seed)), dice) for variant in (one, other)]
            for seed, dice in best.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=[one, other])

    def _first_epoch(self, variant: str, seed: int, dice: float) -> int:
        run = self.runs[(self.runs["variant"] == variant) & (self.runs["seed"] == seed)].iloc[0]
        history = pd.read_csv(Path(run["folder"]) / records.HISTORY)
        return int(history.loc[history["validation_dice"] >= dice, "epoch"].min())

    def difference(self, one: str, other: str, column: str) -> tuple[float, float, float]:
        """Mean of ``one`` less ``other`` over matched seeds, and its t-interval at 95 %."""
        pairs = self.matched((one, other), column)
        if len(pairs) < 2:
            raise ValueError(f"{one}, {other}: expected at least two matched seeds, got {len(pairs)}")
        return mean_and_interval(pairs[one] - pairs[other])


def mean_and_interval(values: pd.Series) -> tuple[float, float, float]:
    """The mean of at least two values and its t-interval at 95 %.

    >>> [round(end, 2) for end in mean_and_interval(pd.Series([1.0, 2.0, 3.0]))]
    [2.0, -0.48, 4.48]
    """
    mean = float(values.mean())
    error = float(values.std()) / math.sqrt(len(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return mean, mean - half, mean + half


def _row(folder: Path) -> dict[str, object]:
    metrics = records.read_json(folder / records.METRICS)
    history = pd.read_csv(folder / records.HISTORY)
    best = history[history["epoch"] == metrics["best_epoch"]].iloc[0]
    return {
        **{name: metrics[name] for name in ("variant", "seed", "validation_dice", "best_epoch", "epochs")},
        "folder": folder,
        "dice": metrics["test"]["dice_mean"],
        "hc_abs_error_mm": metrics["test"]["hc_abs_error_mm_mean"],
        "gap": float(best["validation_loss"] - best["train_loss"]),
    }
