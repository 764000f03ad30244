"""Find the exercises of a chapter by its name, that of its notebook."""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path

from fetalseg_book.exercises.exercise import Exercise

CHAPTERS = tuple(
    sorted(
        path.stem.replace("_", "-")
        for path in (Path(__file__).parent / "chapters").glob("*.py")
        if path.stem != "__init__"
    )
)
"""The chapters that have exercises."""


def exercises_of(chapter: str) -> tuple[Exercise, ...]:
    """The exercises of a chapter, in the order of the page.

    Raises ``ValueError`` naming the chapter where it has none.

    >>> [exercise.name for exercise in exercises_of("encoder")][0]
    'SeparableConv'
    """
    if chapter not in CHAPTERS:
        raise ValueError(f"chapter: {_unknown(chapter, CHAPTERS)}")
    module = importlib.import_module(f"fetalseg_book.exercises.chapters.{chapter.replace('-', '_')}")
    found: tuple[Exercise, ...] = module.EXERCISES
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
