"""Write the exercises into the notebooks.

``python -m fetalseg_book.exercises.write notebooks`` replaces, in every notebook that has exercises, the
cells whose id begins with ``exercise-``. All other cells, and the file's own layout, stay as they are.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

from fetalseg_book.exercises.exercise import Exercise
from fetalseg_book.exercises.find import CHAPTERS, exercises_of, plain_exercises_of

MARK = "exercise-"
LIVE = "live-exercise"
"""The tag of a cell that the built page can run by itself."""
AT_HAND = ("math", "statistics")
"""What an exercise of plain Python may use without importing it."""
_IMPORT = "from fetalseg_book import exercises"
_HEADING = """\
## Exercises

Write your code in place of the three dots and run the cell: it says whether you are right, and why."""


def write_exercises(path: Path) -> bool:
    """Bring a notebook in step with the exercises of its chapter; returns whether that changed it.

    Raises ``ValueError`` where the notebook has no cell that says where the exercises stand.
    """
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    cells = notebook["cells"]
    places = [number for number, cell in enumerate(cells) if cell["id"].startswith(MARK)]
    if not places:
        raise ValueError(f"{path}: no place for exercises; add a cell with the id {MARK}here")
    others = [cell for cell in cells if not cell["id"].startswith(MARK)]
    written = exercise_cells(path.stem)
    notebook["cells"] = others[: places[0]] + written + others[places[0] :]
    renewed = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    if renewed == text:
        return False
    path.write_text(renewed, encoding="utf-8", newline="\n")
    return True


def exercise_cells(chapter: str) -> list[dict[str, Any]]:
    """The cells of a chapter's exercises: question, stub with check, and folded solution for each."""
    cells = [
        _markdown("heading", _HEADING),
        _code("import", "\n".join([*map("import {}".format, _at_hand(chapter)), _IMPORT])),
    ]
    plain = plain_exercises_of(chapter)
    for number, exercise in enumerate(exercises_of(chapter), start=1):
        title = f"### Exercise {number}: {exercise.title}"
        run = f'{exercise.stub}\n\n\nexercises.check("{chapter}", {exercise.name})'
        cells += [
            _markdown(f"{number}-question", f"{title}\n\n{exercise.prompt.strip()}"),
            _code(f"{number}-answer", run, LIVE if exercise in plain else MARK[:-1]),
            _markdown(f"{number}-solution", _solution(exercise, number)),
        ]
    return cells


def _at_hand(chapter: str) -> list[str]:
    """The modules that the chapter's solutions use."""
    return [
        name for name in AT_HAND if any(f"{name}." in exercise.code for exercise in exercises_of(chapter))
    ]


def _solution(exercise: Exercise, number: int) -> str:
    return (
        f"````{{admonition}} Solution to exercise {number}\n:class: dropdown\n"
        f"```python\n{_without_docstring(exercise.code)}\n```\n{exercise.why.strip()}\n````"
    )


def _without_docstring(code: str) -> str:
    """What a solution does. What is asked for stands in the stub, just above it."""
    lines = code.splitlines()
    docstring = ast.parse(code).body[0].body[0]  # type: ignore[attr-defined]
    below = "\n".join(lines[docstring.end_lineno :]).lstrip("\n")
    return "\n".join([*lines[: docstring.lineno - 1], below])


def _markdown(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": MARK + name, "metadata": {}, "source": _lines(text)}


def _code(name: str, text: str, *tags: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": MARK + name,
        "metadata": {"tags": [*tags]} if tags else {},
        "outputs": [],
        "source": _lines(text),
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        for found in sorted(Path(folder).glob("*.ipynb")):
            if found.stem in CHAPTERS:
                print(f"{found}: {'written' if write_exercises(found) else 'in step'}")
