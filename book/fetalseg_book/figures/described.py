"""What is described and not tested: a variant's differences from another one, seed by seed, and in words.

The second family has too few seeds to test and too many variants. So a sentence names each seed where it can.
The same holds for a few runs that differ from the core in the schedule of the training alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

STUDIES = ("published", "descriptive")
"""The core, which is tested, and the second family. Their runs differ in nothing but the variant."""

MEASURES = {"dice": "dice_mean", "error": "hc_abs_error_mm_mean", "signed": "hc_error_mm_mean"}
"""Short names: Dice in points, the absolute and the signed error of the circumference in mm."""


def collect(results: Path, *studies: str) -> pd.DataFrame:
    """A row for each run of ``studies`` below ``results``, with ``variant``, ``seed`` and the measures.

    Without a name it is both families, :data:`STUDIES`.
    """
    files = [results / "one_fold" / study / "hc18" / "tables" / "runs.csv" for study in studies or STUDIES]
    runs = pd.concat(map(pd.read_csv, files))
    table = runs[["variant", "seed"]].assign(**{name: runs[column] for name, column in MEASURES.items()})
    return table.assign(dice=100 * table["dice"]).reset_index(drop=True)


def differences(runs: pd.DataFrame, variant: str, *, reference: str = "proposed") -> pd.DataFrame:
    """``variant`` minus ``reference`` on the seeds that both have, a row for each; see :func:`collect`.

    Raises ``ValueError`` where they share none.
    """
    mine, theirs = (
        runs[runs["variant"] == name].set_index("seed")[list(MEASURES)] for name in (variant, reference)
    )
    found = (mine - theirs).dropna().sort_index()
    if found.empty:
        raise ValueError(f"variant: expected a seed that {variant} and {reference} share, got none")
    return found


def in_words(values: Iterable[float], *, digits: int = 2, unit: str = "", signed: bool = True) -> str:
    """Every value, as a sentence names them.

    >>> in_words([0.047, -0.1], unit="mm")
    '+0.05 and −0.10 mm'
    >>> in_words([-0.001, 0.1], unit="mm")
    '+0.00 and +0.10 mm'
    >>> in_words([13.36, 10.29, 10.8], digits=1, signed=False)
    '13.4, 10.3 and 10.8'
    """
    rounded = [round(value, digits) + 0.0 for value in values]  # no "−0.00"
    texts = [f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−") for value in rounded]
    words = " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
    return f"{words} {unit}".rstrip()


def seeds_in_words(count: int) -> str:
    """How many seeds there are.

    >>> seeds_in_words(1), seeds_in_words(6)
    ('one seed', 'six seeds')
    """
    numbers = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
    return f"{numbers.get(count, count)} seed{'' if count == 1 else 's'}"
