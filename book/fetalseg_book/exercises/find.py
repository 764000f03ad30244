"""Find the exercises of a chapter by its name, that of its notebook."""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path

from fetalseg_book.exercises.exercise import Exercise

_ROOMS = {
    room: {path.stem for path in (Path(__file__).parent / room).glob("*.py")} - {"__init__"}
    for room in ("arrays", "chapters")
}
"""``chapters`` has the exercises of plain Python. A chapter with others as well lists all in ``arrays``."""

CHAPTERS = tuple(sorted(name.replace("_", "-") for name in set().union(*_ROOMS.values())))
"""The chapters that have exercises."""


def exercises_of(chapter: str) -> tuple[Exercise, ...]:
    """The exercises of a chapter, in the order of the page; where ``arrays`` is left out, the plain ones.

    Raises ``ValueError`` naming the chapter where it has none.

    >>> [exercise.name for exercise in exercises_of("encoder")][0]
    'SeparableConv'
    """
    if chapter not in CHAPTERS:
        raise ValueError(f"chapter: {_unknown(chapter, CHAPTERS)}")
    return _listed(chapter, next(room for room, names in _ROOMS.items() if _module(chapter) in names))


def plain_exercises_of(chapter: str) -> tuple[Exercise, ...]:
    """The exercises of a chapter that are plain Python, and so run in the page; there may be none.

    >>> [exercise.name for exercise in plain_exercises_of("aspp")]
    ['largest_full_rate']
    """
    return _listed(chapter, "chapters") if _module(chapter) in _ROOMS["chapters"] else ()


def _module(chapter: str) -> str:
    return chapter.replace("-", "_")


def _listed(chapter: str, room: str) -> tuple[Exercise, ...]:
    found: tuple[Exercise, ...] = importlib.import_module(
        f"fetalseg_book.exercises.{room}.{_module(chapter)}"
    ).EXERCISES
    return found


def find_exercise(chapter: str, name: str) -> Exercise:
    """The exercise that asks for a function of this name. Raises ``ValueError`` for an unknown one."""
    by_name = {exercise.name: exercise for exercise in exercises_of(chapter)}
    if name not in by_name:
        raise ValueError(f"answer: {_unknown(name, tuple(by_name))}; keep the name of the stub")
    return by_name[name]


def _unknown(name: str, known: tuple[str, ...]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"unknown name {name!r}; {hint}Known are {', '.join(known)}"
