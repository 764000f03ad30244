"""What did not help: intervals of the error, and how to read them beside a change that would matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from fetalseg_book.facts import what_did_not_help_long, what_did_not_help_rest
from fetalseg_book.facts.core import FREED, MEASURES, PARTS, PROPOSED, core, steps
from fetalseg_book.facts.reading import BIGGER, MATTERS_MM, NONE, SMALLER, UNKNOWN, read, readings
from fetalseg_book.facts.typical import typical_facts
from fetalseg_book.figures.paired import paired
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.evaluation.stats import compare
from fetalseg_lib.models import build_model
from fetalseg_lib.study import records
from fetalseg_lib.study.profile import load_profile

Change = Mapping[str, Any]
"""The difference of each measure, with its interval."""


def facts(results: Path) -> dict[str, Any]:
    """All numbers of the chapter, and the tables that its cells show."""
    found = tried(results)
    return {
        "errors": errors_table(found),
        **dict(_tried(found)),
        **dict(_plans(results)),
        **dict(_larger(results)),
        **dict(_costs(results)),
        **dict(_together(results)),
        **what_did_not_help_long.facts(results),
        **what_did_not_help_rest.facts(results),
        **typical_facts(results),
    }


def change(results: Path, one: tuple[str, str], other: tuple[str, str]) -> dict[str, pd.Series[Any]]:
    """How far one training is from another, on the seeds of both."""
    return {metric: paired(results, one, other, metric) for metric in MEASURES}


def planned() -> list[str]:
    """What the study compares with ``proposed``."""
    return [name for name in load_profile("published").variants if name != PROPOSED]


def tried(results: Path) -> dict[str, dict[str, pd.Series[Any]]]:
    """Each change that was tried, against the ``proposed`` of its own study."""
    of_plan = {name: change(results, (name, "published"), (PROPOSED, "published")) for name in planned()}
    return of_plan | {
        "unet (small)": change(results, ("unet", "small"), (PROPOSED, "small")),
        "budget (small)": change(results, ("budget", "budget"), (PROPOSED, "small")),
    }


def errors_table(found: Mapping[str, Change]) -> Any:
    """The change of the error of each, the worst first."""
    table = pd.DataFrame({name: change["hc_abs_error_mm"] for name, change in found.items()}).T
    table = table[["difference", "low", "high", "seeds"]].astype(float)
    return table.sort_values("difference", ascending=False)


def _of_one(name: str, change: Change) -> Iterator[tuple[str, str]]:
    points, error = (
        100 * change["dice"][["difference", "low", "high"]].astype(float),
        change["hc_abs_error_mm"],
    )
    yield name, f"{error['difference']:+.2f} mm"
    yield f"{name}_interval", f"{error['low']:+.2f} to {error['high']:+.2f}"
    yield f"{name}_reading", read(error)
    yield f"{name}_seeds", f"{error['seeds']:.0f}"
    yield f"{name}_dice", f"{points['difference']:+.2f}"
    yield f"{name}_dice_interval", f"{points['low']:+.2f} to {points['high']:+.2f}"


def _tried(found: Mapping[str, Change]) -> Iterator[tuple[str, str]]:
    for variant, change in found.items():
        name = f"null_{variant.replace(' (small)', '_small')}"
        yield from _of_one(name, change)
        one_side = change["dice"]["low"] > 0 or change["dice"]["high"] < 0
        yield f"{name}_zero", "all of it on one side of zero" if one_side else "the interval includes zero"
    reach = [abs(100 * found[part]["dice"][end]) for part in PARTS for end in ("low", "high")]
    yield "null_parts_dice_reach", f"{max(reach):.2f}"
    freed = found[FREED]["hc_abs_error_mm"]
    if freed["high"] < -MATTERS_MM:
        side = "lies beyond it: it is enough"
    elif freed["low"] < -MATTERS_MM:
        side = "includes it: these seeds cannot tell"
    else:
        side = "stays within it: it is a gain that we would not act on"
    yield "null_trainable_side", side


def _plans(results: Path) -> Iterator[tuple[str, str]]:
    look = records.read_json(results / "hc18" / "dataset.json")["second_looks"][0]
    yield "null_matters", f"{MATTERS_MM:g} mm"
    yield "null_second_look", f"{look['hc_difference_mm']:.1f} mm"
    yield "null_planned_seeds", str(len(load_profile("published").seeds))
    for name, study in (("", "published"), ("small_", "small")):
        plan = load_profile(study)
        yield f"null_{name}size", "×".join(map(str, plan.image_size))
        yield f"null_{name}epochs", str(plan.training.epochs)
    yield "null_short_epochs", str(load_profile("shorter").training.epochs)
    verdicts = compare(core(results).per_image, "dice", baseline=PROPOSED).set_index("variant")["verdict"]
    yield "null_trainable_verdict", str(verdicts[FREED])


def larger(results: Path) -> dict[str, dict[str, pd.Series[Any]]]:
    """What four times the pixels change: with more epochs for two networks, and with fewer for one."""
    return {
        "proposed": change(results, (PROPOSED, "published"), (PROPOSED, "small")),
        "unet": change(results, ("unet", "published"), ("unet", "small")),
        "short": change(results, (PROPOSED, "shorter"), (PROPOSED, "small")),
    }


def _larger(results: Path) -> Iterator[tuple[str, str]]:
    for name, change in larger(results).items():
        yield from _of_one(f"null_larger_{name}", change)


def _costs(results: Path) -> Iterator[tuple[str, str]]:
    million = {
        name: count_parameters(build_model(name, encoder_weights="random"))[0] / 1e6
        for name in (PROPOSED, "no_aspp", "mobilenet_unet")
    }
    yield "null_weights_all", f"{million[PROPOSED]:.1f}"
    yield "null_weights_none", f"{million['mobilenet_unet']:.1f}"
    yield "null_weights_aspp", f"{million[PROPOSED] - million['no_aspp']:.1f}"
    timed = steps(results)
    times = timed.loc[FREED] / timed.loc[PROPOSED]
    yield "null_step", f"{times['graph_step_ms']:.1f}"
    yield "null_peak", f"{times['peak_mib']:.1f}"


def joint_level() -> float:
    """The level of each interval by which all of the plan's hold together."""
    return 1 - 0.05 / len(planned())


def widest(results: Path) -> Any:
    """The interval of each change of the error, so wide that all of them hold together."""
    table = compare(core(results).per_image, "hc_abs_error_mm", baseline=PROPOSED, level=joint_level())
    return table.set_index("variant").loc[planned(), ["low", "high"]]


def times_as_long(seeds: int) -> float:
    """How much longer such an interval is with fewer seeds that differ as much."""
    upper, most = 0.5 + joint_level() / 2, len(load_profile("published").seeds)
    few, many = (float(student.ppf(upper, n - 1)) / float(np.sqrt(n)) for n in (seeds, most))
    return few / many


def _together(results: Path) -> Iterator[tuple[str, str]]:
    table = widest(results)
    found = readings(table)
    yield "null_n", str(len(planned()))
    yield "null_wide_level", f"{100 * joint_level():.1f} %"
    for name, said in (("worse", BIGGER), ("better", SMALLER), ("small", NONE), ("open", UNKNOWN)):
        yield f"null_wide_{name}", ", ".join(found.index[found == said]) or "none"
    yield "null_wide_reach", f"{table[found == NONE].abs().max(axis=None):.2f} mm"
    yield "null_three_seeds", f"{times_as_long(3):.1f}"
