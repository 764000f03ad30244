"""Judge an answer: right or not yet, and why."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import TextIOBase
from typing import Any, TextIO

from fetalseg_book.exercises.compare import agrees, form, kind, plain, shown
from fetalseg_book.exercises.exercise import Case, Exercise, Function, MisfitError
from fetalseg_book.exercises.find import find_exercise


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is said to an answer. A notebook shows it as text."""

    right: bool
    why: str

    def __repr__(self) -> str:
        return f"{'✔ Right.' if self.right else '✘ Not yet.'} {self.why}"

    def _repr_markdown_(self) -> str:
        return f"{'✔ **Right.**' if self.right else '✘ **Not yet.**'} {self.why}"


@dataclass(frozen=True, kw_only=True)
class _Came:
    """What a call gave back, as plain Python, whether it printed, and how it failed."""

    value: Any = None
    printed: bool = False
    error: BaseException | None = None


def check(chapter: str, answer: Function) -> Answer:
    """Judge a student's function; the exercise is the one of the same name in this chapter.

    Raises ``ValueError`` for a chapter or a name that no exercise has. What goes wrong *in* the function is
    part of what is said.

    >>> def grey_kernel(kernel): ...
    >>> check("encoder", grey_kernel)
    ✘ Not yet. `grey_kernel` gives nothing back so far. Put your code in place of the three dots.
    """
    return judge(find_exercise(chapter, getattr(answer, "__name__", repr(answer))), answer)


def judge(exercise: Exercise, answer: Function) -> Answer:
    """Call ``answer`` with every case, up to the first that goes wrong."""
    for number, case in enumerate(_cases(exercise)):
        came = _call(answer, case, sys.stdout)
        if not _right(came, case):
            return Answer(right=False, why=_why_not(exercise, answer, number, case, came))
    return Answer(right=True, why=exercise.why)


def _why_not(exercise: Exercise, answer: Function, number: int, case: Case, came: _Came) -> str:
    """What came instead, and the best hint that there is."""
    nothing = came.value is came.error is None
    if nothing and _is_stub(answer):
        return f"`{exercise.name}` gives nothing back so far. Put your code in place of the three dots."
    call = case.given or f"`{exercise.name}({', '.join(map(shown, case.arguments))})`"
    if nothing:
        place = "in place of `print`" if came.printed else "in front of what is to be given back"
        return f"{call} gives nothing back. Write `return` {place}."
    hint = _hint(exercise, answer, number)
    if isinstance(came.error, MisfitError):
        return f"{call} {came.error}. {hint or exercise.hint}"
    if came.error is not None:
        code = getattr(answer, "__code__", None)
        line = code and line_in(code.co_filename, came.error)
        place = f" in line {line}" if line else ""
        said = f"{call} stops{place} with {type(came.error).__name__}: {came.error}."
        return f"{said} {hint or exercise.hint}"
    ours, theirs = shown(case.expected), shown(came.value)
    if theirs == ours:  # a long array, or a difference beyond the digits that are shown
        theirs = f"other {theirs}" if theirs.startswith("numbers") else repr(came.value)
    remark = form(came.value, case.expected, tolerance=case.tolerance)
    advice = hint or remark or kind(came.value, case.expected) + exercise.hint
    return f"{call} gives {theirs}. Expected: {ours}. {advice}"


def _hint(exercise: Exercise, answer: Function, number: int) -> str:
    """The hint of the mistake that does the same in case ``number`` and in half of all; else nothing."""
    best, most = "", 0
    for mistake in exercise.mistakes:
        same = [
            _alike(_call(answer, one), _call(mistake.answer, other), one.tolerance)
            for one, other in zip(_cases(exercise), _cases(exercise), strict=True)
        ]
        if same[number] and sum(same) > most and 2 * sum(same) >= len(same):
            best, most = mistake.hint, sum(same)
    return best


def _alike(one: _Came, other: _Came, tolerance: float) -> bool:
    """Whether two calls gave the same, or failed alike."""
    if one.error is not None or other.error is not None:
        same = type(one.error) is type(other.error)
        return same and (not isinstance(one.error, MisfitError) or str(one.error) == str(other.error))
    return agrees(one.value, other.value, tolerance=tolerance)


def _right(came: _Came, case: Case) -> bool:
    return came.error is None and agrees(came.value, case.expected, tolerance=case.tolerance)


def _cases(exercise: Exercise) -> list[Case]:
    with _equal_chances():
        return list(exercise.cases())


def _call(answer: Function, case: Case, out: TextIO | None = None) -> _Came:
    """Call the function, whatever it may do; what it prints goes to ``out`` at once, for it may never end."""
    heard = _Heard(out)
    with _equal_chances(), redirect_stdout(heard):
        try:
            came = answer(*case.arguments)
            value = plain(case.use(came) if case.use else came)
            return _Came(value=value, printed=heard.anything)
        except (Exception, SystemExit) as error:
            return _Came(error=error, printed=heard.anything)


class _Heard(TextIOBase):
    """Passes on what is printed, and knows whether anything was."""

    def __init__(self, out: TextIO | None) -> None:
        self.anything, self._out = False, out

    def write(self, text: str) -> int:
        self.anything = True
        return self._out.write(text) if self._out else len(text)


def line_in(file: str, error: BaseException) -> int | None:
    """The last line of ``file`` that the error came through; nothing where it never was there."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == file), None)


def _stub() -> None:
    """Nothing."""
    ...


def _bare_stub() -> None: ...


def _is_stub(answer: Function) -> bool:
    """Whether a function that gives ``None``, or a part's ``forward``, is but words and three dots."""
    answer = getattr(answer, "forward", answer)
    code = getattr(getattr(answer, "__code__", None), "co_code", None)
    return code in (_stub.__code__.co_code, _bare_stub.__code__.co_code)


@contextmanager
def _equal_chances() -> Iterator[None]:
    """PyTorch's random numbers from one seed, and the notebook's own go on undisturbed.

    PyTorch takes seconds to import, and a chapter that does not use it draws nothing from it.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(0)
    try:
        yield
    finally:
        torch.set_rng_state(before)
