"""The audit as a table on a page: readable as it stands, filtered by a few lines of script, no network."""

from __future__ import annotations

from html import escape

import pandas as pd

from fetalseg_book.audit.record import Verdict
from fetalseg_book.audit.table import records

_MARKS = {
    Verdict.CONFIRMED: "✓",
    Verdict.CONTRADICTED: "✗",
    Verdict.CONTRADICTS_ITSELF: "⇄",
    Verdict.DEPENDS_ON_HARDWARE: "⏱",
    Verdict.NOT_TESTABLE: "?",
    Verdict.PENDING: "…",
}

_STYLE = """
.audit form { display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; align-items: end; margin: 0 0 .6rem; }
.audit form[hidden] { display: none; }
.audit label { display: grid; gap: .15rem; font-size: .85em; }
.audit select, .audit input { font: inherit; padding: .2rem .4rem; max-width: 15rem; }
.audit .rows { max-height: 36rem; overflow: auto; border: 1px solid currentColor; border-radius: .3rem; }
.audit table { display: table; border-collapse: collapse; margin: 0; font-size: .85em; }
.audit table { width: 100%; min-width: 36rem; }
.audit th, .audit td { padding: .3rem .5rem; text-align: left; vertical-align: top; }
.audit tbody tr { border-top: 1px solid rgb(128 128 128 / 35%); }
.audit thead th { position: sticky; top: 0; color: inherit;
  background: var(--pst-color-background, Canvas); }
.audit td small { display: block; font-size: .85em; }
.audit td:first-child, .audit td.verdict { white-space: nowrap; }
@media screen and (max-width: 600px) { /* on a phone each claim is a card: four columns do not fit */
  .audit table { min-width: 0; }
  .audit thead { position: absolute; clip-path: inset(50%); }
  .audit :is(table, tbody, tr:not([hidden]), td) { display: block; }
  .audit td { padding: .1rem .5rem; border: 0; }
  .audit td.verdict { font-weight: bold; }
}
"""

_SCRIPT = """
(() => {
  const audit = document.currentScript.parentElement, form = audit.querySelector("form");
  const rows = [...audit.querySelectorAll("tbody tr")], shown = audit.querySelector("output");
  const filter = () => {
    const {verdict, section, words} = Object.fromEntries(new FormData(form));
    const wanted = words.toLowerCase().split(/\\s+/);
    for (const row of rows) row.hidden = !(
      (!verdict || row.dataset.verdict === verdict) && (!section || row.dataset.section === section) &&
      wanted.every(word => row.textContent.toLowerCase().includes(word)));
    shown.textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length} claims`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  form.hidden = false;
  filter();
})();
"""


def to_html(frame: pd.DataFrame) -> str:
    """Write the table of :func:`~fetalseg_book.audit.audit.audit` as one self-contained piece of HTML.

    Verdict, section and words filter it; all controls are the browser's own, so the keyboard reaches them.
    Without a script every row is there and the controls stay hidden.
    """
    sections = dict.fromkeys(frame["section"])
    there = [verdict for verdict in Verdict if (frame["verdict"] == verdict.value).any()]
    verdicts = {verdict.value: f"{_MARKS[verdict]} {verdict.value}" for verdict in there}
    rows = "\n".join(_row(row) for row in records(frame))
    return f"""<div class="audit"><style>{_STYLE}</style>
<form hidden>
<label>Verdict {_select("verdict", {"": "all", **verdicts})}</label>
<label>Section of the note {_select("section", {"": "all", **{name: name for name in sections}})}</label>
<label>Words <input type="search" name="words" autocomplete="off"></label>
<output aria-live="polite"></output>
</form>
<div class="rows" role="region" aria-label="The claims of the note and their verdicts" tabindex="0">
<table><thead><tr><th scope="col">Section</th><th scope="col">The note says</th>
<th scope="col">Verdict</th><th scope="col">Measured, and how</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
<script>{_SCRIPT}</script></div>"""


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


def _select(name: str, options: dict[str, str]) -> str:
    entries = (f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options.items())
    return f'<select name="{name}">{"".join(entries)}</select>'
