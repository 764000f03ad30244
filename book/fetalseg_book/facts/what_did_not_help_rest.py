"""What did not help: a wrong loss, fewer bits, other programs, a wrong test; what was not run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fetalseg_book.facts.reading import readings
from fetalseg_book.figures import described
from fetalseg_lib.evaluation.stats import mean_intervals
from fetalseg_lib.models import list_variants
from fetalseg_lib.study import records
from fetalseg_lib.study.profile import load_profile

HEAVY = ("pos_weight_200", "unet_pos_weight_200")


def facts(results: Path) -> dict[str, Any]:
    """The numbers of these sections, and their tables."""
    found = bits(results)
    return {
        "heavy": heavy(results),
        "bits": found.assign(reading=readings(found)),
        "ratios": ratios(results),
        "false_claims": false_claims(results),
        "origin": origin(results),
        "null_bits_most": f"{found[['low', 'high']].abs().max(axis=None):.2f} mm",
        **dict(_heavy(results)),
        **dict(_speed(results)),
        **dict(_wrong_test(results)),
        **dict(_not_run(results)),
    }


def heavy(results: Path) -> Any:
    """The error of two networks under the loss weight of 200, on the seeds that both have."""
    family = described.collect(results)
    table = family[family["variant"].isin(HEAVY)]
    return table.pivot_table(index="variant", columns="seed", values="error").dropna(axis="columns")


def untouched(results: Path) -> Any:
    """The error of the note's network with its own recipe."""
    family = described.collect(results)
    return family.loc[family["variant"] == "note_as_written", "error"]


def _heavy(results: Path) -> Iterator[tuple[str, str]]:
    whole, plain = (heavy(results).loc[name] for name in HEAVY)
    yield "null_heavy_between", f"{plain.mean() - whole.mean():.1f} mm"
    yield "null_heavy_within", f"{np.ptp(plain):.1f} mm"
    yield "null_untouched", described.in_words(untouched(results), digits=1, signed=False, unit="mm")


def bits(results: Path) -> Any:
    """What fewer bits change in the error of two networks, with intervals that count exams."""
    rows = []
    for file in sorted((results / "export").glob("*.csv")):
        frame = pd.read_csv(file).assign(error=lambda table: table["hc_error_mm"].abs())
        error = frame.pivot_table(index="name", columns="computed_by", values="error")
        for precision in ("float16", "int8"):
            change = (error[precision] - error["pytorch"]).rename("change").reset_index()
            change = change.assign(variant=precision, seed=0, exam=change["name"].str.split("_").str[0])
            mean: Any = mean_intervals(change, "change").iloc[0]
            rows.append({"network": file.stem, "file": precision, **mean[["mean", "low", "high"]]})
    return pd.DataFrame(rows)


def ratios(results: Path) -> Any:
    """Times of one image on one thread, as multiples of the float32 file's in ONNX Runtime."""
    timed = pd.read_csv(results / "hardware" / "runtimes.csv").query("threads == 1 and batch == 1")
    ms = timed.pivot_table(index="network", columns="runtime", values="median_ms")
    return ms[["onnxruntime_int8", "openvino"]].div(ms["onnxruntime_float32"], axis=0)


def _speed(results: Path) -> Iterator[tuple[str, str]]:
    table = ratios(results)
    yield "null_int8_budget", f"{table.loc['budget', 'onnxruntime_int8']:.2f}"
    yield "null_int8_unet", f"{table.loc['unet', 'onnxruntime_int8']:.2f}"
    yield "null_openvino_low", f"{table['openvino'].min():.2f}"
    yield "null_openvino_high", f"{table['openvino'].max():.2f}"
    yield "null_rounds", str(records.read_json(results / "hardware" / "runtimes.json")["rounds"])


def false_claims(results: Path) -> Any:
    """How often two tests claim a difference where there is none, by the number of seeds."""
    rates = pd.DataFrame(records.read_json(results / "analysis" / "rejection_rates.json")["rates"])
    table = rates[rates["effect"] == 0].set_index("seeds")[["wilcoxon", "significant"]]
    return table.set_axis(["Wilcoxon over images", "t-test over seeds"], axis=1)


def _wrong_test(results: Path) -> Iterator[tuple[str, str]]:
    wrong = 100 * false_claims(results)["Wilcoxon over images"]
    for name, place in (("few", 0), ("many", -1)):
        yield f"null_wilcoxon_{name}", f"{wrong.iloc[place]:.0f} %"
        yield f"null_seeds_{name}", str(wrong.index[place])


def tested(results: Path) -> Any:
    """The U-Net from phantoms alone and from real images, on real test images: a row for each seed."""
    files = {
        "phantoms": sorted(
            (results / "phantom" / "simulated" / "phantom" / "unet").glob("seed-*/on_hc18.json")
        ),
        "real images": sorted(
            (results / "one_fold" / "small" / "hc18" / "unet").glob(f"seed-*/{records.METRICS}")
        ),
    }
    rows = [
        {"trained_on": name, **records.read_json(file)["test"]}
        for name, found in files.items()
        for file in found
    ]
    return pd.DataFrame(rows)


def origin(results: Path) -> Any:
    """The worst and the best seed of each origin."""
    return tested(results).groupby("trained_on")[["dice_mean", "hc_abs_error_mm_mean"]].agg(["min", "max"])


def runs_of(results: Path) -> Any:
    """How many seeds each variant has at the published size."""
    return described.collect(results).groupby("variant")["seed"].nunique()


def _not_run(results: Path) -> Iterator[tuple[str, str]]:
    seeds = tested(results).groupby("trained_on").size()
    yield "null_phantom_seeds", str(seeds["phantoms"])
    yield "null_real_seeds", str(seeds["real images"])
    rest, done = load_profile("descriptive"), runs_of(results).index
    missing = [v.name for v in list_variants() if v.name not in done and v.name != "stem_sum"]
    yield "null_family", str(len(rest.variants))
    yield "null_family_seeds", str(len(rest.seeds))
    yield "null_unasked", ", ".join(missing) or "none"
