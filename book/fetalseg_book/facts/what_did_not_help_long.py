"""What did not help: more epochs, a leak, the note's schedule, and small changes that are described."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fetalseg_book.facts.core import FREED, MEASURES, PROPOSED, epochs_run
from fetalseg_book.facts.longer import lead, without
from fetalseg_book.facts.reading import read
from fetalseg_book.figures import described
from fetalseg_book.figures.described import in_words
from fetalseg_book.figures.paired import matched
from fetalseg_lib.evaluation.stats import compare
from fetalseg_lib.study.profile import load_profile

LONG = "note_schedule"
STUDIES = ("longer", "shorter", LONG, "leaky")
NETWORKS = (PROPOSED, "unet", FREED)
SMALL = (
    *("no_skip_se", "no_block_se", "aspp_rates_1_2_3", "as_released", "bilinear_up", "stem_mean"),
    *("frozen_bn_drift", "reestimated_encoder"),
)
"""Small changes of the second family."""


def facts(results: Path) -> dict[str, Any]:
    """The numbers of these sections, and their tables."""
    found = further(results)
    return {
        "further": pd.DataFrame({name: change["hc_abs_error_mm"] for name, change in found.items()})
        .T[["difference", "low", "high", "seeds"]]
        .astype(float),
        "second": second(results),
        "second_band": band(results),
        **dict(_further(found)),
        **dict(_by_note(results)),
        **dict(_second(results)),
    }


def further(results: Path) -> dict[str, dict[str, pd.Series[Any]]]:
    """What four more studies change against the published runs of the same variant, on the seeds of both."""
    return {
        f"{study}: {network}": changed(results, network, study)
        for study in STUDIES
        for network in NETWORKS
        if (results / "one_fold" / study / "hc18" / network).is_dir()
    }


def changed(results: Path, network: str, study: str) -> dict[str, pd.Series[Any]]:
    """What another study changes in a network, on the images that both tested."""
    frame = matched(results, (network, study), (network, "published"))
    seen = frame.groupby("name")["variant"].nunique() == 2
    frame = frame[frame["name"].isin(seen.index[seen])]
    return {metric: compare(frame, metric, baseline="other").iloc[0] for metric in MEASURES}


def _points(name: str, row: pd.Series[Any]) -> Iterator[tuple[str, str]]:
    yield name, f"{round(100 * row['difference'], 2) + 0.0:+.2f}"
    yield f"{name}_interval", f"{100 * row['low']:+.2f} to {100 * row['high']:+.2f}"


def _further(found: dict[str, dict[str, pd.Series[Any]]]) -> Iterator[tuple[str, str]]:
    names = {"long": f"longer: {FREED}", "long_unet": "longer: unet", "long_proposed": f"longer: {PROPOSED}"}
    names |= {"leak": f"leaky: {PROPOSED}", "leak_unet": "leaky: unet"}
    names |= {f"patience_{network}": f"{LONG}: {network}" for network in NETWORKS}
    for name, row in names.items():
        yield from _points(f"null_{name}_dice", found[row]["dice"])
    freed = found[f"{LONG}: {FREED}"]["hc_abs_error_mm"]
    yield "null_patience_larger", f"{freed['difference']:+.2f} mm"
    yield "null_long_epochs", str(load_profile("longer").training.epochs)
    yield "null_patience_epochs", str(load_profile(LONG).training.epochs)


def _by_note(results: Path) -> Iterator[tuple[str, str]]:
    for network in NETWORKS:
        took = epochs_run(results, LONG, network).values()
        yield f"null_patience_took_{network}", f"{min(took)} to {max(took)}"
    leads = {name: lead(results, name) for name in ("unet", "mobilenet_unet", FREED)}
    leads["fresh"] = lead(results, "unet", seeds=described.ASKED_AGAIN)
    for name, found in leads.items():
        error = found["hc_abs_error_mm"]
        yield from _points(f"null_by_note_{name}", found["dice"])
        yield f"null_by_note_{name}_mm", f"{round(error['difference'], 2) + 0.0:+.2f} mm"
        yield f"null_by_note_{name}_mm_interval", f"{error['low']:+.2f} to {error['high']:+.2f}"
    yield "null_by_note_mobilenet_unet_reading", read(leads["mobilenet_unet"]["hc_abs_error_mm"])
    for name in ("no_aspp", "no_se", "no_residual"):
        change = without(results, name)
        yield f"null_by_note_{name}_mm", in_words(change["error"], unit="mm")
        yield f"null_by_note_{name}", in_words(change["dice"])
    freed = described.differences(described.collect(results), FREED)["dice"]
    yield "null_patience_freed", f"{freed.mean():+.2f}"


def second(results: Path) -> dict[str, pd.DataFrame]:
    """Each small change, seed by seed."""
    family = described.collect(results)
    return {name: described.differences(family, name) for name in SMALL}


def band(results: Path) -> Any:
    """How far the best seed of ``proposed`` lies from its worst."""
    family = described.collect(results)
    return family.loc[family["variant"] == PROPOSED, ["dice", "error"]].agg(np.ptp)


def peers(results: Path) -> dict[str, pd.DataFrame]:
    """A well-known library's networks against the fine-tuned encoder, seed by seed."""
    family = described.collect(results)
    return {
        name: described.differences(family, f"peer_{name}", reference=FREED)
        for name in ("unet", "deeplabv3plus")
    }


def _second(results: Path) -> Iterator[tuple[str, str]]:
    own = band(results)
    yield "null_second_anew", in_words(second(results)["reestimated_encoder"]["error"], unit="mm")
    yield "null_second_band", f"{own['error']:.2f} mm"
    yield "null_second_band_dice", f"{own['dice']:.2f}"
    for name, change in peers(results).items():
        yield f"null_peer_{name}", in_words(change["error"], unit="mm")
        yield f"null_peer_{name}_dice", in_words(change["dice"])
