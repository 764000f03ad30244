"""Judge an answer: right or not yet, and why."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fetalseg_lib.exercises.compare import agrees, shown
from fetalseg_lib.exercises.exercise import Case, Exercise, Function
from fetalseg_lib.exercises.find import find_exercise


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is said to an answer. A notebook shows it as text."""

    right: bool
    why: str

    def __repr__(self) -> str:
        return f"{'✔ Right.' if self.right else '✘ Not yet.'} {self.why}"

    def _repr_markdown_(self) -> str:
        return f"{'✔ **Right.**' if self.right else '✘ **Not yet.**'} {self.why}"


def check(chapter: str, answer: Function) -> Answer:
    """Judge a student's function; the exercise is the one of the same name in this chapter.

    Raises ``ValueError`` for a chapter or a name that no exercise has. What goes wrong *in* the function is
    part of what is said.

    >>> def pair_saves(channels, kernel): ...
    >>> check("encoder", pair_saves)
    ✘ Not yet. `pair_saves` gives nothing back so far. Put your code in place of the three dots.
    """
    return judge(find_exercise(chapter, getattr(answer, "__name__", repr(answer))), answer)


def judge(exercise: Exercise, answer: Function) -> Answer:
    """Call ``answer`` with every case, up to the first that goes wrong."""
    for number, case in enumerate(_cases(exercise)):
        came, problem = _call(answer, case)
        if came is None and problem is None:
            advice = "Put your code in place of the three dots."
            return Answer(right=False, why=f"`{exercise.name}` gives nothing back so far. {advice}")
        if problem is not None or not agrees(came, case.expected, tolerance=case.tolerance):
            call = case.given or f"`{exercise.name}({', '.join(map(shown, case.arguments))})`"
            found = problem or f"gives {shown(came)}. Expected: {shown(case.expected)}"
            hint = exercise.hint if problem else _hint(exercise, answer, number)
            return Answer(right=False, why=f"{call} {found}. {hint}")
    return Answer(right=True, why=exercise.why)


def _hint(exercise: Exercise, answer: Function, number: int) -> str:
    """The hint of the mistake that agrees in case ``number`` and in most others, or the general one."""
    alike = {mistake.hint: _alike(exercise, answer, mistake.answer) for mistake in exercise.mistakes}
    close = {hint: sum(same) for hint, same in alike.items() if same[number]}
    return max(close, key=lambda hint: close[hint], default=exercise.hint)


def _alike(exercise: Exercise, first: Function, second: Function) -> list[bool]:
    """In which cases two functions give the same."""
    same = []
    for one, other in zip(_cases(exercise), _cases(exercise), strict=True):
        (ours, failed), (theirs, failed_too) = _call(first, one), _call(second, other)
        same.append(failed is failed_too is None and agrees(ours, theirs, tolerance=one.tolerance))
    return same


def _cases(exercise: Exercise) -> list[Case]:
    with _equal_chances():
        return list(exercise.cases())


def _call(answer: Function, case: Case) -> tuple[Any, str | None]:
    """What the function gives, or the words for how it failed."""
    with _equal_chances():
        try:
            return answer(*case.arguments), None
        except Exception as error:  # whatever a student's code may raise
            return None, f"stops with {type(error).__name__}: {error}"


@contextmanager
def _equal_chances() -> Iterator[None]:
    """PyTorch's random numbers from one seed, and the notebook's own go on undisturbed.

    PyTorch takes seconds to import, and a chapter that does not use it draws nothing from it.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
