"""What an exercise is made of. The stub is cut from the solution, so the two cannot drift apart."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call of the student's function, and what it should give: by hand, or by another library.

    ``given`` says in words what goes in, where the arguments themselves would be too long to show.
    Numbers and arrays agree within ``tolerance``, relative and absolute.
    """

    arguments: tuple[Any, ...]
    expected: Any
    given: str = ""
    tolerance: float = 1e-4


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A plausible wrong answer, and what to say to whoever gives it."""

    answer: Function
    hint: str


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A question whose answer is a function.

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
        """The source of the solution."""
        return textwrap.dedent(inspect.getsource(self.solution)).rstrip()

    @property
    def stub(self) -> str:
        """The solution's first lines, to the end of its docstring, and three dots.

        Raises ``ValueError`` where the solution has no docstring: it is all that the student is told.
        """
        code = self.code
        (function,) = ast.parse(code).body
        if not isinstance(function, ast.FunctionDef) or ast.get_docstring(function) is None:
            raise ValueError(f"{self.name}: expected a function with a docstring, which the stub keeps")
        head = code.splitlines()[: function.body[0].end_lineno]
        return "\n".join([*head, "    ..."])
