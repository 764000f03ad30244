"""The published study, as several chapters read it, and how their text writes a difference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.studies.floor import NOISE_FLOOR
from fetalseg_book.studies.seed_noise import SeedNoise, pooled_seed_noise
from fetalseg_lib.study import records, tables
from fetalseg_lib.study.profile import Profile, load_profile

PROPOSED, FREED = "proposed", "trainable_encoder"
PARTS = ("no_aspp", "no_se", "no_residual", "mobilenet_unet")
"""Each of the note's parts taken out, and all three at once."""

MEASURES = ("dice", "hc_abs_error_mm")


@dataclass(frozen=True, kw_only=True, eq=False)
class Core:
    """The core study: its records of each image and run, its plan, and its noise."""

    folder: Path
    per_image: pd.DataFrame
    by_run: pd.DataFrame
    plan: Profile
    environment: dict[str, Any]
    floor: Any

    @property
    def order(self) -> list[str]:
        """The variants in the order of the plan."""
        return [name for name in self.plan.variants if name in set(self.by_run["variant"])]

    def noise(self, metric: str) -> SeedNoise:
        """How far the seeds of ``proposed`` lie apart."""
        return pooled_seed_noise(self.per_image, metric, variants=[PROPOSED])

    def band(self, metric: str, *, seeds: int | None = None) -> float:
        """Half width that holds the difference of two networks as noisy as ``proposed``, and equal."""
        return self.noise(metric).band(seeds=seeds or len(self.plan.seeds))


@cache
def core(results: Path) -> Core:
    """The study in ``results/one_fold/published/hc18``."""
    folder = results / "one_fold" / "published" / "hc18"
    per_image = tables.collect_per_image(folder)
    per_image = per_image.assign(hc_abs_error_mm=per_image["hc_error_mm"].abs())
    run = tables.finished_runs(folder)[0]
    return Core(
        folder=folder,
        per_image=per_image,
        by_run=tables.summarize_runs(per_image),
        plan=load_profile(records.read_json(run / records.METRICS)["profile"]),
        environment=records.read_json(run / records.ENVIRONMENT),
        floor=pd.read_csv(folder / "tables" / NOISE_FLOOR).set_index("metric"),
    )


def epochs_run(results: Path, study: str, variant: str) -> dict[int, int]:
    """After how many epochs each seed's training ended."""
    runs = tables.finished_runs(results / "one_fold" / study / "hc18" / variant)
    found = (records.read_json(run / records.METRICS) for run in runs)
    return {run["seed"]: run["epochs"] for run in found}


def steps(results: Path) -> Any:
    """What a training step of each timed network takes on the accelerator, with this library."""
    timed = records.read_json(results / "hardware" / "accelerator.json")["variants"]
    return pd.DataFrame({name: row["library"] for name, row in timed.items()}).T


def signed(value: float, digits: int = 2) -> str:
    """With its sign, a true minus, and zero without one.

    >>> signed(-0.001), signed(0.105, 1), signed(-0.41)
    ('+0.00', '+0.1', '−0.41')
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")


def ends(row: Any, scale: float = 1) -> str:
    """An interval from its ``low`` to its ``high``.

    >>> ends({"low": -0.001, "high": 0.0203}, 100)
    '−0.10 to +2.03'
    """
    return " to ".join(signed(scale * row[end]) for end in ("low", "high"))
