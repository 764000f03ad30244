"""The answer of a study with planned comparisons: a row for each arm, with what it changes, costs and brings.

A study without folds counts as one fold; its (fold, seed) pairs are its seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from fetalseg_book.stats import PairedMean, decide, holm, paired_mean
from fetalseg_lib.files import only_one
from fetalseg_lib.models import get_variant
from fetalseg_lib.study import records
from fetalseg_lib.study.profile import FOLD_COUNT, Profile
from fetalseg_lib.study.tables import finished_runs, mixed_recipes

ANSWER = "answer.csv"
COSTS = "costs.csv"
SIGNS = {"dice": 1, "hc": -1}
"""The primary measures; more Dice is a gain, more millimetres of error are a loss."""


def unit_differences(per_image: pd.DataFrame, variant: str, reference: str) -> pd.DataFrame:
    """Variant minus reference for each (fold, seed) that both have in the same precision.

    Columns ``fold``, ``seed``; ``dice``, the median over images of the paired difference in points; ``hc``,
    the difference of the mean absolute errors in mm; ``better_percent``, the share of images with the higher
    Dice, ties counted half. Raises ``ValueError`` where the two were tested on different images.
    """
    units = ["fold", "seed", "precision"]
    mine, theirs = (
        dict(list(per_image[per_image["variant"] == v].groupby(units))) for v in (variant, reference)
    )
    rows = []
    for unit in sorted(mine.keys() & theirs.keys()):
        a, b = (frame.set_index("name").sort_index() for frame in (mine[unit], theirs[unit]))
        if not a.index.equals(b.index):
            raise ValueError(
                f"{variant}, {reference}: expected the same test images in fold {unit[0]}, seed {unit[1]}"
            )
        dice = 100 * (a["dice"] - b["dice"])
        rows.append(
            {
                "fold": unit[0],
                "seed": unit[1],
                "dice": dice.median(),
                "hc": a["hc_error_mm"].abs().mean() - b["hc_error_mm"].abs().mean(),
                "better_percent": 50 * (np.sign(dice).mean() + 1),
            }
        )
    return pd.DataFrame(rows, columns=["fold", "seed", "dice", "hc", "better_percent"])


def answer(
    per_image: pd.DataFrame, profile: Profile, *, costs: pd.DataFrame | None = None, overlap: float = 0.0
) -> pd.DataFrame:
    """One row for each arm of the profile's plan, by its rule for the word.

    ``per_image`` comes from :func:`collect`. Each comparison is tested
    on its (fold, seed) pairs (:func:`~fetalseg_book.stats.decision.paired_mean`, which explains
    ``overlap``), with Holm's correction over both measures of all comparisons of one family, run or not.
    Intervals are those of one comparison. An arm that lacks a fold gets ``incomplete`` for a word, one
    without runs ``not run``.
    """
    tested = {
        name: _test(unit_differences(per_image, name, plan.reference), profile, overlap)
        for name, plan in profile.comparisons.items()
    }
    corrected = _holm_by_family(tested, profile)
    rows = []
    for name in profile.variants:
        variant, runs = get_variant(name), per_image[per_image["variant"] == name]
        row: dict[str, object] = {"variant": name, "shown_as": variant.shown_as, "changed": variant.changes}
        row |= _costs(costs, name)
        row |= {
            "dice_percent": _mean(100 * runs["dice"], runs),
            "hc_error_mm": _mean(runs["hc_error_mm"].abs(), runs),
            "folds": runs["fold"].nunique(),
            "seeds": runs["seed"].nunique(),
        }
        if name in tested:
            row |= _found(tested[name])
        row["word"] = _word(name, runs, tested, corrected, profile)
        rows.append(row)
    return pd.DataFrame(rows).reindex(columns=_COLUMNS)


_COLUMNS = [
    *("variant", "shown_as", "changed", "parameters_m", "trained_m", "gflops", "cpu_ms"),
    *("dice_percent", "dice_difference", "dice_low", "dice_high"),
    *("hc_error_mm", "hc_difference", "hc_low", "hc_high"),
    *("images_better_percent", "folds", "seeds", "word"),
]


def collect(root: Path, *, file: str = records.PER_IMAGE) -> pd.DataFrame:
    """Every image of every finished run below ``root`` with the run's ``variant``, ``fold``, ``seed``.

    ``precision`` is that of its training: a pair of runs shares it, or is none. Raises ``ValueError`` where
    there is no finished run, or where runs differ in more than their arm, fold and seed.
    """
    if mixed := mixed_recipes(root):
        raise ValueError(mixed[0])
    frames = []
    for folder in finished_runs(root):
        metrics = records.read_json(folder / records.METRICS)
        run = {"variant": metrics["variant"], "fold": metrics.get("fold") or 0, "seed": metrics["seed"]}
        precision = records.read_json(folder / records.ENVIRONMENT).get("precision")
        if precision is None:
            raise ValueError(
                f"{folder / records.ENVIRONMENT}: expected the precision of the training, found none; "
                "train it again"
            )
        frames.append(pd.read_csv(folder / file).assign(**run, precision=precision))
    if not frames:
        raise ValueError(f"{root}: expected finished runs (seed-N/{records.METRICS}), found none")
    return pd.concat(frames, ignore_index=True)


def tables(root: Path, profile: Profile) -> dict[str, pd.DataFrame]:
    """The answer on the test images; with folds, also on validation images, and with overlap corrected for.

    Costs come from ``tables/costs.csv`` where that stands: all networks, timed in one run.
    """
    costs = root / "tables" / COSTS
    timed = pd.read_csv(costs) if costs.is_file() else None
    test = collect(root)
    found = {ANSWER: answer(test, profile, costs=timed)}
    if not profile.folds:
        return found
    share = 1 / FOLD_COUNT
    return found | {
        "answer_validation.csv": answer(collect(root, file=records.VALIDATION), profile),
        "answer_corrected.csv": answer(test, profile, overlap=share / (0.9 * (1 - share))),
    }


def write_answer(root: Path, profile: Profile) -> list[Path]:
    """Write the :func:`tables` of a study below ``root`` and return their paths."""
    paths = []
    with only_one(root / "tables" / ANSWER):
        for name, table in tables(root, profile).items():
            paths.append(root / "tables" / name)
            records.write_csv(paths[-1], table)
    return paths


Tested = tuple[pd.DataFrame, dict[str, PairedMean]]


def _test(units: pd.DataFrame, profile: Profile, overlap: float) -> Tested:
    margins = {"dice": profile.margins["dice_points"], "hc": profile.margins["hc_mm"]}
    if units.empty:
        return units, {}
    return units, {
        name: paired_mean(units[name], margin=margin, overlap=overlap) for name, margin in margins.items()
    }


def _holm_by_family(tested: Mapping[str, Tested], profile: Profile) -> dict[tuple[str, str], float]:
    """Over every planned comparison: one that lacks folds counts as 1, so a later arm weakens no word."""
    plans, corrected = profile.comparisons, dict[tuple[str, str], float]()
    for family in {plan.family for plan in plans.values()}:
        keys = [(n, m) for n, plan in plans.items() if plan.family == family for m in SIGNS]
        known = [tested[n][1][m].p if _whole(tested[n], profile) else 1.0 for n, m in keys]
        corrected |= dict(zip(keys, holm(np.nan_to_num(known, nan=1.0)), strict=True))
    return corrected


def _whole(tested: Tested, profile: Profile) -> bool:
    units, found = tested
    return bool(found) and units["fold"].nunique() >= len(profile.folds)


def _word(
    name: str,
    runs: pd.DataFrame,
    tested: Mapping[str, Tested],
    corrected: Mapping[tuple[str, str], float],
    profile: Profile,
) -> str:
    if runs.empty:
        return "not run"
    if name not in tested:
        return "reference"
    if not _whole(tested[name], profile):
        return "incomplete"
    found = tested[name][1]
    return decide(
        [sign * found[measure].mean for measure, sign in SIGNS.items()],
        p=[corrected[name, measure] for measure in SIGNS],
        p_margin=[found[measure].p_margin for measure in SIGNS],
    )


def _found(tested: Tested) -> dict[str, float]:
    units, found = tested
    values: dict[str, float] = {"images_better_percent": units["better_percent"].mean()}
    for measure, mean in found.items():
        values |= {
            f"{measure}_difference": mean.mean,
            f"{measure}_low": mean.low,
            f"{measure}_high": mean.high,
        }
    return values


def _mean(values: pd.Series, runs: pd.DataFrame) -> float:
    """The mean over runs of each run's mean, so that a fold with more images weighs no more."""
    return float(values.groupby([runs["fold"], runs["seed"]]).mean().mean())


def _costs(costs: pd.DataFrame | None, variant: str) -> dict[str, object]:
    if costs is None or variant not in set(costs["variant"]):
        return {}
    row = costs.set_index("variant").loc[variant]
    return {
        "parameters_m": row["parameters"] / 1e6,
        "trained_m": row["trainable"] / 1e6,
        "gflops": row["gflops"],
        "cpu_ms": row["latency_ms"],
    }
