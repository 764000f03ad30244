"""A table of results that sorts and filters on the page. Without scripts it is a plain table."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import pandas as pd

from fetalseg_book.explorers.frame import framed


def explorer(frame: pd.DataFrame, *, caption: str, formats: Mapping[str, str]) -> str:
    """The rows of ``frame`` as one HTML element; a click on a heading sorts, the field filters.

    ``formats`` gives the format of each column that is numbers; all others are text. Raises ``ValueError``
    for an empty frame, and for a format without its column.

    >>> runs = pd.DataFrame({"variant": ["unet"], "dice": [0.97]})
    >>> html = explorer(runs, caption="Runs", formats={"dice": "{:.1%}"})
    >>> html[html.index("<tbody>") : html.index("</tbody>")]
    '<tbody><tr><td>unet</td><td data-value="0.97">97.0%</td></tr>'
    """
    missing = sorted(set(formats) - set(frame.columns))
    if frame.empty or missing:
        found = "no rows" if frame.empty else f"no column {', '.join(missing)}"
        raise ValueError(f"frame: expected rows, and a column for every format, got {found}")
    headings = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{escape(str(name))}</button></th>'
        for name in frame.columns
    )
    rows = "".join(
        f"<tr>{''.join(_cell(value, formats.get(str(name))) for name, value in row.items())}</tr>"
        for _, row in frame.iterrows()
    )
    body = (
        '<form hidden><label>Show rows with <input type="search" name="filter" autocomplete="off"></label>'
        "</form>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="view" aria-live="polite">{len(frame)} rows.</p>'
    )
    return framed("results-table", body, style=_STYLE, script=_SCRIPT)


def _cell(value: object, form: str | None) -> str:
    if form is None:
        return f"<td>{escape(str(value))}</td>"
    return f'<td data-value="{value}">{escape(form.format(value))}</td>'


_STYLE = """
.explorer.results-table table { display: table; width: 100%; border-collapse: collapse; margin: 0; }
.results-table .scroll { overflow-x: auto; margin-top: 0.5em; }
.results-table caption { caption-side: top; text-align: left; color: inherit; padding: 0 0 0.3em; }
.results-table th, .results-table td { padding: 0.25em 0.6em; border-bottom: 1px solid var(--line);
  text-align: right; white-space: nowrap; }
.results-table th:first-child, .results-table td:first-child { text-align: left; }
.results-table button { all: unset; cursor: pointer; font-weight: bold; color: var(--ink); }
.results-table button:focus-visible { outline: 2px solid var(--one); outline-offset: 2px; }
.results-table th button::after { content: " ↕"; color: var(--ink); }
.results-table th[aria-sort="ascending"] button::after { content: " ↑"; }
.results-table th[aria-sort="descending"] button::after { content: " ↓"; }
.results-table input { color: var(--ink); background: var(--paper); border: 1px solid var(--line);
  border-radius: 3px; padding: 0.1em 0.4em; }
"""

_SCRIPT = """
  const form = figure.querySelector("form"), body = figure.querySelector("tbody");
  const headings = [...figure.querySelectorAll("th")], rows = [...body.rows];
  const view = figure.querySelector(".view");
  const value = (row, k) => row.cells[k].dataset.value ?? row.cells[k].textContent;
  let sorted = "";
  const say = () => {
    const shown = rows.filter((row) => !row.hidden).length;
    view.textContent = `${shown} of ${rows.length} rows${sorted}.`;
  };
  headings.forEach((heading, k) => heading.querySelector("button").addEventListener("click", () => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    headings.forEach((other) => other.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const numbers = rows.every((row) => row.cells[k].dataset.value !== undefined);
    const order = (one, other) => numbers ? value(one, k) - value(other, k)
      : value(one, k).localeCompare(value(other, k));
    body.append(...[...rows].sort((one, other) => down ? order(other, one) : order(one, other)));
    sorted = `, by ${heading.textContent}, ${down ? "largest" : "smallest"} first`;
    say();
  }));
  form.addEventListener("input", () => {
    const words = form.elements.filter.value.toLowerCase().split(/\\s+/).filter(Boolean);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    say();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
"""
