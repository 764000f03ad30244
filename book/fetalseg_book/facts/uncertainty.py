"""How sure are we: what seeds, exams and the number of comparisons do to the study's numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import wilcoxon

from fetalseg_book import stats
from fetalseg_book.facts.core import FREED, PROPOSED, Core, core
from fetalseg_book.facts.ledger import ledger
from fetalseg_book.figures import agreement
from fetalseg_book.figures.agreement import trimester_edges_mm
from fetalseg_book.stats import detectable_difference
from fetalseg_book.studies import simulate
from fetalseg_lib.growth import INTERGROWTH_21ST
from fetalseg_lib.study import records, tables

POINTS = 100
"""A Dice point is 0.01."""

GROUPS = list(agreement.TRIMESTERS)


def facts(results: Path) -> dict[str, Any]:
    """All numbers of the chapter."""
    study = core(results)
    return {
        **dict(_noise(study)),
        **dict(_same_network(study)),
        **dict(_simulated(results)),
        **dict(_exams(study)),
        **dict(_looks(study)),
        **dict(_ledger(results)),
        "ledger": ledger(results),
        **dict(_conformal(study)),
    }


def by_seed(study: Core) -> Any:
    """Mean Dice of each variant and seed."""
    return study.per_image.pivot_table(index="variant", columns="seed", values="dice", aggfunc="mean")


def _noise(study: Core) -> Iterator[tuple[str, str]]:
    own, noise = by_seed(study).loc[PROPOSED], study.floor.loc["dice"]
    yield "uncertainty_gap", f"{POINTS * (own.max() - own.min()):.2f}"
    for name in ("sd", "sd_low", "sd_high", "detectable"):
        yield f"uncertainty_{name}", f"{POINTS * noise[name]:.2f}"
    yield "uncertainty_planned", str(int(noise["seeds"]))
    yield "uncertainty_comparisons", str(int(noise["comparisons"]))
    yield "uncertainty_detectable_mm", f"{study.floor.loc['hc_abs_error_mm', 'detectable']:.2f} mm"
    for seeds in (3, 20):
        found = detectable_difference(
            math.sqrt(2) * noise["sd"], seeds=seeds, comparisons=int(noise["comparisons"])
        )
        yield f"uncertainty_detectable_{seeds}", f"{POINTS * found:.2f}"


def same_network_p(study: Core) -> float:
    """The p-value of a test over images between the worst and the best seed of one network."""
    own = study.per_image[study.per_image["variant"] == PROPOSED]
    pair = own.pivot_table(index="name", columns="seed", values="dice")
    return float(wilcoxon(pair[pair.mean().idxmin()], pair[pair.mean().idxmax()]).pvalue)


def _same_network(study: Core) -> Iterator[tuple[str, str]]:
    p = same_network_p(study)
    images = signature(simulate.simulate_study).parameters["images"].default
    yield "uncertainty_simulated_images", str(images)
    yield "uncertainty_same_p", f"{p:.0e}" if p < 1e-3 else f"{p:.3f}"


def _simulated(results: Path) -> Iterator[tuple[str, str]]:
    kept = records.read_json(results / "analysis" / "rejection_rates.json")
    rates = pd.DataFrame(kept["rates"])
    five: Any = rates[rates["seeds"] == 5].set_index("effect")
    small, large = five.index[five.index > 0].min(), five.index.max()
    yield "uncertainty_studies", str(kept["studies"])
    yield "uncertainty_wilcoxon", f"{100 * five.loc[0, 'wilcoxon']:.0f} %"
    yield "uncertainty_ours", f"{100 * five.loc[0, 'significant']:.1f} %"
    for name, effect in (("low", small), ("high", large)):
        yield f"uncertainty_effect_{name}", f"{POINTS * effect:.1f}"
        yield f"uncertainty_power_{name}", f"{100 * five.loc[effect, 'significant']:.0f} %"


def half_interval(frame: pd.DataFrame) -> float:
    """Half of the interval of the mean Dice of ``proposed``."""
    row: Any = stats.mean_intervals(frame, "dice").set_index("variant").loc[PROPOSED]
    return float(row["high"] - row["low"]) / 2


def _exams(study: Core) -> Iterator[tuple[str, str]]:
    one = study.per_image[study.per_image["variant"] == PROPOSED]
    yield "uncertainty_as_if", f"{POINTS * 1.96 * one['dice'].std() / math.sqrt(len(one)):.2f}"
    yield "uncertainty_half", f"{POINTS * half_interval(study.per_image):.2f}"


def looks(study: Core) -> dict[str, Any]:
    """What half of the seeds, and what all, say of the fine-tuned encoder."""
    half = by_seed(study).shape[1] // 2
    frames = {"early": study.per_image[study.per_image["seed"] < half], "late": study.per_image}
    compared = {name: stats.compare(frame, "dice", baseline=PROPOSED) for name, frame in frames.items()}
    return {name: table.set_index("variant").loc[FREED] for name, table in compared.items()}


def _looks(study: Core) -> Iterator[tuple[str, str]]:
    found = looks(study)
    yield "uncertainty_half_seeds", str(found["early"]["seeds"])
    for name, row in found.items():
        yield f"uncertainty_{name}_holm", f"{row['p_holm']:.3f}"
        yield f"uncertainty_{name}_gain", f"{POINTS * row['difference']:+.2f}"
    yield "uncertainty_gain_low", f"{POINTS * found['late']['low']:+.2f}"
    yield "uncertainty_gain_high", f"{POINTS * found['late']['high']:+.2f}"


def _ledger(results: Path) -> Iterator[tuple[str, str]]:
    yield "uncertainty_looks", str(int(ledger(results)["result files"].sum()))
    yield "uncertainty_test_images", str(core(results).per_image["name"].nunique())


def columns(part: pd.DataFrame) -> tuple[pd.Series[Any], pd.Series[Any], pd.Series[Any]]:
    """Measured circumference (nothing where it failed), the annotated one, and the exam."""
    measured = part["hc_mm"].where(~part["failed"].astype(bool))
    return measured, part["hc_reference_mm"], part["exam"]


def check_seed(
    study: Core, validation: pd.DataFrame, seed: int, *, level: float, edges: tuple[float, ...] = ()
) -> Any:
    """How many heads of each group a seed's interval covers, calibrated on its validation images."""
    own = study.per_image[(study.per_image["variant"] == PROPOSED) & (study.per_image["seed"] == seed)]
    interval = stats.calibrate(*columns(validation[validation["seed"] == seed]), level=level, edges_mm=edges)
    groups = agreement.trimesters(own["hc_reference_mm"])
    return stats.coverage(interval, *columns(own), groups=groups).set_index("group")


def coverage(study: Core, validation: pd.DataFrame, edges: tuple[float, ...]) -> pd.Series[float]:
    """The share of each group that an 80 % interval covers, on average over the seeds."""
    found = [
        check_seed(study, validation, seed, level=0.8, edges=edges)["coverage"]
        for seed in validation["seed"].unique()
    ]
    return pd.DataFrame(found).mean()


def _conformal(study: Core) -> Iterator[tuple[str, str]]:
    validation = tables.collect_per_image(study.folder / PROPOSED, file=records.VALIDATION)
    one = coverage(study, validation, ())
    own = coverage(study, validation, tuple(trimester_edges_mm(INTERGROWTH_21ST)))[GROUPS]
    yield "uncertainty_conformal_least", f"{100 * one[GROUPS].min():.0f} %"
    yield "uncertainty_conformal_least_group", str(one[GROUPS].idxmin())
    yield "uncertainty_conformal_most", f"{100 * one[GROUPS].max():.0f} %"
    yield "uncertainty_conformal_most_group", str(one[GROUPS].idxmax())
    yield "uncertainty_conformal_all", f"{100 * one['all']:.0f} %"
    yield "uncertainty_conformal_own_least", f"{100 * own.min():.0f} %"
    yield "uncertainty_conformal_own_most", f"{100 * own.max():.0f} %"
    best = int(by_seed(study).loc[PROPOSED].idxmax())
    checked = check_seed(study, validation, best, level=0.9)
    yield "uncertainty_check_exams", str(int(checked.loc["all", "exams"]))
    last = agreement.trimesters(validation["hc_reference_mm"]) == GROUPS[-1]
    yield "uncertainty_last_exams", str(validation[last]["exam"].nunique())
