"""How long a chapter takes: to read, by its words, and to run, as papermill measured it in the last build.

``python -m fetalseg_book.publishing.durations NOTEBOOKS -o TABLE`` writes the table of all executed
chapters of a folder as CSV, for the page of run times.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

WORDS_PER_MINUTE = 200
"""How fast a text is read that has to be understood; the code is on top of it and not counted."""

_TITLE = re.compile(r"^# (.+)$", re.M)
_FOLDED = re.compile(r"^(`{3,})\{admonition\}.*?^:class: dropdown$.*?^\1$", re.M | re.S)
_NO_WORDS = re.compile(r"^`{3,}.*$|\{[\w:]+\}|https?://\S+", re.M)


@dataclass(frozen=True, kw_only=True)
class Durations:
    """Of one executed chapter: its title, minutes to read, seconds to run, and its profile."""

    title: str
    reading_minutes: int
    running_seconds: float
    profile: str

    def sentence(self) -> str:
        """One line for the head of the page.

        >>> Durations(title="", reading_minutes=12, running_seconds=33.6, profile="quick").sentence()
        'Reading: about 12 minutes. Running: 34 seconds in the build of this page (profile `quick`).'
        """
        minutes = f"{self.reading_minutes} minute{'s' * (self.reading_minutes != 1)}"
        running = f"{_spoken(self.running_seconds)} in the build of this page (profile `{self.profile}`)"
        return f"Reading: about {minutes}. Running: {running}."


def durations_of(notebook: Any) -> Durations | None:
    """The durations of an executed notebook, or ``None`` for one that papermill has not run to its end."""
    run = notebook.metadata.get("papermill", {})
    if run.get("duration") is None:
        return None
    return Durations(
        title=_TITLE.findall(title_cell(notebook).source)[0],
        reading_minutes=reading_minutes(notebook),
        running_seconds=float(run["duration"]),
        profile=str(run.get("parameters", {}).get("profile", "default")),
    )


def reading_minutes(notebook: Any) -> int:
    """Minutes to read the text, at least one. Folded solutions and answers are left out, and code."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    words = sum(len(_NO_WORDS.sub("", _FOLDED.sub("", text)).split()) for text in texts)
    return max(1, round(words / WORDS_PER_MINUTE))


def write_table(folder: Path, table: Path) -> int:
    """Write the durations of all notebooks of a folder as CSV, slowest first; returns the number of rows.

    Raises ``ValueError`` naming a notebook that was not run to its end.
    """
    rows: list[tuple[Path, Durations]] = []
    for path in sorted(folder.glob("*.ipynb")):
        found = durations_of(nbformat.read(path, as_version=4))
        if found is None:
            raise ValueError(f"{path}: no duration; expected a notebook that papermill has run to its end")
        rows.append((path, found))
    rows.sort(key=lambda row: -row[1].running_seconds)
    with table.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file).writerow
        write(["Chapter", "Reading (min)", "Running (s)", "Profile"])
        for path, found in rows:
            link = f"[{found.title}](../notebooks/{path.name})"
            write([link, found.reading_minutes, f"{found.running_seconds:.0f}", found.profile])
        seconds = sum(found.running_seconds for _, found in rows)
        write(["All chapters", sum(found.reading_minutes for _, found in rows), f"{seconds:.0f}", ""])
    return len(rows)


def title_cell(notebook: Any) -> Any:
    """The cell with the title, a line that begins with ``# ``. Raises ``ValueError`` where none has one."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and _TITLE.search(cell.source):
            return cell
    raise ValueError("notebook: expected a title, a line that begins with '# '")


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, math.ceil(seconds))} seconds" if seconds > 1 else "1 second"
    return f"{round(seconds / 60)} minutes"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table that the page of run times shows."""
    parser = argparse.ArgumentParser(description="Write how long each executed chapter took, as CSV.")
    parser.add_argument("folder", type=Path, help="of executed notebooks")
    parser.add_argument("-o", "--output", type=Path, required=True, help="CSV file to write")
    given = parser.parse_args(arguments)
    write_table(given.folder, given.output)


if __name__ == "__main__":
    main()
