"""The answer in ten seconds: a row for each arm, as README, the landing page and the ablation show it.

It is the table of the cross-validated study once that has every arm of its first family, and of the study on
one fold until then. ``python -m fetalseg_book.facts.answer README.md`` renews the copy in README.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.facts.core import signed
from fetalseg_book.figures.described import seeds_in_words
from fetalseg_book.studies.answer import ANSWER
from fetalseg_lib.files import atomic_write
from fetalseg_lib.study.profile import Profile, load_profile

FOLDERS = {
    "crossval": "crossval/hc18",
    "published": "one_fold/published/hc18",
    "note_schedule": "one_fold/note_schedule/hc18",
}
"""Where the studies with planned comparisons are, below the results."""

LEADING = ("proposed", "unet", "trainable_encoder", "mobilenet_unet")
"""The rows for a reader in a hurry."""

CHANGED = {
    "proposed": "–",
    "unet": "no pre-trained encoder and none of the parts; all trained from scratch",
    "mobilenet_unet": "ASPP, SE and residual additions all removed",
    "no_aspp": "1×1 convolution instead of the ASPP",
}
"""What an arm changes against its reference in the study, where that is not its reference in the library."""

UNDONE = ("incomplete", "not run")
COLUMNS = (
    *("Variant", "What changed", "Weights (trained), M", "GFLOPs", "CPU ms"),
    *("Dice %", "HC error mm", "Verdict"),
)
_COPY = re.compile(r"(?<=<!-- answer -->\n).*?(?=<!-- /answer -->)", re.S)


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """The table of a study, indexed by ``variant``, and its plan."""

    table: Any
    plan: Profile

    @property
    def reference(self) -> str:
        """The arm where the comparisons begin."""
        return next(str(name) for name in self.table.index if name not in self.plan.comparisons)

    def about(self) -> str:
        """On what the table rests, and what it lacks, in a sentence or two."""
        done = self.table[~self.table["word"].isin(UNDONE)]
        least, most = done["seeds"].min(), done["seeds"].max()
        seeds = seeds_in_words(least) if least == most else f"{least} to {seeds_in_words(most)}"
        folds = f"{len(self.plan.folds)} folds over all exams" if self.plan.folds else "one fold of exams"
        size = "×".join(map(str, self.plan.image_size))
        lacking = "".join(
            f" {word.capitalize()}: {', '.join(rows['shown_as'])}."
            for word, rows in self.table.groupby("word")
            if word in UNDONE
        )
        epochs = self.plan.training.epochs
        return f"{seeds.capitalize()} of each on {folds}, {size} px, {epochs} epochs.{lacking}"


@cache
def answer_of(results: Path, study: str) -> Answer:
    """The table of one study. Raises ``FileNotFoundError`` where it has none."""
    table = pd.read_csv(results / FOLDERS[study] / "tables" / ANSWER)
    return Answer(table=table.set_index("variant"), plan=load_profile(study))


def the_answer(results: Path) -> Answer:
    """The study that the book's answer rests on."""
    if (results / FOLDERS["crossval"] / "tables" / ANSWER).is_file():
        found = answer_of(results, "crossval")
        if is_whole(found):
            return found
    return answer_of(results, "published")


def is_whole(found: Answer) -> bool:
    """Whether every arm of the plan's first family has its word."""
    plans = found.plan.comparisons
    first = next(iter(plans.values())).family
    family = {name for name, plan in plans.items() if plan.family == first}
    return not found.table.loc[sorted(family), "word"].isin(UNDONE).any()


def rows(found: Answer, arms: Sequence[str] | None = None) -> pd.DataFrame:
    """The table in words, with :data:`COLUMNS`: of ``arms``, or of all."""
    table: Any = found.table.loc[list(arms or found.table.index)]
    return pd.DataFrame([_row(found, name, row) for name, row in table.iterrows()], columns=pd.Index(COLUMNS))


def _row(found: Answer, name: str, row: Any) -> list[str]:
    plan = found.plan.comparisons.get(name)
    other = plan is not None and plan.reference != found.reference
    fewer = row["word"] == "incomplete" and found.plan.folds
    against = f" (beside {found.table.loc[plan.reference, 'shown_as']})" if plan and other else ""
    return [
        row["shown_as"],
        CHANGED.get(name, row["changed"]),
        f"{row['parameters_m']:.1f} ({row['trained_m']:.1f})",
        f"{row['gflops']:.1f}",
        f"{row['cpu_ms']:.0f}",
        _known(row["dice_percent"]),
        _known(row["hc_error_mm"]),
        row["word"] + (f" ({row['folds']} of {len(found.plan.folds)} folds)" if fewer else "") + against,
    ]


def markdown(found: Answer, arms: Sequence[str] | None = None) -> str:
    """The table for a page that is no notebook."""
    lines = [list(COLUMNS), ["---"] * 2 + ["---:"] * 5 + ["---"]]
    lines += rows(found, arms).to_numpy().tolist()
    lines[2:] = [[f"**{line[0]}**", *line[1:]] if line[-1] == "reference" else line for line in lines[2:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def difference(found: Answer, name: str, measure: str) -> str:
    """A difference from the reference with its interval: of ``dice`` in points, of ``hc`` in mm.

    >>> row = {"dice_difference": 0.3, "dice_low": 0.25, "dice_high": 0.36}
    >>> difference(Answer(table=pd.DataFrame([row], index=["a"]), plan=load_profile("smoke")), "a", "dice")
    '+0.30 (+0.25 to +0.36)'
    """
    row = found.table.loc[name]
    mean, low, high = (signed(row[f"{measure}_{end}"]) for end in ("difference", "low", "high"))
    return f"{mean} ({low} to {high})"


def findings(results: Path) -> dict[str, str]:
    """What README and the landing page say in three sentences."""
    found = the_answer(results)
    freed, heavy = (
        found.table.loc["trainable_encoder"],
        answer_of(results, "published").table.loc["pos_weight_200"],
    )
    return {
        "answer_table": markdown(found, LEADING),
        "answer_about": found.about(),
        "answer_freed_points": signed(freed["dice_difference"]),
        "answer_freed_mm": f"{signed(freed['hc_difference'])} mm",
        "answer_heavy_mm": f"{signed(heavy['hc_difference'], 1)} mm",
    }


def renewed(page: str, results: Path) -> str:
    """A page with the rows of :data:`LEADING` between its marks. Raises ``ValueError`` where it has none."""
    found = the_answer(results)
    copy = f"\n{markdown(found, LEADING)}\n\n{found.about()}\n\n"
    text, count = _COPY.subn(lambda _: copy, page)
    if count != 1:
        raise ValueError("page: expected one place between <!-- answer --> and <!-- /answer -->")
    return text


def _known(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("page", type=Path)
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args()
    text = renewed(options.page.read_text(encoding="utf-8"), options.results)
    with atomic_write(options.page) as file:
        file.write(text.encode("utf-8"))
