"""Options of a network as they come from a file: of the right kind, and no larger than a machine holds."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

MAX_WIDTH = 2048
"""Of a layer in channels, and of a dilation."""

MAX_ENTRIES = 16
"""Of a list, such as the dilation rates."""


def check_options(config: Any, *, largest: int = MAX_WIDTH) -> None:
    """Raise ``ValueError`` that names the option of a dataclass whose value is not as its type or default is.

    Whole numbers are from 1 to ``largest``, and lists have at most :data:`MAX_ENTRIES`.
    """
    hints = get_type_hints(type(config))
    for option in fields(config):
        value: Any = getattr(config, option.name)
        default: Any = option.default
        if get_origin(hints[option.name]) is Literal and value not in (known := get_args(hints[option.name])):
            raise ValueError(f"{option.name}: expected one of {', '.join(known)}; got {value!r}")
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise ValueError(f"{option.name}: expected true or false, got {value!r}")
            continue
        if isinstance(default, tuple):
            if not isinstance(value, (tuple, list)):
                raise ValueError(f"{option.name}: expected a list, got {value!r}")
            if len(value) > MAX_ENTRIES:
                raise ValueError(f"{option.name}: expected at most {MAX_ENTRIES} entries, got {len(value)}")
        several = isinstance(default, tuple)
        example = next(iter(default), None) if several else default
        numbers = value if several else [value]
        if isinstance(example, int) and not all(_is_whole(number, largest) for number in numbers):
            raise ValueError(f"{option.name}: expected whole numbers from 1 to {largest}, got {value!r}")


def _is_whole(number: object, largest: int) -> bool:
    return isinstance(number, int) and 1 <= number <= largest
