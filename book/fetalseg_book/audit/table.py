"""The audit as text for a terminal."""

from __future__ import annotations

import textwrap

import pandas as pd

from fetalseg_book.audit.record import Verdict


def format_table(frame: pd.DataFrame, *, width: int = 100) -> str:
    """Write an audit as lines of at most ``width`` characters.

    Section by section, each claim with its verdict and what was measured; the count of verdicts comes last.

    >>> row = {"section": "9.2", "says": "2.8 GFLOPs", "measured": "8.79 GFLOP", "verdict": "contradicted"}
    >>> print(format_table(pd.DataFrame([row | {"why": "", "denied_by": ""}])))
    9.2
      contradicted         2.8 GFLOPs → 8.79 GFLOP
    <BLANKLINE>
    1 claim: 1 contradicted
    """
    lines: list[str] = []
    section = None
    for row in records(frame):
        if row["section"] != section:
            lines += [""] * (section is not None) + [str(row["section"])]
            section = row["section"]
        lines += _entry(row, width=width)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in count_verdicts(frame).items() if count)
    return "\n".join([*lines, "", f"{len(frame)} claim{'s' * (len(frame) != 1)}: {counted}"])


def count_verdicts(frame: pd.DataFrame) -> dict[str, int]:
    """How many claims have each verdict, in the order of :class:`Verdict`, none left out.

    >>> count_verdicts(pd.DataFrame({"verdict": ["pending"]}))["confirmed"]
    0
    """
    return {verdict.value: int((frame["verdict"] == verdict.value).sum()) for verdict in Verdict}


def records(frame: pd.DataFrame) -> list[dict[str, str]]:
    """The rows of the table as dictionaries."""
    return [{str(name): str(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _entry(row: dict[str, str], *, width: int) -> list[str]:
    text = row["says"] + (f" → {row['measured']}" if row["measured"] else "")
    if row["denied_by"]:
        text += f" (otherwise in {row['denied_by']})"
    if row["verdict"] != Verdict.CONFIRMED and row["why"]:
        text += f". {row['why']}"
    indent = " " * 23
    first = f"  {row['verdict']:<20} "
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=indent)
