"""The audit: every checkable statement of the architecture note, each checked by code.

A table, which is also text for a terminal and a page that filters without a network.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader

from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.rows import Claim, all_claims
from fetalseg_book.audit.stated import Finding, Verdict

__all__ = [
    "Claim",
    "Evidence",
    "Finding",
    "Verdict",
    "all_claims",
    "audit",
    "count_verdicts",
    "format_table",
    "to_html",
]

MARKS = dict(zip(Verdict, "✓✗⇄⏱?–…", strict=True))


def audit(results: Path | str = "results") -> pd.DataFrame:
    """Check every claim; one row each, in the note's order.

    What needs a file below ``results`` that is absent is pending. A claim that the measurement contradicts
    and that the note has right elsewhere contradicts itself; ``denied_by`` names the sections that say
    otherwise.
    """
    evidence, claims = Evidence(results), all_claims()
    findings = {claim.key: claim.check(evidence) for claim in claims}
    rows = []
    for claim in claims:
        finding, others = findings[claim.key], [other for other in claims if claim.denies(other)]
        verdict = finding.verdict
        right_elsewhere = any(findings[other.key].verdict is Verdict.CONFIRMED for other in others)
        if verdict is Verdict.CONTRADICTED and right_elsewhere:
            verdict = Verdict.CONTRADICTS_ITSELF
        rows.append(
            {
                **{name: getattr(claim, name) for name in ("section", "quantity", "says", "how")},
                "measured": finding.measured,
                "verdict": verdict.value,
                "why": finding.why,
                "denied_by": ", ".join(dict.fromkeys(other.section for other in others)),
            }
        )
    return pd.DataFrame(rows)


def format_table(frame: pd.DataFrame, *, width: int = 100) -> str:
    """Write an audit as lines of at most ``width`` characters.

    Section by section, each claim with its verdict and what was measured; the count of verdicts comes last.

    >>> row = {"section": "9.2", "says": "2.8 GFLOPs", "measured": "8.79 GFLOP", "verdict": "contradicted"}
    >>> print(format_table(pd.DataFrame([row | {"why": "", "denied_by": ""}])))
    9.2
      contradicted          2.8 GFLOPs → 8.79 GFLOP
    <BLANKLINE>
    1 claim: 1 contradicted
    """
    lines: list[str] = []
    for section, claims in frame.groupby("section", sort=False):
        lines.append(str(section))
        for row in claims.to_dict("records"):
            lines += textwrap.wrap(
                _in_words(row),
                width,
                initial_indent=f"  {row['verdict']:<21} ",
                subsequent_indent=" " * 24,
            )
        lines.append("")
    counted = ", ".join(f"{count} {verdict}" for verdict, count in count_verdicts(frame).items() if count)
    return "\n".join([*lines, f"{len(frame)} claim{'s' * (len(frame) != 1)}: {counted}"])


def _in_words(row: dict[Any, Any]) -> str:
    text = row["says"] + (f" → {row['measured']}" if row["measured"] else "")
    if row["denied_by"]:
        text += f" (otherwise in {row['denied_by']})"
    return f"{text}. {row['why']}" if row["why"] and row["verdict"] != Verdict.CONFIRMED else text


def count_verdicts(frame: pd.DataFrame) -> dict[str, int]:
    """How many claims have each verdict, in the order of :class:`Verdict`, none left out.

    >>> count_verdicts(pd.DataFrame({"verdict": ["pending"]}))["confirmed"]
    0
    """
    return {verdict.value: int((frame["verdict"] == verdict.value).sum()) for verdict in Verdict}


def to_html(frame: pd.DataFrame, *, verdict: str = "") -> str:
    """Write the table of :func:`audit` as one self-contained piece of HTML.

    Verdict, section and words filter it; all controls are the browser's own, so the keyboard reaches them.
    ``verdict`` is the filter's start: one of the verdicts, ``"wrong"`` for both kinds of contradiction, or
    nothing for all. The claims of the figure's brief are folded by stage. Without a script every row is
    there and the controls stay hidden.
    """
    there = {one.value: f"{mark} {one.value}" for one, mark in MARKS.items() if one in set(frame["verdict"])}
    verdicts = {"": "all", "wrong": "✗ ⇄ wrong", **there}
    if verdict not in verdicts:
        raise ValueError(f"verdict: expected one of {list(verdicts)}, got {verdict!r}")
    rows = {name: claims.to_dict("records") for name, claims in frame.groupby("section", sort=False)}
    folded = {name: claims for name, claims in rows.items() if str(name).startswith("Brief: ")}
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)
    return templates.get_template("page.html").render(
        verdicts=verdicts,
        chosen=verdict,
        sections={"": "all", **{name: name for name in rows}},
        claims=[claim for name, claims in rows.items() if name not in folded for claim in claims],
        stages=folded,
        marks=MARKS,
    )
