"""The numbers of the chapter on the encoder: what the study says of its stem and of its frozen statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fetalseg_book.facts.parts import between_seeds
from fetalseg_book.figures import described

VARIANTS = ("stem_mean", "frozen_bn_drift")


def facts(results: Path) -> dict[str, Any]:
    """What the other stem and drifting statistics change on real heads, described seed by seed."""
    runs = described.collect(results)
    changes = {name: described.differences(runs, name) for name in VARIANTS}
    found: dict[str, Any] = {"changes": changes, "own": between_seeds(runs)}
    for name, change in changes.items():
        for metric, unit in (("dice", ""), ("error", "mm")):
            found[f"encoder_{name}_{metric}"] = described.in_words(change[metric], unit=unit)
    return found
