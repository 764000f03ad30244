"""The appendix: everything that was trained on real images before the planned study, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from fetalseg_book.facts.answer import CHANGED, answer_of
from fetalseg_book.facts.core import FREED, PROPOSED, signed
from fetalseg_book.facts.typical import LONG, SHORT
from fetalseg_book.figures.paired import by_seed
from fetalseg_lib.models import get_variant
from fetalseg_lib.study.profile import load_profile

SECOND, SMALL = "descriptive", "small"
NETWORKS = (PROPOSED, "unet", FREED)
RECIPES = {
    "shorter": ("10 epochs instead of 20", SHORT),
    "longer": ("60 epochs instead of 20", SHORT),
    LONG: ("the note's step, plateau and up to 100 epochs", SHORT),
    "leaky": ("training sees other images of the tested exams", SHORT),
    "float32": ("trained and measured in float32 instead of bfloat16", SHORT),
    "warm_up": ("a learning rate that rises over two epochs first", SMALL),
    "progressive": ("half of the epochs on images of half the size", SMALL),
}
"""What each further study changes for all its networks, and the study that it is compared with."""

COLUMNS = ("Variant", "What changed", "Seeds", "Points", "More Dice in", "HC error, mm", "Verdict")


def table(results: Path) -> str:
    """All of it as Markdown: the tested ones with their word, the others described."""
    rows = [*_tested(results), *_second(results), *_small(results), *_recipes(results)]
    lines = [COLUMNS, ["---"] * 2 + ["---:"] * 4 + ["---"], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _tested(results: Path) -> Iterator[list[str]]:
    for study, length in ((SHORT, ""), (LONG, ", long")):
        found = answer_of(results, study)
        for name in found.plan.comparisons:
            row = found.table.loc[name]
            changed = "as above, by the note's schedule" if length else CHANGED.get(name, row["changed"])
            seeds = by_seed(results, (name, study), (found.plan.comparisons[name].reference, study))
            yield _line(row["shown_as"] + length, changed, seeds, row["word"])


def _second(results: Path) -> Iterator[list[str]]:
    for name in load_profile(SECOND).variants:
        seeds = by_seed(results, (name, SECOND), (PROPOSED, SHORT))
        variant = get_variant(name)
        changed = CHANGED.get(name, variant.changes)
        if variant.reference and variant.reference != PROPOSED:
            changed = f"{get_variant(variant.reference).shown_as}: {changed}"
        yield _line(variant.shown_as, changed, seeds)


def _small(results: Path) -> Iterator[list[str]]:
    for name, study in (("unet", SMALL), ("pos_weight_200", SMALL), ("budget", "budget")):
        seeds = by_seed(results, (name, study), (PROPOSED, SMALL))
        variant = get_variant(name)
        yield _line(f"{variant.shown_as}, small images", CHANGED.get(name, variant.changes), seeds)


def _recipes(results: Path) -> Iterator[list[str]]:
    for study, (changed, base) in RECIPES.items():
        for name in NETWORKS:
            if all((results / "one_fold" / one / "hc18" / name).is_dir() for one in (study, base)):
                seeds = by_seed(results, (name, study), (name, base))
                yield _line(get_variant(name).shown_as, f"against itself, {changed}", seeds)


def _line(shown: str, changed: str, seeds: pd.DataFrame, word: str = "–") -> list[str]:
    points, mm = seeds["median"], seeds["hc"]
    ahead = f"{(points > 0).sum()} of {len(points)}"
    return [shown, changed, str(len(points)), signed(points.mean()), ahead, signed(mm.mean()), word]
