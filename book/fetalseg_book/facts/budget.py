"""The small network: what it costs against the note's promises, and what it loses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.audit import all_claims
from fetalseg_book.complexity import count_flops, flops_by, parameters_by_stage
from fetalseg_book.facts.core import MEASURES, PROPOSED
from fetalseg_book.figures import described
from fetalseg_book.figures.paired import matched, paired
from fetalseg_book.studies.costs import model_size_mb
from fetalseg_book.studies.floor import NOISE_FLOOR
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import build_model
from fetalseg_lib.study import records, tables
from fetalseg_lib.study.profile import load_profile

NETWORKS = (PROPOSED, "budget")
RUNTIMES = {"eager": "eager", "channels": "channels_last", "onnx": "onnxruntime_float32"}
STUDIES = {"budget": "budget", "budget_long": "budget_long"}
"""The small network with as many epochs as the note's, and in no more time than that had."""


def facts(results: Path) -> dict[str, Any]:
    """All numbers of the chapter, and the tables that its cells show."""
    networks = {name: build_model(name, encoder_weights="random") for name in NETWORKS}
    flops = {name: count_flops(network, image_size=(256, 256)) for name, network in networks.items()}
    table = counted(networks, flops)
    times = table[PROPOSED] / table["budget"]
    return {
        "counted": table,
        "parts": {name: by_stage(networks[name], flops[name]) for name in NETWORKS},
        "search": search(results),
        "matched": {study: runs(results, study) for study in STUDIES},
        "timed": timed(results),
        "budget_times_parameters": f"{times['parameters (million)']:.1f}",
        "budget_times_flops": f"{times['GFLOP at 256×256']:.1f}",
        **{key: value for study in STUDIES for key, value in _told(study, differences(results, study))},
        **dict(_studies(results)),
        **dict(_at_size(results)),
        **dict(_time(results)),
    }


def counted(networks: dict[str, Any], flops: dict[str, pd.DataFrame]) -> Any:
    """What the note promises of its costs, and what is counted."""
    says: Any = {claim.key: claim.value for claim in all_claims()}
    names = {
        "parameters (million)": ("9.1 | parameters", 1e6),
        "of them trained (million)": ("9.1 | trainable parameters", 1e6),
        "GFLOP at 256×256": ("9.2 | operations", 1e9),
        "MB in float32": ("9.1 | float32 size", 1e6),
    }
    table = {"promised": {name: says[key].value / scale for name, (key, scale) in names.items()}}
    for name, network in networks.items():
        total, trained = count_parameters(network)
        found = (total / 1e6, trained / 1e6, flops[name]["flops"].sum() / 1e9, model_size_mb(network))
        table[name] = dict(zip(names, found, strict=True))
    return pd.DataFrame(table)


def by_stage(network: Any, flops: pd.DataFrame) -> pd.DataFrame:
    """Weights and operations of each part."""
    return pd.DataFrame(
        {
            "weights (million)": parameters_by_stage(network).set_index("stage")["parameters"] / 1e6,
            "operations (GFLOP)": flops_by(flops, "stage").set_index("stage")["flops"] / 1e9,
        }
    )


def search(results: Path) -> pd.DataFrame:
    """The candidates that were tried, judged by their validation images."""
    tried = {
        "H": "the three cuts, less dropout (0.1), wider gates (a quarter of the channels)",
        "J": "also a learning rate three times as large (3e-3)",
    }
    folder = results / "one_fold" / "budget" / "search"
    dice = {n: 100 * records.read_json(folder / n / "result.json")["validation_dice"] for n in tried}
    return pd.DataFrame({"what": tried, "validation Dice (%)": dice})


def runs(results: Path, study: str) -> pd.DataFrame:
    """The records of both networks, on the seeds of both."""
    frame = matched(results, ("budget", study), (PROPOSED, "small"))
    return frame.assign(variant=frame["variant"].map({"one": "budget", "other": PROPOSED}))


def differences(results: Path, study: str) -> dict[str, Any]:
    """The small network against the note's, in both measures."""
    return {metric: paired(results, ("budget", study), (PROPOSED, "small"), metric) for metric in MEASURES}


def _told(name: str, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for (short, scale, unit), row in zip((("dice", 100, ""), ("mm", 1, " mm")), found.values(), strict=True):
        yield f"{name}_{short}", f"{scale * row['difference']:+.2f}{unit}"
        yield f"{name}_{short}_interval", f"{scale * row['low']:+.2f} to {scale * row['high']:+.2f}"
        yield f"{name}_{short}_verdict", str(row["verdict"])
    yield f"{name}_seeds", str(int(found["dice"]["seeds"]))


def floor(results: Path) -> Any:
    """What the small study can see at all."""
    return pd.read_csv(results / "one_fold/small/hc18/tables" / NOISE_FLOOR).set_index("metric")


def first_run(results: Path, variant: str, study: str, file: str = records.ENVIRONMENT) -> dict[str, Any]:
    """A record of the first finished run."""
    found: dict[str, Any] = records.read_json(
        tables.finished_runs(results / "one_fold" / study / "hc18" / variant)[0] / file
    )
    return found


def _studies(results: Path) -> Iterator[tuple[str, str]]:
    noise = floor(results)
    own = first_run(results, PROPOSED, "small")
    yield "budget_detectable", f"{100 * noise.loc['dice', 'detectable']:.2f}"
    yield "budget_detectable_mm", f"{noise.loc['hc_abs_error_mm', 'detectable']:.2f} mm"
    yield "budget_precision", first_run(results, "budget", "budget_long")["precision"]
    yield "budget_precision_proposed", own["precision"]
    yield "budget_size", "×".join(map(str, own["config"]["image_size"]))
    yield "budget_epochs", str(first_run(results, "budget", "budget", records.METRICS)["epochs"])
    yield "budget_long_epochs", str(first_run(results, "budget", "budget_long", records.METRICS)["epochs"])


def at_size(results: Path) -> pd.DataFrame:
    """The small network against the note's at the published size, seed by seed."""
    return described.differences(described.collect(results), "budget")


def _at_size(results: Path) -> Iterator[tuple[str, str]]:
    change, plan = at_size(results), load_profile("published")
    yield "budget_at_size", described.in_words(change["error"], unit="mm")
    yield "budget_at_size_dice", described.in_words(change["dice"])
    yield "budget_larger_size", "×".join(map(str, plan.image_size))


def batch_time(results: Path) -> float:
    """The time of a batch of sixteen on one thread, as a multiple of the note's network's."""
    race = pd.read_csv(results / "hardware" / "runtimes.csv").query("threads == 1 and batch == 16")
    ms = race.query("runtime == 'channels_last'").set_index("network")["median_ms"]
    return float(ms["budget"] / ms[PROPOSED])


def timed(results: Path) -> Any:
    """One image on one thread, by network and runtime."""
    race = pd.read_csv(results / "hardware" / "runtimes.csv").query("threads == 1 and batch == 1")
    return race.set_index(["network", "runtime"])


def _time(results: Path) -> Iterator[tuple[str, str]]:
    race = timed(results)
    ms = race["median_ms"]
    yield "budget_batch_time", f"{batch_time(results):.2f}"
    for name, runtime in RUNTIMES.items():
        yield f"budget_{name}", f"{ms['budget', runtime] / ms[PROPOSED, runtime]:.2f}"
    yield "budget_onnx_unet", f"{race.loc[('budget', RUNTIMES['onnx']), 'to_unet']:.2f}"
