"""Whether two answers are the same, how to show one in a sentence, and what is wrong with the form alone.

All of it in plain Python: an answer that is an array or a tensor brings its own way to become a list.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Iterator, Mapping, Set
from decimal import Decimal
from numbers import Real
from typing import Any

_SHOWN = 12
"""More numbers than this are told by their shape."""


def plain(value: Any) -> Any:
    """Arrays, tensors, series and tables as nested lists of Python's own numbers and words.

    >>> import numpy as np
    >>> plain((np.float32(0.5), np.array([["y"]]))), plain(range(2))
    ([0.5, [['y']]], [0, 1])
    """
    for method in ("tolist", "to_numpy"):
        if callable(convert := getattr(value, method, None)) and not isinstance(value, type):
            return plain(convert())
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, int):
        return value
    if isinstance(value, Real | Decimal):
        return float(value)
    if isinstance(value, Collection) and not isinstance(value, str | bytes | set | frozenset):
        return [plain(item) for item in value]
    return value


def agrees(came: Any, expected: Any, *, tolerance: float) -> bool:
    """Whether ``came`` is what was expected: numbers and arrays within ``tolerance``, all else exactly.

    Tensors, arrays, lists and series of the same numbers are the same, and a list without order is as good
    as a set. A truth value is no number.

    >>> import torch
    >>> agrees(torch.tensor([1.0, 2.0]), (1, 2), tolerance=1e-6)
    True
    >>> agrees(1, True, tolerance=1e-6)
    False
    """
    came, expected = plain(came), plain(expected)
    return isinstance(came, bool) == isinstance(expected, bool) and _same(came, expected, tolerance)


def _same(came: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, Set):
        ours, theirs = plain(list(expected)), plain(list(came)) if isinstance(came, list | Set) else None
        return theirs is not None and all(
            any(_same(one, other, tolerance) for other in others)
            for group, others in ((ours, theirs), (theirs, ours))
            for one in group
        )
    if isinstance(expected, Mapping):
        return (
            isinstance(came, Mapping)
            and set(came) == set(expected)
            and all(_same(came[key], value, tolerance) for key, value in expected.items())
        )
    if isinstance(expected, list):
        return (
            isinstance(came, list)
            and len(came) == len(expected)
            and all(_same(one, other, tolerance) for one, other in zip(came, expected, strict=True))
        )
    if isinstance(expected, int | float):  # in an array a truth value is 0 or 1
        return isinstance(came, int | float) and _near(came, expected, tolerance)
    return isinstance(came, str) and isinstance(expected, str) and came == expected


def _near(came: float, expected: float, tolerance: float) -> bool:
    if came == expected or (came != came and expected != expected):
        return True
    try:
        return math.isfinite(expected) and abs(came - expected) <= tolerance * (1 + abs(expected))
    except OverflowError:  # a whole number that no float can hold
        return False


def shown(value: Any) -> str:
    """A value as it stands in a message: few numbers in full, many by their shape.

    >>> import torch
    >>> shown(2 / 3), shown(torch.zeros(2, 3)), shown(torch.zeros(64, 64))
    ('0.666667', '[[0, 0, 0], [0, 0, 0]]', 'numbers of shape (64, 64)')
    """
    value = plain(value)
    leaves = _leaves(value)
    if len(leaves) > _SHOWN and all(isinstance(leaf, int | float) for leaf in leaves):
        return f"numbers of shape {_shape(value)}"
    text = _written(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, set | frozenset) and value:
        return "{" + ", ".join(sorted(_written(plain(item)) for item in value)) + "}"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"
    try:
        return repr(value)
    except Exception:  # a student's own class may say anything
        return f"something of type {type(value).__name__}"


def form(came: Any, expected: Any, *, tolerance: float) -> str:
    """What to say of an answer whose value is right and whose form is not; nothing if it is not that.

    >>> form([2.0], 2, tolerance=0)
    'The value is right, but it stands in a list or an array of one. Give back the value itself.'
    >>> form(0.67, 2 / 3, tolerance=1e-4)
    'This is rounded. Give the value back as it was computed.'
    """
    came, expected = plain(came), plain(expected)
    if callable(came):
        return "This is a function. Put brackets behind its name, so that it is called."
    if isinstance(came, Iterator):
        return "This waits to be computed. Put `list(...)` around it."
    if isinstance(came, str) and agrees(_read(came), expected, tolerance=tolerance):
        return "The value is right, but it is text. Give back the value itself."
    ours, theirs, alike = _leaves(expected), _leaves(came), _shape(came) == _shape(expected)
    if not alike and _same(theirs, ours, tolerance):
        if isinstance(expected, list):
            return f"The values are right, but their shape is {_shape(came)}. Expected: {_shape(expected)}."
        return "The value is right, but it stands in a list or an array of one. Give back the value itself."
    pairs = list(zip(theirs, ours, strict=False)) if alike and len(theirs) == len(ours) else []
    shortened = [_rounded(one, other) for one, other in pairs]
    if any(shortened) and all(
        short or _same(*pair, tolerance) for short, pair in zip(shortened, pairs, strict=True)
    ):
        return "This is rounded. Give the value back as it was computed."
    return ""


def kind(came: Any, expected: Any) -> str:
    """What is asked for, where this is something else: another kind of value, or no whole number.

    >>> kind("2", 2), kind([150, 151.5], (150, 152)), kind(1, 2)
    ('A number is asked for, not a text. ', 'Whole numbers are asked for. ', '')
    """
    came, expected = plain(came), plain(expected)
    wanted, given = _kind(expected), _kind(came)
    if wanted != given and not (isinstance(expected, Set) and isinstance(came, list)):
        return f"{wanted[0].upper()}{wanted[1:]} is asked for, not {given}. "
    ours, theirs = _leaves(expected), _leaves(came)
    next_to = len(theirs) == len(ours) and all(map(_next_to_whole, theirs, ours))
    return "Whole numbers are asked for. " if next_to and any(map(_broken, theirs)) else ""


def _kind(value: Any) -> str:
    kinds: dict[str, Any] = {
        "a truth value": bool,
        "a number": int | float,
        "a text": str,
        "a dictionary": Mapping,
        "a set": Set,
        "a list or an array": list,
    }
    found = (name for name, kind in kinds.items() if isinstance(value, kind))
    return next(found, f"something of type {type(value).__name__}")


def _read(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _leaves(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        return ()
    inner = {_shape(item) for item in value}
    return (len(value), *(inner.pop() if len(inner) == 1 else ()))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _rounded(came: Any, expected: Any) -> bool:
    """Whether ``came`` is ``expected`` to fewer digits, and not far from it."""
    if not (_is_number(came) and _is_number(expected)) or abs(came - expected) > 0.02 * abs(expected):
        return False
    shorter = [round(expected, digits) for digits in range(5)]
    return any(short != expected and math.isclose(came, short, rel_tol=1e-6) for short in shorter)


def _broken(value: float) -> bool:
    return value != int(value)


def _next_to_whole(came: Any, expected: Any) -> bool:
    return _is_number(came) and _is_number(expected) and not _broken(expected) and abs(came - expected) < 1
