"""The numbers of the chapter on augmentation: what becomes of real heads without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fetalseg_book.figures import described
from fetalseg_lib.study.records import METRICS, read_json


def facts(results: Path) -> dict[str, Any]:
    """What is lost without augmentation, seed by seed, and which epochs were the best."""
    worth = described.differences(described.collect(results), "no_augmentation")
    studies = {"no_augmentation": "descriptive", "proposed": "published"}
    best = {
        variant: [
            read_json(results / "one_fold" / study / "hc18" / variant / f"seed-{seed}" / METRICS)[
                "best_epoch"
            ]
            for seed in worth.index
        ]
        for variant, study in studies.items()
    }
    epochs = {
        f"aug_best_{variant}": described.in_words(found, digits=0, signed=False)
        for variant, found in best.items()
    }
    return epochs | {
        "worth": worth,
        "best epochs": best,
        "aug_lost": described.in_words(worth["dice"], unit="points"),
    }
