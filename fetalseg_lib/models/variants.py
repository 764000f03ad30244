"""The study's variants, read from ``variants.yaml``: a few overrides against a reference, and a reason."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

Architecture = Literal["mobilenet", "unet", "peer"]
"""Whose configuration a variant overrides."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of the ablation: what is changed, against what, and why.

    ``shown_as`` is its name in tables and figures.
    ``network`` are overrides of the architecture's configuration (``NetworkConfig``, ``UNetConfig`` or, for
    another library's network, ``PeerConfig``),
    ``recipe`` overrides of the training recipe; ``encoder_weights`` stands where the variant is about them,
    ``None`` leaves them to the study; ``reference`` names the variant to compare with, ``None`` for the one
    where the comparisons begin.
    """

    name: str
    shown_as: str
    reference: str | None
    changes: str
    why: str
    architecture: Architecture = "mobilenet"
    network: Mapping[str, object] = field(default_factory=dict)
    recipe: Mapping[str, object] = field(default_factory=dict)
    encoder_weights: str | None = None


_FILE = Path(__file__).with_suffix(".yaml")


@functools.cache
def list_variants() -> tuple[Variant, ...]:
    """All variants, references before those that refer to them.

    >>> [variant.name for variant in list_variants()][:3]
    ['unet', 'mobilenet_unet', 'proposed']
    """
    rows = yaml.safe_load(_FILE.read_text(encoding="utf-8"))["variants"]
    return tuple(Variant(**{key: _frozen(value) for key, value in row.items()}) for row in rows)


def _frozen(value: Any) -> Any:
    """YAML has lists where the networks' configurations have tuples."""
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(value) if isinstance(value, list) else value


def get_variant(name: str) -> Variant:
    """The variant of that name; raises ``ValueError`` with the nearest name where there is none.

    >>> get_variant("propposed")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: variant: there is no 'propposed'. Did you mean 'proposed'? Known: unet, ...
    """
    by_name = {variant.name: variant for variant in list_variants()}
    if name not in by_name:
        raise ValueError(
            f"variant: there is no {name!r}.{did_you_mean(name, by_name)} Known: {', '.join(by_name)}."
        )
    return by_name[name]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names as a question, or nothing where none is near.

    >>> did_you_mean("dropuot", ["stem", "dropout"])
    " Did you mean 'dropout'?"
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""
