"""The checks that trainings decide, by one rule: the largest study decides that trained as the claim says.

A claim that a part or a choice helps names no training: the cross-validated study decides once it has both
networks in all folds, and until then the study on one fold. What happens during training (epochs,
overfitting) is asked of the runs by the note's schedule. The note's own scores are those of its recipe to
the letter, on validation images, and no other runs decide about them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.stated import Between, Finding, PendingError, Stated, Verdict, decided
from fetalseg_book.stats import PairedMean, decide, holm, paired_mean
from fetalseg_book.studies.answer import ANSWER, collect, unit_differences
from fetalseg_lib.study import records
from fetalseg_lib.study.profile import FOLD_COUNT, load_profile
from fetalseg_lib.study.tables import finished_runs

LARGEST_FIRST = (
    ("five folds over all exams", ("crossval/hc18",), "crossval"),
    ("one fold", ("one_fold/published/hc18", "one_fold/descriptive/hc18"), "published"),
)
"""Studies whose runs differ in the network alone: their size, their folders, and the plan of the first."""

AS_WRITTEN = {"crossval/hc18": FOLD_COUNT, "one_fold/descriptive/hc18": 1}
"""Studies with arms by the note's recipe to the letter, the largest first, and how many folds each has."""

BY_NOTE = "one_fold/note_schedule/hc18"

MIN_RUNS = 3
"""With fewer matched runs a difference is an anecdote, and the verdict stays pending."""

HELPS = {"better": True, "worse": False, "equivalent": False, "undecided": None}
"""Whether a part helps, by each word of the ablation."""


# Does a part or a choice help?


def helps(evidence: Evidence, *, one: str, than: str) -> Finding:
    """Compare {one} with {than} on the same images, run by run: the median difference in Dice,
    and the mean error in head circumference.
    """
    frame, where, word = _compared(evidence, one, than)
    units = unit_differences(frame, one, than)
    dice, hc = _tested(units["dice"], "dice_points"), _tested(units["hc"], "hc_mm")
    word = word or decide([dice.mean, -hc.mean], p=[dice.p, hc.p], p_margin=[dice.p_margin, hc.p_margin])
    return _said(word, f"{with_interval(dice)} points, {with_interval(hc)} mm", dice.pairs, where)


def helps_at_every_size(evidence: Evidence, *, one: str, than: str) -> Finding:
    """Compare {one} with {than} run by run, for heads below 100 mm, up to 245 mm and above:
    the median difference in Dice.
    """
    frame, where, _ = _compared(evidence, one, than)
    sizes = frame.groupby(pd.cut(frame["hc_reference_mm"], [0, 100, 245, 400]), observed=True)
    units = [unit_differences(heads, one, than)["dice"] for _, heads in sizes]
    found = [_tested(dice, "dice_points") for dice in units]
    corrected = holm(np.array([size.p for size in found]))
    word = decide([size.mean for size in found], p=list(corrected), p_margin=[s.p_margin for s in found])
    measured = f"{', '.join(map(with_interval, found))} points for small, middle and large heads"
    return _said(word, measured, found[0].pairs, where)


def _tested(differences: pd.Series[float], measure: str) -> PairedMean:
    return paired_mean(differences, margin=load_profile("crossval").margins[measure])


def _said(word: str, measured: str, runs: int, where: str) -> Finding:
    return decided(HELPS[word], measured, f"{word.capitalize()}, over {runs} matched runs on {where}.")


def _compared(evidence: Evidence, one: str, than: str) -> tuple[pd.DataFrame, str, str | None]:
    """The tested images of both from the largest study that has them, its size, and the word of its plan."""
    for where, folders, plan in LARGEST_FIRST:
        word = _planned(evidence.results / folders[0] / "tables" / ANSWER, plan, one, than)
        paths = [evidence.results / folder / variant for folder in folders for variant in (one, than)]
        there = [path for path in paths if finished_runs(path)]
        if len(there) < 2 or (plan == "crossval" and word is None):
            continue
        frame = pd.concat([collect(path) for path in there])
        if len(unit_differences(frame, one, than)) >= MIN_RUNS:
            return frame, where, word
    raise PendingError(f"Matched runs of {one} and {than} needed: {MIN_RUNS}.")


def _planned(file: Path, study: str, one: str, than: str) -> str | None:
    """The word of a planned comparison, said of ``one``; none where it was not planned, or is not done."""
    plan = load_profile(study).comparisons.get(than)
    if not (file.is_file() and plan and plan.reference == one):
        return None
    word = str(pd.read_csv(file).set_index("variant").loc[than, "word"])
    return {"better": "worse", "worse": "better"}.get(word, word if word in HELPS else None)


# What happens during training, by the note's schedule


def overfits_less(evidence: Evidence, *, one: str, than: str) -> Finding:
    """Validation loss less training loss at the best epoch, {one} less {than}, over matched seeds of the runs
    by the note's schedule.
    """
    runs = by_note(evidence.results, one, than)
    found = paired_mean(runs[one].apply(_gap, axis=1) - runs[than].apply(_gap, axis=1), margin=1)
    return decided(
        None if found.low <= 0 <= found.high else found.mean < 0,
        with_interval(found, digits=4),
        f"Over {found.pairs} matched seeds; above 0, {one} overfits more.",
    )


def best_epoch(evidence: Evidence, *, of: str, value: Between) -> Finding:
    """The mean epoch of the best validation Dice, runs by the note's schedule, and its 95 % interval."""
    best = by_note(evidence.results, of)[of]["best_epoch"]
    found = paired_mean(best, margin=1)
    inside = value.agrees(found.mean)
    overlaps = found.low <= value.high and found.high >= value.low
    return decided(
        None if overlaps and not inside else inside,
        f"epoch {found.mean:.0f}",
        f"Mean of {found.pairs} seeds, from {best.min()} to {best.max()}; its interval is "
        f"{found.low:.0f} to {found.high:.0f}.",
    )


def times_faster(evidence: Evidence, *, one: str, than: str, value: Between) -> Finding:
    """Epochs until the validation Dice first reaches 95, 96, 96.5 and 97 %, the same goals for both:
    those of {than} over those of {one}, runs by the note's schedule.
    """
    runs = by_note(evidence.results, one, than)
    folders, goals = runs.xs("folder", axis=1, level=1), (95, 96, 96.5, 97)
    means = pd.DataFrame({goal: folders.map(_first_epoch, goal=goal).dropna().mean() for goal in goals}).T
    ratio = means[than] / means[one]
    told = (f"{goal:g} % in epoch {row[one]:.1f} against {row[than]:.1f}" for goal, row in means.iterrows())
    return decided(
        ratio.min() <= value.high and ratio.max() >= value.low,
        f"{ratio.min():.2g} to {ratio.max():.2g} times",
        f"{one} against {than}, mean of {len(runs)} matched seeds: {', '.join(told)}.",
    )


def by_note(results: Path, *variants: str) -> Any:
    """The runs by the note's schedule: a row for each seed that all variants have, columns by variant."""
    runs = pd.concat({name: _runs(results / BY_NOTE / name) for name in variants}, axis=1, join="inner")
    if len(runs) < MIN_RUNS:
        why = f"Seeds of {' and '.join(variants)} needed: {MIN_RUNS}. There so far: {len(runs)}."
        raise PendingError(why)
    return runs


def _runs(folder: Path) -> pd.DataFrame:
    """What each finished run says of itself, by its fold and seed, with its ``folder``."""
    said = [(run, records.read_json(run / records.METRICS)) for run in finished_runs(folder)]
    rows = [metrics | {"fold": metrics.get("fold") or 0, "folder": run} for run, metrics in said]
    columns = ["fold", "seed", "epochs", "best_epoch", "validation_dice", "folder"]
    return pd.DataFrame(rows, columns=columns).set_index(["fold", "seed"])


def _history(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / records.HISTORY).set_index("epoch")


def _gap(run: pd.Series[Any]) -> float:
    best = _history(run["folder"]).loc[run["best_epoch"]]
    return float(best["validation_loss"] - best["train_loss"])


def _first_epoch(folder: Path, goal: float) -> float:
    dice = 100 * _history(folder)["validation_dice"]
    return float(dice.index[dice >= goal].min())


# The note's own scores, by its recipe to the letter


def as_written(evidence: Evidence, *, of: str, value: Stated, less: str = "") -> Finding:
    """Mean validation Dice of the runs by the note's recipe to the letter (its averaged stem, its weight of
    200, its schedule), and its 95 % interval.
    """
    known = _as_written(evidence, *filter(None, (of, less)))
    if len(known) < MIN_RUNS:
        why = "The runs that decide are part of the cross-validated study, and are not there yet."
        return Finding(verdict=Verdict.NOT_AS_WRITTEN, measured="", why=why)
    found = paired_mean(known[of] - known[less] if less else known[of], margin=1)
    holds = found.low <= value.value <= found.high
    return decided(
        None if less and holds and found.low <= 0 else holds,
        f"{value.show(found.mean)} [{value.show(found.low)}, {value.show(found.high)}]",
        f"Mean of {found.pairs} runs and its 95 % interval, on our validation images.",
    )


def gain_exceeds_seeds(evidence: Evidence, *, of: str, value: Stated) -> Finding:
    """The best less the worst validation Dice of equal trainings by the note's recipe to the letter,
    which differ in the seed alone; with several folds, on average.
    """
    for study in AS_WRITTEN:
        folds = _runs(evidence.results / study / of)["validation_dice"].groupby(level=0)
        spreads = 100 * (folds.max() - folds.min())[folds.size() >= MIN_RUNS]
        if len(spreads):
            return decided(spreads.mean() < value.value, f"{spreads.mean():.2f} points")
    raise PendingError(f"Equal trainings of {of} needed: {MIN_RUNS}.")


def _as_written(evidence: Evidence, *arms: str) -> pd.DataFrame:
    """Validation Dice by fold and seed, a column an arm, of the largest study that has all arms whole."""
    for study, folds in AS_WRITTEN.items():
        scores = {arm: _runs(evidence.results / study / arm)["validation_dice"] for arm in arms}
        known = pd.concat(scores, axis=1, join="inner")
        if known.index.get_level_values(0).nunique() == folds:
            return known
    return pd.DataFrame(columns=list(arms), dtype=float)


def with_interval(found: PairedMean, *, digits: int = 2) -> str:
    """A difference as the table shows it.

    >>> with_interval(paired_mean([0.1, 0.2, 0.3], margin=1))
    '+0.20 [-0.05, +0.45]'
    """
    return f"{found.mean:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]"
