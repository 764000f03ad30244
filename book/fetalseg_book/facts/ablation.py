"""The ablation: the core study's differences, what they cost, and how the images behind a mean spread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import ks_2samp

from fetalseg_book.facts import ablation_second
from fetalseg_book.facts.core import (
    FREED,
    MEASURES,
    PARTS,
    PROPOSED,
    Core,
    core,
    ends,
    epochs_run,
    in_both,
    signed,
    steps,
)
from fetalseg_book.facts.longer import NOTE, early_end, lead, without
from fetalseg_book.facts.typical import typical_facts
from fetalseg_book.figures import agreement, described
from fetalseg_book.figures.paired import paired
from fetalseg_book.figures.tables import beside
from fetalseg_book.publishing.numbers import HIDDEN_DICE, HIDDEN_HC_MM
from fetalseg_lib.complexity import count_flops, count_parameters
from fetalseg_lib.evaluation.stats import mean_intervals, paired_differences, superiority
from fetalseg_lib.models import build_model
from fetalseg_lib.study import records, tables
from fetalseg_lib.study.profile import load_profile

ALIKE = (*PARTS, "unet")
"""The variants that the study does not tell from ``proposed``."""

WORSE = ("random_encoder", "pos_weight_200")
NETWORKS = (PROPOSED, *ALIKE, FREED)
TIMED = (PROPOSED, "mobilenet_unet", "unet", FREED)
DRAWN = (PROPOSED, FREED, *WORSE)
CURVES = (PROPOSED, "unet", FREED, *WORSE)
THREE = (FREED, "unet", PROPOSED)
"""The networks that were trained by the note's schedule with six seeds."""


def facts(results: Path) -> dict[str, Any]:
    """All numbers of the chapter, and the tables that its figures draw."""
    study = core(results)
    compared = {metric: study.compared(metric) for metric in MEASURES}
    costs = costs_of(NETWORKS, tuple(study.environment["config"]["image_size"]))
    return {
        "study": study,
        "per_image": study.per_image,
        "by_run": study.by_run,
        "order": study.order,
        "comparison": compared["dice"],
        "comparison_mm": compared["hc_abs_error_mm"],
        "costs": costs,
        "steps": steps(results),
        "by_schedule": by_schedule(results),
        "long_parts": beside(described.collect(results, NOTE), dict.fromkeys(PARTS, PROPOSED)),
        **dict(_plan(study)),
        **dict(_differences(study, *(table.set_index("variant") for table in compared.values()))),
        **dict(_freed(study, *(table.set_index("variant") for table in compared.values()))),
        **dict(_freed_costs(results)),
        **dict(_schedule(results, study)),
        **dict(_leads(results)),
        **dict(_long_parts(results)),
        **dict(_biases(study, results)),
        **dict(_costs(results, costs.set_index("variant"))),
        **dict(_images(study)),
        **dict(_agreement(study)),
        **dict(_quick(results)),
        **dict(_limits(results, study)),
        **dict(_as_written(results)),
        **ablation_second.facts(results),
        **typical_facts(results),
    }


def _plan(study: Core) -> Iterator[tuple[str, str]]:
    config, floor = study.environment["config"], study.floor
    yield "planned_variants", str(len(study.plan.variants))
    yield "planned_seeds", str(len(study.plan.seeds))
    yield "size", "×".join(map(str, config["image_size"]))
    yield "epochs", str(config["training"]["epochs"])
    yield "study_weight", str(config["training"]["pos_weight"])
    yield "floor_sd", f"{100 * floor.loc['dice', 'sd']:.2f}"
    yield "floor_detectable", f"{100 * floor.loc['dice', 'detectable']:.2f}"
    yield "floor_detectable_mm", f"{floor.loc['hc_abs_error_mm', 'detectable']:.2f} mm"
    yield "comparisons", str(int(floor.loc["dice", "comparisons"]))
    yield "test_images", str(study.per_image["name"].nunique())
    yield "test_exams", str(study.per_image["exam"].nunique())
    yield "band", f"{100 * study.band('dice'):.2f}"


def _differences(study: Core, dice: Any, mm: Any) -> Iterator[tuple[str, str]]:
    for variant in dice.index:
        yield f"difference_{variant}", signed(100 * dice.loc[variant, "difference"])
        yield f"mm_{variant}", f"{signed(mm.loc[variant, 'difference'])} mm"
    alike, alike_mm = dice.loc[list(ALIKE)], mm.loc[list(ALIKE)]
    yield "alike_least", signed(100 * alike["difference"].min())
    yield "alike_most", signed(100 * alike["difference"].max())
    yield "alike_low", signed(100 * alike["low"].min())
    yield "alike_high", signed(100 * alike["high"].max())
    yield "alike_low_mm", signed(alike_mm["low"].min())
    yield "alike_high_mm", f"{signed(alike_mm['high'].max())} mm"
    yield "part_helps", f"{-100 * alike.loc[list(PARTS[:3]), 'low'].min():.2f}"


def _freed(study: Core, dice: Any, mm: Any) -> Iterator[tuple[str, str]]:
    """What training the encoder changes."""
    for name, row, scale, unit in (("dice", dice.loc[FREED], 100, ""), ("mm", mm.loc[FREED], 1, " mm")):
        yield f"trained_{name}", f"{signed(scale * row['difference'])}{unit}"
        yield f"trained_{name}_interval", ends(row, scale)
        yield f"trained_{name}_p", f"{row['p_holm']:.3f}"
    of_exams = exams_too(study)
    yield "trained_exams", ends(of_exams["dice"], 100)
    yield "trained_exams_mm", f"{ends(of_exams['hc_abs_error_mm'])} mm"
    wins = superiority(study.per_image, "dice", variant=FREED, baseline=PROPOSED)
    yield "trained_better", f"{100 * wins.probability:.0f} % ({100 * wins.low:.0f} to {100 * wins.high:.0f})"
    freed, frozen = (study.by_run[study.by_run["variant"] == name] for name in (FREED, PROPOSED))
    yield "trained_worst", f"{100 * freed['dice_mean'].min():.2f} %"
    yield "frozen_best", f"{100 * frozen['dice_mean'].max():.2f} %"
    yield "trained_worst_mm", f"{freed['hc_abs_error_mm_mean'].max():.2f} mm"
    yield "frozen_best_mm", f"{frozen['hc_abs_error_mm_mean'].min():.2f} mm"


def exams_too(study: Core) -> dict[str, pd.Series[Any]]:
    """What training the encoder changes, with intervals that count seeds and exams."""
    found = {}
    for metric in MEASURES:
        change = paired_differences(study.per_image, metric, variant=FREED, baseline=PROPOSED)
        found[metric] = mean_intervals(change, metric).iloc[0]
    return found


def _freed_costs(results: Path) -> Iterator[tuple[str, str]]:
    accelerator, timed = records.read_json(results / "hardware" / "accelerator.json"), steps(results)
    times = timed.loc[FREED] / timed.loc[PROPOSED]
    yield "trained_times_step", f"{times['graph_step_ms']:.1f}"
    yield "trained_times_plain_step", f"{times['step_ms']:.1f}"
    yield "trained_times_memory", f"{times['peak_mib']:.1f}"
    yield "accelerator", accelerator["environment"]["gpu"]
    yield "accelerator_batch", str(accelerator["batch_size"])


def by_schedule(results: Path) -> Any:
    """Each run of three networks by the study's schedule and, as ``note``, by the note's."""
    study, note = (described.collect(results, name) for name in ("published", NOTE))
    gained = described.changes(note, study).loc[list(THREE)]
    both = {
        name: runs.set_index(["variant", "seed"]).loc[gained.index]
        for name, runs in (("study", study), ("note", note), ("gained", gained.reset_index()))
    }
    return pd.concat(both, axis=1)


def _schedule(results: Path, study: Core) -> Iterator[tuple[str, str]]:
    runs = by_schedule(results)
    change = runs["gained"].groupby("variant").mean()
    yield "note_schedule_epochs", str(load_profile(NOTE).training.epochs)
    yield "band_mm", f"{study.band('hc_abs_error_mm'):.2f} mm"
    for name in THREE:
        yield f"schedule_{name}", signed(change.loc[name, "dice"])
    yield "schedule_unet_mm", f"{signed(change.loc['unet', 'error'])} mm"
    lasted = epochs_run(results, NOTE, FREED).values()
    yield "schedule_lasted", f"{min(lasted)} to {max(lasted)}"
    before = runs["study"].groupby("variant").mean()
    for measure, unit in (("dice", ""), ("error", " mm")):
        gap = before.loc[FREED, measure] - before.loc[PROPOSED, measure]
        yield f"schedule_short_lead_{measure}", f"{signed(gap)}{unit}"


def _leads(results: Path) -> Iterator[tuple[str, str]]:
    """Who leads by the note's schedule, over all seeds and over those that asked again."""
    fresh, six = lead(results, "unet", seeds=described.ASKED_AGAIN), lead(results, "unet")
    yield from in_both("schedule_plain", six)
    yield from in_both("schedule_fresh", fresh)
    yield from in_both("schedule_trained", lead(results, FREED))
    yield from in_both("schedule_over_plain", lead(results, FREED, "unet"))
    yield "schedule_fresh_p", f"{fresh['hc_abs_error_mm']['p']:.3f}"
    yield "schedule_six_p", f"{six['dice']['p']:.3f}"
    plain = without(results, "unet")
    yield "schedule_fresh_each", described.in_words(plain.loc[list(described.ASKED_AGAIN), "dice"])
    frame = tables.collect_per_image(results / "one_fold" / NOTE / "hc18")
    hd95 = frame.groupby(["variant", "seed"])["hd95_mm"].mean()
    for name in ("unet", PROPOSED):
        yield f"schedule_hd95_{name}", f"{hd95[name].mean():.2f} mm"


def _long_parts(results: Path) -> Iterator[tuple[str, str]]:
    fallen = early_end(results)
    bare = without(results, "no_residual")["dice"]
    yield "long_no_residual", described.in_words([bare.mean()])
    yield "long_fallen", described.in_words([fallen["change"]])
    yield "long_bare_others", described.in_words(fallen["others"])
    yield "long_fallen_epochs", str(fallen["epochs"])
    yield "long_others_epochs", " and ".join(map(str, sorted(fallen["others_epochs"])))
    yield "long_no_aspp", described.in_words(without(results, "no_aspp")["dice"])
    row: Any = beside(described.collect(results, NOTE), {"no_aspp": PROPOSED}).iloc[0]
    yield "long_band", f"{row['dice_band']:.2f}"
    yield "long_band_mm", f"{row['error_band']:.2f} mm"


def _biases(study: Core, results: Path) -> Iterator[tuple[str, str]]:
    errors = study.per_image.groupby("variant")["hc_error_mm"]
    bias, middle = errors.mean(), errors.median()
    for name in (PROPOSED, *WORSE):
        yield f"bias_{name}", f"{signed(bias[name], 1)} mm"
        yield f"middle_{name}", f"{signed(middle[name], 1)} mm"
    others = bias.drop(list(DRAWN))
    yield "bias_others", f"{signed(others.min(), 1)} to {signed(others.max(), 1)} mm"
    data = records.read_json(results / "hc18" / "dataset.json")
    yield "outline_ratio", f"{data['outline_background_to_foreground']:.0f}"
    yield "mask_ratio", f"{data['mask_background_to_foreground']:.1f}"


def costs_of(networks: tuple[str, ...], image_size: tuple[int, int]) -> pd.DataFrame:
    """Parameters and GFLOP of each network."""
    rows = []
    for name in networks:
        network = build_model(name, encoder_weights="random")
        flops = count_flops(network, image_size=image_size)["flops"].sum() / 1e9
        rows.append({"variant": name, "parameters": count_parameters(network)[0], "gflops": flops})
    return pd.DataFrame(rows)


def _costs(results: Path, costs: Any) -> Iterator[tuple[str, str]]:
    share = costs / costs.loc[PROPOSED]
    for name in ALIKE:
        yield f"pareto_{name}_parameters", f"{share.loc[name, 'parameters']:.2f}"
        yield f"pareto_{name}_flops", f"{share.loc[name, 'gflops']:.2f}"
    yield "pareto_se_share", f"{100 * (1 - share.loc['no_se', 'parameters']):.1f} %"
    timed = steps(results)
    for name in ("mobilenet_unet", "unet"):
        ratio = timed.loc[name] / timed.loc[PROPOSED]
        yield f"pareto_{name}_step", f"{ratio['graph_step_ms']:.2f}"
        yield f"pareto_{name}_memory", f"{ratio['peak_mib']:.2f}"
    latency = eager_latency(results)
    yield "pareto_unet_latency", f"{latency['unet'] / latency[PROPOSED]:.1f}"


def eager_latency(results: Path) -> Any:
    """Milliseconds an image on one thread of a processor, for each network."""
    timed = pd.read_csv(results / "hardware" / "runtimes.csv").set_index("network")
    return timed.query("threads == 1 and batch == 1 and runtime == 'eager'")["median_ms"]


def _images(study: Core) -> Iterator[tuple[str, str]]:
    """How far seeds lie apart, and the images behind a mean."""
    spread = study.by_run.groupby("variant")["dice_mean"].agg(lambda dice: dice.max() - dice.min())
    for kind, name in (("largest", str(spread.idxmax())), ("smallest", str(spread.idxmin()))):
        yield f"{kind}_seed_gap", f"{100 * spread[name]:.2f}"
        yield f"{kind}_seed_gap_of", name
    dice = {name: part["dice"] for name, part in study.per_image.groupby("variant")}
    hidden = [name for name in study.order if name not in CURVES]
    apart = max(ks_2samp(dice[name], dice[PROPOSED]).statistic for name in hidden)
    yield "curves_apart", f"{100 * apart:.0f} %"
    yield "curves_hidden", ", ".join(hidden)
    yield "failures", str(int(tables.summarize_variants(study.by_run)["failures"].sum()))
    for name in CURVES:
        yield f"poor_{name}", f"{100 * (dice[name] < 0.9).mean():.1f} %"


def limits_of(study: Core, variant: str) -> Any:
    """Bias and limits of agreement of a variant, for each group of heads and for all."""
    own = study.per_image[study.per_image["variant"] == variant]
    return agreement.limits_of_agreement(own).set_index("group")


def _agreement(study: Core) -> Iterator[tuple[str, str]]:
    for name, variant in (("ablation", PROPOSED), ("ablation_trained", FREED)):
        row = limits_of(study, variant).loc["all"]
        yield f"{name}_bias", f"{signed(row['bias'], 1)} mm"
        yield f"{name}_limits_low", signed(row["low"], 1)
        yield f"{name}_limits_high", f"{signed(row['high'], 1)} mm"


def carried(results: Path) -> pd.DataFrame:
    """The quick study's networks, each on unseen phantoms and on real heads."""
    rows = {}
    for run in tables.finished_runs(results / "phantom" / "quick"):
        seed = run.name.removeprefix("seed-")
        for tested, file in (("unseen phantoms", records.METRICS), ("real heads", "on_hc18.json")):
            test = records.read_json(run / file)["test"]
            rows[seed, tested] = {
                "Dice (%)": 100 * test["dice_mean"],
                "HC error (mm)": test["hc_abs_error_mm_mean"],
                "heads not found": test["failures"],
                "images": test["images"],
            }
    return pd.DataFrame(rows).T.rename_axis(["seed", "tested on"])


def _quick(results: Path) -> Iterator[tuple[str, Any]]:
    table = carried(results)
    real, simulated = (table.xs(name, level=1) for name in ("real heads", "unseen phantoms"))
    yield "carried", table
    yield "quick_seeds", str(len(real))
    yield "quick_real_images", f"{real['images'].iloc[0]:.0f}"
    yield "quick_phantom_dice", f"{simulated['Dice (%)'].mean():.1f} %"
    yield "quick_real_dice", f"{real['Dice (%)'].mean():.1f} %"
    yield "quick_real_hc", f"{real['HC error (mm)'].mean():.1f} mm"


def other_length(results: Path, study: str, variant: str) -> Any:
    """What another length of training changes, seed by seed."""
    lasting, short = (described.collect(results, name) for name in (study, "published"))
    return described.changes(lasting, short).loc[variant]


def _limits(results: Path, study: Core) -> Iterator[tuple[str, str]]:
    for name, variant in (("longer", FREED), ("shorter", PROPOSED)):
        change = other_length(results, name, variant).mean()
        yield f"{name}_dice", signed(change["dice"])
        yield f"{name}_mm", f"{signed(change['error'])} mm"
        yield f"{name}_epochs", str(load_profile(name).training.epochs)
    yield "weights_source", study.environment["encoder_weights"]["source"]
    best, nearest = study.by_run["dice_mean"].max(), study.by_run["hc_abs_error_mm_mean"].min()
    yield "bar_dice", f"{100 * HIDDEN_DICE:.2f} %"
    yield "bar_hc", f"{HIDDEN_HC_MM:.2f} mm"
    yield "best_dice", f"{100 * best:.2f} %"
    yield "best_hc", f"{nearest:.2f} mm"
    yield "short_dice", f"{100 * HIDDEN_DICE - 100 * best:.2f}"
    yield "short_hc", f"{nearest - HIDDEN_HC_MM:.2f} mm"
    averaged = averaged_test(results)
    yield "average_dice", f"{100 * averaged['dice_mean']:.2f} %"
    yield "average_hc", f"{averaged['hc_abs_error_mm_mean']:.2f} mm"


def as_written(results: Path) -> pd.DataFrame:
    """Dice in % of the note's untouched network, on validation and test images, a row for each seed."""
    runs = tables.finished_runs(results / "one_fold" / "descriptive" / "hc18" / "note_as_written")
    found = [records.read_json(run / records.METRICS) for run in runs]
    rows = [{"validation": run["validation_dice"], "test": run["test"]["dice_mean"]} for run in found]
    return 100 * pd.DataFrame(rows)


def heavy(results: Path) -> pd.Series[Any]:
    """The note's network against the plain U-Net in Dice, both with the loss weight of 200."""
    return paired(results, (WORSE[1], "published"), ("unet_pos_weight_200", "descriptive"), "dice")


def _as_written(results: Path) -> Iterator[tuple[str, str]]:
    """What is known of the note's claim under the note's own weight."""
    change, means = heavy(results), as_written(results).mean()
    yield "heavy_over_unet", signed(100 * change["difference"])
    yield "heavy_over_unet_interval", ends(change, 100)
    yield "heavy_seeds", described.seeds_in_words(int(change["seeds"]))
    yield "as_written_validation", f"{means['validation']:.1f} %"
    yield "as_written_test", f"{means['test']:.1f} %"


def averaged_test(results: Path) -> dict[str, Any]:
    """What six networks as one reach on the test images."""
    folder = results / "one_fold" / "averaging" / "hc18" / "published" / "test"
    found: dict[str, Any] = records.read_json(folder / "all.json")["test"]
    return found
