"""Run what a reader wrote in the page: the same check as in the notebook, in a namespace of its own."""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import TextIOBase
from typing import Any

from fetalseg_book.exercises.answer import Answer, judge, line_in
from fetalseg_book.exercises.exercise import Exercise
from fetalseg_book.exercises.find import find_exercise

FILE = "<your code>"
MOST = 10_000
"""Characters of print that a page shows; a loop may print for ever."""


def run(chapter: str, name: str, code: str, say: Callable[[str], Any] = print) -> str:
    r"""Run ``code`` and judge the function ``name`` that it defines; what is printed goes to ``say`` at once.

    Returns ``{"right": ..., "why": ...}`` as JSON, whatever the code does.

    >>> run("aspp", "largest_full_rate", "def largest_full_rate(side):\n    return (side - 1) // 2")[:14]
    '{"right": true'
    >>> json.loads(run("aspp", "largest_full_rate", "x = 1\ny = x +"))["why"]
    'Line 2: `y = x +` is no Python: invalid syntax.'
    """
    exercise = find_exercise(chapter, name)
    printed = _Printed(say)
    with redirect_stdout(printed), redirect_stderr(printed):
        answer = _answer(exercise, code)
    printed.flush()
    return json.dumps({"right": answer.right, "why": answer.why})


def _answer(exercise: Exercise, code: str) -> Answer:
    names = _at_hand(exercise)
    try:
        exec(compile(code, FILE, "exec"), names)
    except SyntaxError as error:
        return _wrong(code, error.lineno, f"is no Python: {error.msg}.")
    except (Exception, SystemExit) as error:
        return _wrong(code, line_in(FILE, error), f"stops with {type(error).__name__}: {error}.")
    if exercise.name not in names:
        return Answer(right=False, why=f"`{exercise.name}` is not defined. Keep the name of the stub.")
    return judge(exercise, names[exercise.name])


def _wrong(code: str, number: int | None, words: str) -> Answer:
    lines = code.splitlines()
    shown = (
        f"Line {number}: `{lines[number - 1].strip()}`" if number and number <= len(lines) else "Your code"
    )
    return Answer(right=False, why=f"{shown} {words}")


def _at_hand(exercise: Exercise) -> dict[str, Any]:
    """What a chapter's notebook has imported where the exercise stands."""
    module = vars(sys.modules[exercise.solution.__module__])
    used = {*exercise.solution.__code__.co_names} - {exercise.name}
    return {"__name__": "__main__", "math": math, "statistics": statistics} | {
        name: module[name] for name in used if name in module
    }


class _Printed(TextIOBase):
    """Passes on what is printed, line by line, up to so many characters."""

    def __init__(self, say: Callable[[str], Any]) -> None:
        self._say, self._room, self._line = say, MOST, ""

    def write(self, text: str) -> int:
        self._line += text
        if "\n" in text or len(self._line) > MOST:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text, self._line = self._line, ""
        if text and self._room > 0:
            self._say(text[: self._room])
            self._room -= len(text)
            if self._room <= 0:
                self._say("\n… and more, which is not shown.")
