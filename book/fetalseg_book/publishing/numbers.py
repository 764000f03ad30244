"""Numbers for pages that are no notebooks: a page writes ``{{ name }}``, the build puts in what a file says.

``python -m fetalseg_book.publishing.numbers TREE --results RESULTS`` adds them to the substitutions in the
settings of a copy of the book (``TREE/_config.yml``). A name that no file gives is an error of the build.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from fetalseg_book import stats
from fetalseg_book.audit import Evidence, all_claims
from fetalseg_book.facts import all_variants
from fetalseg_book.facts.answer import findings
from fetalseg_book.facts.audit import HEADLINES, gain_as_written
from fetalseg_book.facts.typical import typical_facts
from fetalseg_book.publishing import face, live
from fetalseg_book.studies.answer import COSTS
from fetalseg_lib.study import records, tables
from fetalseg_lib.study.profile import load_profile

BASELINE, UNET, FREED = "proposed", "unet", "trainable_encoder"
SHOWN = (BASELINE, FREED, UNET, "pos_weight_200")
"""The networks of the model card."""

GOAL_DICE, GOAL_HC_MM = 0.978, 2.0
"""What the project set itself for its best model on the test fold: this Dice or more, this error or less."""

HIDDEN_DICE, HIDDEN_HC_MM = 0.9793, 1.77
"""Of a published method (``zeng2021`` in the references), on the challenge's hidden test set."""


def collect(results: Path) -> dict[str, str]:
    """All numbers that the result files in ``results`` give, as they are to stand in the text.

    Raises ``FileNotFoundError`` naming the file that is missing.
    """
    return {
        **dict(_data(records.read_json(results / "hc18" / "dataset.json"))),
        **dict(_study(results / "one_fold" / "published" / "hc18")),
        **dict(_by_note(results / "one_fold" / "note_schedule" / "hc18")),
        **typical_facts(results),
        **findings(results),
        "all_variants": all_variants.table(results),
        "note_gain": _note_gain(results),
        "exercise_list": live.exercise_list(),
        **dict(_head(results)),
        **dict(_averaged(results / "one_fold" / "averaging" / "hc18" / "published")),
        **dict(_two_cores(results / "one_fold" / "small" / "hc18")),
        **dict(_accelerator(records.read_json(results / "hardware" / "accelerator.json"))),
        **dict(_simulated(results / "phantom" / "simulated" / "phantom" / "unet")),
        **dict(_speed(pd.read_csv(results / "one_fold" / "published" / "hc18" / "tables" / COSTS))),
    }


def _note_gain(results: Path) -> str:
    section, quantity = HEADLINES["dice"]
    claim = next(one for one in all_claims() if (one.section, one.quantity) == (section, quantity))
    finding = claim.check(Evidence(results))
    return gain_as_written(finding.verdict, finding.measured)


def add_to_settings(tree: Path, *, results: Path) -> None:
    """Put all numbers into ``tree/_config.yml``."""
    path = tree / "_config.yml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["parse"]["myst_substitutions"] |= collect(results)
    path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _data(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    several = sum(count for images, count in facts["exams_by_images"].items() if int(images) > 1)
    hc, pixel, look = facts["hc_mm"], facts["pixel_size_mm"], facts["second_looks"][0]
    yield "hc18_images", str(facts["n_images"])
    yield "hc18_hidden", str(facts["n_hidden_test_images"])
    yield "hc18_exams", str(facts["n_exams"])
    yield "hc18_several", str(several)
    yield "hc18_women", str(facts["women"])
    yield "hc18_hc", f"{hc['min']:.0f} to {hc['max']:.0f} mm, {hc['mean']:.0f} mm on average"
    yield "hc18_pixel", f"{pixel['min']:.3f} to {pixel['max']:.3f} mm"
    yield "hc18_other_size", str(facts["n_other_size"])
    yield "hc18_cut", str(facts["n_cut"])
    yield "hc18_same_frames", str(len(facts["same_frames"]))
    yield "hc18_head_share", f"{100 * facts['mask_fraction']:.0f} %"
    yield "hc18_second_look", f"{look['hc_difference_mm']:.1f} mm"
    for name, fold in facts["folds"].items():
        yield f"hc18_{name}_exams", str(fold["exams"])


def _study(folder: Path) -> Iterator[tuple[str, str]]:
    by_run = pd.read_csv(folder / "tables" / "runs.csv")
    floor = pd.read_csv(folder / "tables" / "noise_floor.csv").set_index("metric")
    found = _records(folder)
    config = next(record["config"] for record in found if record["config"]["variant"] == BASELINE)
    plan = load_profile(config["profile"])
    yield "study_size", " × ".join(map(str, config["image_size"]))
    yield "study_epochs", str(config["training"]["epochs"])
    yield "study_train_images", str(found[0]["split"]["train"])
    yield "study_validation_images", str(found[0]["split"]["validation"])
    yield "study_test_images", str(found[0]["split"]["test"])
    yield "study_planned_runs", str(len(plan.variants) * len(plan.seeds))
    yield "study_runs", str(len(found))
    yield "study_device", " and ".join(sorted({record["gpu"] or "no GPU" for record in found}))
    of_mm: dict[Any, Any] = floor.loc["hc_abs_error_mm"].to_dict()
    yield "study_detectable_mm", f"{of_mm['detectable']:.2f} mm"
    for variant in SHOWN:
        rows = by_run[by_run["variant"] == variant]
        yield f"seeds_{variant}", str(len(rows))
        yield f"dice_{variant}", f"{100 * rows['dice_mean'].mean():.1f} %"
        yield f"hc_{variant}", f"{rows['hc_abs_error_mm_mean'].mean():.1f} mm"
        yield f"bias_{variant}", _signed(rows["hc_error_mm_mean"].mean(), 1) + " mm"
        yield f"failures_{variant}", str(int(rows["failures"].sum()))
    change, interval = _change(tables.collect_per_image(folder), FREED, "dice", scale=100)
    yield f"change_{FREED}", f"{change} points"
    yield f"interval_{FREED}", interval


def _change(frame: pd.DataFrame, variant: str, metric: str, *, scale: float) -> tuple[str, str]:
    """How a network differs from the note's on the same seeds, and the interval."""
    compared = stats.compare(frame, metric, baseline=BASELINE, variants=[variant])
    row: dict[Any, Any] = compared.iloc[0].to_dict()
    mean, low, high = (_signed(scale * row[key], 2) for key in ("difference", "low", "high"))
    return mean, f"{low} to {high}"


def _by_note(folder: Path) -> Iterator[tuple[str, str]]:
    """What the note's own, longer schedule makes of its network and the U-Net, and of their difference."""
    frame = tables.collect_per_image(folder).assign(hc=lambda rows: rows["hc_error_mm"].abs())
    dice = frame.groupby(["variant", "seed"])["dice"].mean().groupby("variant").mean()
    for variant in (BASELINE, UNET):
        yield f"by_note_dice_{variant}", f"{100 * dice[variant]:.1f} %"
    change, interval = _change(frame, UNET, "hc", scale=1)
    yield f"by_note_hc_change_{UNET}", f"{change} mm"
    yield f"by_note_hc_interval_{UNET}", interval


def _averaged(folder: Path) -> Iterator[tuple[str, str]]:
    """What networks that differ by their seed reach as one, and what one of them reaches alone.

    Of the averages, without and with mirror images, and of the single networks the validation images choose.
    """
    yield "goal_dice", f"{100 * GOAL_DICE:.1f} %"
    yield "goal_hc", f"{GOAL_HC_MM:.1f} mm"
    validation, test = (_looks(folder / fold) for fold in ("validation", "test"))
    singles = [name for name in test.index if re.fullmatch(r"seed-\d+", name)]
    order = validation["dice_mean"].sort_values(ascending=False).index
    for name, row in {
        "averaged": test.loc[next(name for name in order if name.startswith("all"))],
        "averaged_alone": test.loc[singles].mean(),
        "averaged_single": test.loc[next(name for name in order if name in singles)],
    }.items():
        yield f"{name}_dice", f"{100 * row['dice_mean']:.2f} %"
        yield f"{name}_hc", f"{row['hc_abs_error_mm_mean']:.2f} mm"


def _looks(folder: Path) -> pd.DataFrame:
    """The means of every way to look at the images of one fold, a row each."""
    rows = {path.stem: records.read_json(path)["test"] for path in sorted(folder.glob("*.json"))}
    if not rows:
        raise FileNotFoundError(f"{folder}: expected one JSON file for each way to look, found none")
    return pd.DataFrame.from_dict(rows, orient="index")


def _head(results: Path) -> Iterator[tuple[str, str]]:
    """The head on the landing page."""
    head, found = face.measured_head(results)
    yield "head_hc", f"{head.hc_mm:.1f} mm"
    yield "head_measured", f"{found.circumference * head.pixel_size_mm:.1f} mm"


def _two_cores(folder: Path) -> Iterator[tuple[str, str]]:
    """What one training needs without an accelerator: the study that two cores could do."""
    found = _records(folder)
    config = found[0]["config"]
    minutes = [record["seconds"]["training"] / 60 for record in found]
    memory = [record["peak_memory_mb"] / 1024 for record in found]
    yield "small_size", " × ".join(map(str, config["image_size"]))
    yield "small_epochs", str(config["training"]["epochs"])
    yield "small_runs", str(len(found))
    yield "small_minutes", f"{min(minutes):.0f} to {max(minutes):.0f} minutes"
    yield "small_hours", f"{sum(minutes) / 60:.0f} hours"
    yield "small_memory", f"{max(memory):.1f} GB"
    yield "small_processor", _processor(found)
    large = load_profile("published")
    work = math.prod(large.image_size) * large.training.epochs
    ratio = work / math.prod(config["image_size"]) / config["training"]["epochs"]
    yield "published_work", f"{ratio:.0f} times"


def _accelerator(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "accelerator_batch", str(found["batch_size"])
    yield "accelerator_size", " × ".join(map(str, found["image_size"]))
    costs = found["variants"][BASELINE]
    yield "accelerator_plain", f"{costs['plain']['step_ms']:.0f} ms"
    yield "accelerator_library", f"{costs['library']['step_ms']:.0f} ms"
    yield "accelerator_graph", f"{costs['library']['graph_step_ms']:.0f} ms"
    yield "accelerator_memory", f"{costs['library']['peak_mib'] / 1024:.1f} GB"


def _records(folder: Path) -> list[dict[str, Any]]:
    return [records.read_json(run / records.ENVIRONMENT) for run in tables.finished_runs(folder)]


def _signed(value: float, digits: int) -> str:
    """With its sign, which a zero has not."""
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", "−") if rounded else f"{0:.{digits}f}"


def _processor(found: list[dict[str, Any]]) -> str:
    """Cores, threads and precision, where they are the same for all; how many kinds there were, otherwise."""
    kinds = sorted(
        {(r["processor"], r["cores"], r["threads"], r["precision"], r["gpu"]) for r in found}, key=str
    )
    if len(kinds) > 1:
        return f"{len(kinds)} kinds of machine"
    processor, cores, threads, precision, gpu = kinds[0]
    with_gpu = f"with {gpu}" if gpu else "without a GPU"
    name = processor.replace("(R)", "")
    return f"{name}, {cores} cores, {threads} thread a run, {precision}, {with_gpu}"


def _simulated(folder: Path) -> Iterator[tuple[str, str]]:
    found = [records.read_json(path)["test"] for path in sorted(folder.glob("seed-*/on_hc18.json"))]
    if not found:
        raise FileNotFoundError(f"{folder}: expected seed-*/on_hc18.json, found none")
    frame = pd.DataFrame(found)
    yield "simulated_seeds", str(len(frame))
    yield "simulated_dice", f"{100 * frame['dice_mean'].mean():.1f} %"
    yield "simulated_hc", f"{frame['hc_abs_error_mm_mean'].mean():.1f} mm"


def _speed(costs: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Milliseconds an image, from the run that timed all networks of the answer's table."""
    latency = costs.set_index("variant")["latency_ms"]
    for variant in (BASELINE, UNET):
        yield f"speed_{variant}", f"{latency[variant]:.0f} ms"
    (size,) = costs["image_size"].unique()
    yield "speed_size", " × ".join(size.split("x"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    options = parser.parse_args()
    add_to_settings(options.tree, results=options.results)
