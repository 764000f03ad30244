"""The ablation: the answer, what it costs, what a longer training makes of it, and how networks fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fetalseg_book.facts.answer import Answer, answer_of, difference, the_answer
from fetalseg_book.facts.core import FREED, MEASURES, PROPOSED, Core, core, ends, epochs_run, signed, steps
from fetalseg_book.facts.typical import LONG, SHORT, pair
from fetalseg_book.figures import agreement
from fetalseg_book.figures.described import seeds_in_words
from fetalseg_book.figures.paired import matched, paired
from fetalseg_book.publishing.numbers import HIDDEN_DICE, HIDDEN_HC_MM
from fetalseg_book.stats import mean_intervals, paired_differences
from fetalseg_lib.study import records, tables
from fetalseg_lib.study.profile import load_profile

WORSE = ("random_encoder", "pos_weight_200")
DRAWN = (PROPOSED, FREED, *WORSE)
PLAIN = "unet"
LENGTHS = ("small", SHORT, LONG)
"""Studies that trained the U-Net and the note's network to their end, from short to long."""

AS_WRITTEN = "note_as_written"


def facts(results: Path) -> dict[str, Any]:
    """All numbers of the chapter, and what its tables and figures draw."""
    study, found = core(results), the_answer(results)
    return {
        "study": study,
        "per_image": study.per_image,
        "order": study.order,
        "answer": found,
        "longer": longer_table(results),
        "leads": leads(results),
        "about": found.about(),
        **dict(_plan(study)),
        **dict(_answer(found, answer_of(results, SHORT))),
        **dict(_precision(found)),
        **dict(_freed(results, study)),
        **dict(_longer(results)),
        **dict(_failures(study, results)),
        **dict(_as_written(results)),
        **dict(_limits(study)),
    }


def _plan(study: Core) -> Iterator[tuple[str, str]]:
    yield "test_images", str(study.per_image["name"].nunique())
    yield "test_exams", str(study.per_image["exam"].nunique())
    yield "epochs", str(study.environment["config"]["training"]["epochs"])
    yield "study_weight", str(study.environment["config"]["training"]["pos_weight"])
    floor = study.floor["detectable"]
    yield "floor_detectable", f"{100 * floor['dice']:.2f}"
    yield "floor_detectable_mm", f"{floor['hc_abs_error_mm']:.2f} mm"


def _answer(found: Answer, short: Answer) -> Iterator[tuple[str, str]]:
    margins = found.plan.margins
    yield "margin_dice", f"±{margins['dice_points']:g} points"
    yield "margin_mm", f"±{margins['hc_mm']:g} mm"
    for name in (FREED, "no_residual"):
        row = found.table.loc[name]
        yield f"points_{name}", signed(row["dice_difference"])
        yield f"mm_{name}", f"{signed(row['hc_difference'])} mm"
        yield f"better_{name}", f"{row['images_better_percent']:.0f} %"
    yield f"points_{FREED}_interval", difference(found, FREED, "dice")
    yield f"mm_{FREED}_interval", difference(found, FREED, "hc")
    yield "mm_pos_weight_200", f"{signed(short.table.loc['pos_weight_200', 'hc_difference'], 1)} mm"
    saved = 1 - found.table.loc["no_aspp", "parameters_m"] / found.table.loc[PROPOSED, "parameters_m"]
    yield "aspp_share", f"{100 * saved:.0f} %"
    plain, own = found.table.loc[PLAIN], found.table.loc[PROPOSED]
    yield "unet_ms", f"{plain['cpu_ms'] / own['cpu_ms']:.1f}"
    yield "unet_gflops", f"{plain['gflops'] / own['gflops']:.1f}"


def half_widths(found: Answer) -> pd.Series[float]:
    """How far the intervals of the equivalent arms reach to each side, on average, in points and mm."""
    rows = found.table[found.table["word"] == "equivalent"]
    return pd.Series(
        {name: (rows[f"{name}_high"] - rows[f"{name}_low"]).mean() / 2 for name in ("dice", "hc")}
    )


def _precision(found: Answer) -> Iterator[tuple[str, str]]:
    half = half_widths(found)
    yield "half_points", f"±{half['dice']:.2f}"
    yield "half_mm", f"±{half['hc']:.2f} mm"


def exams_too(study: Core) -> Any:
    """What training the encoder changes in Dice on average, with an interval that counts seeds and exams."""
    change = paired_differences(study.per_image, "dice", variant=FREED, baseline=PROPOSED)
    return mean_intervals(change, "dice").iloc[0]


def _freed(results: Path, study: Core) -> Iterator[tuple[str, str]]:
    yield "trained_mean", signed(pair(results, FREED).mean.mean)
    yield "trained_exams", ends(exams_too(study), 100)
    times = steps(results).loc[FREED] / steps(results).loc[PROPOSED]
    yield "trained_times_step", f"{times['graph_step_ms']:.1f}"
    yield "trained_times_memory", f"{times['peak_mib']:.1f}"


def longer_table(results: Path) -> pd.DataFrame:
    """Each network by the note's schedule, beside the note's network."""
    found, rows = answer_of(results, LONG), []
    for name, row in found.table.iterrows():
        lasted = epochs_run(results, LONG, str(name)).values()
        known = name != found.reference
        rows.append(
            {
                "Variant": row["shown_as"],
                "Seeds": row["seeds"],
                "Epochs": f"{min(lasted)} to {max(lasted)}",
                "Dice %": f"{row['dice_percent']:.2f}",
                "points on a typical image": difference(found, str(name), "dice") if known else "–",
                "HC error mm": f"{row['hc_error_mm']:.2f}",
                "mm": difference(found, str(name), "hc") if known else "–",
                "Verdict": row["word"],
            }
        )
    return pd.DataFrame(rows)


def compute_of(results: Path, study: str, network: str) -> float:
    """Epochs, on average over the seeds, times pixels of an image."""
    height, width = load_profile(study).image_size
    lasted = epochs_run(results, study, network)
    return height * width * sum(lasted.values()) / len(lasted)


def leads(results: Path) -> dict[str, pd.DataFrame]:
    """The lead of two networks over the note's, for each length of training, with intervals."""
    shortest = compute_of(results, LENGTHS[0], PLAIN)
    tables_ = {}
    for name, studies in ((PLAIN, LENGTHS), (FREED, LENGTHS[1:])):
        rows = []
        for study in studies:
            both = pair(results, name, study=study)
            row: dict[str, Any] = {}
            for measure, mean in (("dice", both.median), ("hc", both.hc)):
                row |= {measure: mean.mean, f"{measure}_low": mean.low, f"{measure}_high": mean.high}
            compute = (compute_of(results, study, name) + compute_of(results, study, PROPOSED)) / 2
            rows.append(row | {"study": study, "compute": compute / shortest, "seeds": len(both.seeds)})
        tables_[answer_of(results, SHORT).table.loc[name, "shown_as"]] = pd.DataFrame(rows)
    return tables_


def long_exams_too(results: Path) -> Any:
    """How far the U-Net's error differs by the note's schedule; the interval counts exams too."""
    change = paired_differences(
        matched(results, (PLAIN, LONG), (PROPOSED, LONG)), MEASURES[1], variant="one", baseline="other"
    )
    return mean_intervals(change, MEASURES[1]).iloc[0]


def _longer(results: Path) -> Iterator[tuple[str, str]]:
    found = answer_of(results, LONG)
    yield "long_epochs", str(load_profile(LONG).training.epochs)
    yield "long_unet", difference(found, PLAIN, "dice")
    yield "long_unet_mm", difference(found, PLAIN, "hc")
    yield "long_unet_exams_mm", f"{ends(long_exams_too(results))} mm"
    yield "long_freed", difference(found, FREED, "dice")
    tie = pair(results, FREED, PLAIN, study=LONG).median
    yield "long_freed_unet", f"{signed(tie.mean)} ({signed(tie.low)} to {signed(tie.high)})"
    yield "long_part_seeds", seeds_in_words(int(found.table.loc["no_aspp", "seeds"]))


def limits_of(study: Core, variant: str) -> Any:
    """Bias and limits of agreement of a variant, for each group of heads and for all."""
    own = study.per_image[study.per_image["variant"] == variant]
    return agreement.limits_of_agreement(own).set_index("group")


def _failures(study: Core, results: Path) -> Iterator[tuple[str, str]]:
    errors = study.per_image.groupby("variant")["hc_error_mm"]
    bias, middle = errors.mean(), errors.median()
    for name in WORSE:
        yield f"bias_{name}", f"{signed(bias[name], 1)} mm"
        yield f"middle_{name}", f"{signed(middle[name], 1)} mm"
    data = records.read_json(results / "hc18" / "dataset.json")
    yield "outline_ratio", f"{data['outline_background_to_foreground']:.0f}"
    yield "mask_ratio", f"{data['mask_background_to_foreground']:.1f}"
    yield "second_look", f"{100 * data['second_looks'][0]['dice']:.1f} %"
    for name, variant in (("own", PROPOSED), ("freed", FREED)):
        row = limits_of(study, variant).loc["all"]
        yield f"{name}_limits", f"{signed(row['low'], 1)} to {signed(row['high'], 1)} mm"


def as_written(results: Path) -> pd.DataFrame:
    """Dice in % of the note's untouched network, on validation and test images, a row for each seed."""
    runs = tables.finished_runs(results / "one_fold" / "descriptive" / "hc18" / AS_WRITTEN)
    found = [records.read_json(run / records.METRICS) for run in runs]
    rows = [{"validation": run["validation_dice"], "test": run["test"]["dice_mean"]} for run in found]
    return 100 * pd.DataFrame(rows)


def heavy(results: Path) -> pd.Series[Any]:
    """The note's network against the plain U-Net in Dice, both with the loss weight of 200."""
    return paired(results, (WORSE[1], SHORT), ("unet_pos_weight_200", "descriptive"), "dice")


def _as_written(results: Path) -> Iterator[tuple[str, str]]:
    """What is known of the note's claim under the note's own weight."""
    change, means = heavy(results), as_written(results).mean()
    yield "heavy_over_unet", f"{signed(100 * change['difference'])} points ({ends(change, 100)})"
    yield "heavy_seeds", seeds_in_words(int(change["seeds"]))
    yield "as_written_validation", f"{means['validation']:.1f} %"
    yield "as_written_test", f"{means['test']:.1f} %"


def _limits(study: Core) -> Iterator[tuple[str, str]]:
    yield "weights_source", study.environment["encoder_weights"]["source"]
    yield "hidden_dice", f"{100 * HIDDEN_DICE:.2f} %"
    yield "hidden_hc", f"{HIDDEN_HC_MM:.2f} mm"
    spread = study.per_image[study.per_image["variant"] == FREED].groupby("seed")["dice"].std().mean()
    yield "image_spread", f"{100 * spread:.1f} points"
