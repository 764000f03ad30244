"""What an exercise is made of. The stub is cut from the solution, so the two cannot drift apart."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]
_WIDTH = 76
"""Columns of code that a page shows without scrolling."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call of the student's function, and what it should give: by hand, or by another library.

    ``given`` says in words what goes in, where the arguments themselves would be too long to show.
    ``use`` is what is done with what came before it is compared: a network's part is run. Numbers and arrays
    agree within ``tolerance``, relative and absolute.
    """

    arguments: tuple[Any, ...]
    expected: Any
    given: str = ""
    tolerance: float = 1e-4
    use: Function | None = None


class MisfitError(ValueError):
    """A student's part of a network whose weights are others than the library's."""


@dataclass(frozen=True)
class Mistake:
    """A plausible wrong answer, and what to say to whoever gives it."""

    answer: Function
    hint: str


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A question whose answer is a function, or a class with methods.

    ``solution`` is that function; its name and docstring are the student's too. ``cases`` makes the calls
    anew each time, so that no answer can spoil them. ``why`` is said with "Right", and stands below the
    folded solution. ``hint`` is for an answer that none of the ``mistakes`` explains.
    """

    title: str
    prompt: str
    solution: Function
    cases: Callable[[], Iterable[Case]]
    hint: str
    mistakes: tuple[Mistake, ...]
    why: str

    @property
    def name(self) -> str:
        """The name of the function that is asked for."""
        return self.solution.__name__

    @property
    def code(self) -> str:
        """The source of the solution, its docstring as narrow as a page."""
        head, body = self._parts()
        return f"{head}\n{body}".rstrip()

    @property
    def stub(self) -> str:
        """The solution's first lines, to the end of its docstring, and three dots; so for each method."""
        head, body = self._parts()
        if not isinstance(self.solution, type):
            return f"{head}\n    ..."
        first = re.findall(r"^    def .*?:\n(?: +super\(\).__init__\(\)\n)?", f"{body}\n", re.M | re.S)
        begun = [
            f"{method}        ..." if "super()" in method else f"{method.rstrip()} ..." for method in first
        ]
        return "\n\n".join([head, *begun])

    def _parts(self) -> tuple[str, str]:
        """The solution to the end of its docstring, and the rest.

        Raises ``ValueError`` where the solution has no docstring: it is all that the student is told.
        """
        code = textwrap.dedent(inspect.getsource(self.solution))
        (function,) = ast.parse(code).body
        if not isinstance(function, ast.FunctionDef | ast.ClassDef) or not (
            words := ast.get_docstring(function)
        ):
            raise ValueError(f"{self.name}: expected a function with a docstring, which the stub keeps")
        lines = code.splitlines()
        docstring = function.body[0]
        wrapped = [
            textwrap.fill(part, _WIDTH, initial_indent="    ", subsequent_indent="    ")
            for part in f'"""{words.replace("``", "`")}"""'.split("\n\n")
        ]
        head = [*lines[: docstring.lineno - 1], "\n\n".join(wrapped)]
        return "\n".join(head), "\n".join(lines[docstring.end_lineno :])
