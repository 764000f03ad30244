"""Whether two answers are the same, and how to show one in a sentence."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

_SHOWN = 12
"""More numbers than this are told by their shape."""


def agrees(came: Any, expected: Any, *, tolerance: float) -> bool:
    """Whether ``came`` is what was expected: numbers and arrays within ``tolerance``, all else exactly.

    Tensors, arrays, lists and series of the same numbers are the same. A truth value is no number.

    >>> import torch
    >>> agrees(torch.tensor([1.0, 2.0]), (1, 2), tolerance=1e-6)
    True
    >>> agrees(1, True, tolerance=1e-6)
    False
    """
    if isinstance(expected, bool):
        return isinstance(came, bool | np.bool_) and bool(came) == expected
    if isinstance(expected, str | set | frozenset):
        return type(came) in (type(expected), list, tuple) and _like(came, expected) == expected
    if isinstance(expected, Mapping):
        return (
            isinstance(came, Mapping)
            and set(came) == set(expected)
            and all(agrees(came[key], value, tolerance=tolerance) for key, value in expected.items())
        )
    ours, theirs = _numbers(expected), _numbers(came)
    if ours is None or theirs is None:
        return ours is theirs and bool(_plain(came) == _plain(expected))
    return ours.shape == theirs.shape and np.allclose(
        theirs, ours, rtol=tolerance, atol=tolerance, equal_nan=True
    )


def shown(value: Any) -> str:
    """A value as it stands in a message: few numbers in full, many by their shape.

    >>> import torch
    >>> shown(2 / 3), shown(torch.zeros(2, 3)), shown(torch.zeros(64, 64))
    ('0.666667', '[[0, 0, 0], [0, 0, 0]]', 'numbers of shape (64, 64)')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    numbers = _numbers(value)
    if numbers is None:
        text = repr(value)
        return text if len(text) <= 120 else f"{text[:117]}..."
    if numbers.size > _SHOWN:
        return f"numbers of shape {numbers.shape}"
    return _written(numbers.tolist())


def _written(numbers: Any) -> str:
    if isinstance(numbers, list):
        return "[" + ", ".join(map(_written, numbers)) + "]"
    return f"{numbers:.6g}"


def _like(came: Any, expected: Any) -> Any:
    return came if isinstance(expected, str) else type(expected)(came)


def _plain(value: Any) -> Any:
    """Sequences as lists, so that a tuple of words equals a list of them."""
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _numbers(value: Any) -> Any:
    """``value`` as an array of floats, or ``None`` where it is something else."""
    if isinstance(value, str | bytes | bool | Mapping | set | frozenset) or value is None:
        return None
    try:
        if _is_tensor(value):
            return value.detach().cpu().double().numpy()
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.kind in "biuf" else None
    except (TypeError, ValueError, RuntimeError):
        return None


def _is_tensor(value: Any) -> bool:
    """Whether ``value`` is PyTorch's, which takes seconds to import: without it nothing can be."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)
