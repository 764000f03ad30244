"""Exercises whose answer is a part of a network: it gets the library's weights, and must give its output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from fetalseg_book.exercises.exercise import Case, MisfitError


def case(library: nn.Module, name: str, arguments: tuple[Any, ...], *inputs: Any) -> Case:
    """The student's part ``name(*arguments)`` with the weights of ``library``, on ``inputs``.

    The library's biases and normalisations are drawn first, so that each of them shows in its output.
    """
    with torch.no_grad():
        for key, tensor in library.state_dict().items():
            if tensor.ndim == 1:
                positive = key.endswith(("weight", "running_var"))
                tensor.uniform_(0.5, 1.5) if positive else tensor.uniform_(-1, 1)
        expected = library.eval()(*inputs)
    given = f"`{name}({', '.join(map(str, arguments))})` with the library's weights"
    return Case(
        arguments=arguments, expected=expected, given=given, use=lambda part: _run(part, library, inputs)
    )


def _run(part: Any, library: nn.Module, inputs: tuple[Any, ...]) -> Any:
    """What the part makes of the inputs once it has the library's weights, in whatever order it has them."""
    if not isinstance(part, nn.Module):
        return part
    ours = [tensor for tensor in library.state_dict().values() if tensor.ndim]  # no counts of batches
    free = [tensor for tensor in part.state_dict().values() if tensor.ndim]
    shapes = sorted(tuple(tensor.shape) for tensor in free)
    wanted = sorted(tuple(tensor.shape) for tensor in ours)
    with torch.no_grad():
        if not free and part(*inputs) is None:
            return None  # a stub
        if shapes != wanted:
            raise MisfitError(f"does not fit: {_apart(shapes, wanted)}")
        for tensor in ours:
            place = next(n for n, other in enumerate(free) if other.shape == tensor.shape)
            free.pop(place).copy_(tensor)
        return part.eval()(*inputs)


def _apart(shapes: list[tuple[int, ...]], wanted: list[tuple[int, ...]]) -> str:
    """The weights that the one or the other has alone."""
    said = []
    for word, some, others in (("it has", shapes, wanted), ("it lacks", wanted, shapes)):
        alone = list(some)
        for shape in others:
            if shape in alone:
                alone.remove(shape)
        if alone:
            shown = ", ".join("×".join(map(str, shape)) for shape in alone[:4])
            said.append(f"{word} weights of {shown}{' and more' if len(alone) > 4 else ''}")
    return ", ".join(said)


def changed(solution: type[nn.Module], forward: Callable[..., Any]) -> type[nn.Module]:
    """A mistake: the solution's weights, put together in another way."""
    return type(solution.__name__, (solution,), {"forward": forward})
