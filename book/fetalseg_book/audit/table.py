"""The audit as a table, as text for a terminal, and as a page that filters without a network."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from html import escape
from pathlib import Path

import pandas as pd

from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.rows import Claim, all_claims
from fetalseg_book.audit.stated import Verdict, disagree

COLUMNS = ("section", "quantity", "says", "how", "measured", "verdict", "why", "denied_by")

_MARKS = {
    Verdict.CONFIRMED: "✓",
    Verdict.CONTRADICTED: "✗",
    Verdict.CONTRADICTS_ITSELF: "⇄",
    Verdict.DEPENDS_ON_HARDWARE: "⏱",
    Verdict.NOT_TESTABLE: "?",
    Verdict.NOT_AS_WRITTEN: "–",
    Verdict.PENDING: "…",
}


def audit(results: Path | str = "results") -> pd.DataFrame:
    """Check every claim; one row each, in the note's order.

    ``results`` holds the result files (``hc18/dataset.json``, ``one_fold/published/hc18``,
    ``hardware/latency.json``); what needs one that is absent is pending. Columns: ``section``, ``quantity``,
    ``says``, ``how``, ``measured``, ``verdict``, ``why`` and ``denied_by``, the sections of the note that say
    otherwise.
    A claim that the measurement contradicts and that the note has right elsewhere contradicts itself.
    """
    evidence = Evidence(results)
    claims = all_claims()
    findings = {claim.key: claim.check(evidence) for claim in claims}
    deniers = _deniers(claims)
    rows = []
    for claim in claims:
        finding, others = findings[claim.key], deniers[claim.key]
        verdict = finding.verdict
        right_elsewhere = any(findings[other.key].verdict is Verdict.CONFIRMED for other in others)
        if verdict is Verdict.CONTRADICTED and right_elsewhere:
            verdict = Verdict.CONTRADICTS_ITSELF
        denied_by = ", ".join(dict.fromkeys(other.section for other in others))
        texts = (claim.section, claim.quantity, claim.says, claim.how, finding.measured)
        rows.append((*texts, verdict.value, finding.why, denied_by))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _deniers(claims: tuple[Claim, ...]) -> dict[str, list[Claim]]:
    """For each claim, the claims of the same quantity that state another value."""
    by_quantity = defaultdict(list)
    for claim in claims:
        if claim.value is not None:
            by_quantity[claim.quantity].append(claim)
    deniers: dict[str, list[Claim]] = defaultdict(list)
    for alike in by_quantity.values():
        for claim in alike:
            deniers[claim.key] = [other for other in alike if _deny(claim, other)]
    return deniers


def _deny(one: Claim, other: Claim) -> bool:
    return one.value is not None and other.value is not None and disagree(one.value, other.value)


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
    indent = " " * 24
    first = f"  {row['verdict']:<21} "
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=indent)


def to_html(frame: pd.DataFrame, *, verdict: str = "") -> str:
    """Write the table of :func:`audit` as one self-contained piece of HTML.

    Verdict, section and words filter it; all controls are the browser's own, so the keyboard reaches them.
    ``verdict`` is the filter's start: one of the verdicts, ``"wrong"`` for both kinds of contradiction, or
    nothing for all. The claims of the figure's brief are folded by stage. Without a script every row is
    there and the controls stay hidden.
    """
    sections = dict.fromkeys(frame["section"])
    there = [one for one in Verdict if (frame["verdict"] == one.value).any()]
    verdicts = {"": "all", "wrong": "✗ ⇄ wrong", **{one.value: f"{_MARKS[one]} {one.value}" for one in there}}
    if verdict not in verdicts:
        raise ValueError(f"verdict: expected one of {list(verdicts)}, got {verdict!r}")
    stages = {name: frame[frame["section"] == name] for name in sections if name.startswith("Brief: ")}
    others = frame[~frame["section"].isin(list(stages))]
    folded = "\n".join(
        f"<details><summary>{escape(name)} <span></span></summary>\n{_rows(claims)}</details>"
        for name, claims in stages.items()
    )
    return f"""<div class="audit"><style>{_part("page.css")}</style>
<form hidden>
<label>Verdict {_select("verdict", verdicts, verdict)}</label>
<label>Section of the note {_select("section", {"": "all", **{name: name for name in sections}})}</label>
<label>Words <input type="search" name="words" autocomplete="off"></label>
<output aria-live="polite"></output>
</form>
<div class="rows" role="region" aria-label="The claims of the note and their verdicts" tabindex="0">
{_rows(others)}
{folded}</div>
<script>{_part("page.js")}</script></div>"""


def _rows(frame: pd.DataFrame) -> str:
    rows = "\n".join(_row(row) for row in records(frame))
    return f"""<table><thead><tr><th scope="col">Section</th><th scope="col">The note says</th>
<th scope="col">Verdict</th><th scope="col">Measured, and how</th></tr></thead>
<tbody>
{rows}
</tbody></table>"""


def _row(row: dict[str, str]) -> str:
    section, says, how, measured, verdict, why, denied_by = (
        escape(row[name]) for name in ("section", "says", "how", "measured", "verdict", "why", "denied_by")
    )
    denied = f"<small>Otherwise in: {denied_by}</small>" if denied_by else ""
    answer = f"<b>{measured}</b>" if measured else ""
    remark = f"{answer and '. '}{why}" if why else ""
    return (
        f'<tr data-verdict="{verdict}" data-section="{section}"><td>{section}</td><td>{says}{denied}</td>'
        f'<td class="verdict">{_MARKS[Verdict(row["verdict"])]} {verdict}</td>'
        f"<td>{answer}{remark}<small>Check: {how}</small></td></tr>"
    )


def _select(name: str, options: dict[str, str], chosen: str = "") -> str:
    entries = (
        f'<option value="{escape(value)}"{" selected" * (value == chosen != "")}>{escape(text)}</option>'
        for value, text in options.items()
    )
    return f'<select name="{name}">{"".join(entries)}</select>'


def _part(name: str) -> str:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return f"\n{text}"
