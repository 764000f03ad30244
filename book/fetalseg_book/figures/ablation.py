"""The figures of the chapter on the ablation, each shown with the words that a screen reader says instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML

from fetalseg_book.explorers import results_table
from fetalseg_book.figures import agreement, estimation, figures, pareto
from fetalseg_book.figures.style import show


def forest(per_image: pd.DataFrame, comparison: pd.DataFrame, *, band: float) -> None:
    """Differences of Dice from ``proposed``, before the band of what seeds alone do."""
    rows: list[Any] = list(comparison.sort_values("difference", ascending=False).itertuples())
    show(
        estimation.forest_plot(
            per_image, comparison, "dice", noise=dict.fromkeys(comparison["variant"], band)
        ),
        alt="Differences of mean Dice from proposed, largest first, before a band of what seeds alone do, "
        f"plus or minus {100 * band:.2f} points. "
        + "; ".join(
            f"{row.variant}: {100 * row.difference:+.2f} points "
            f"({100 * row.low:+.2f} to {100 * row.high:+.2f}), {row.verdict}"
            for row in rows
        )
        + ".",
    )


def schedules(runs: pd.DataFrame) -> None:
    """Each seed of three networks by two schedules: ``study`` and ``note`` of both measures."""
    styles = ("^-", "s--", "o-.")
    names = list(dict.fromkeys(runs.index.get_level_values("variant")))
    chart, panels = plt.subplots(1, 2, figsize=(6.8, 3.0), layout="constrained")
    for axes, (metric, label) in zip(
        panels, {"dice": "Dice (%)", "error": "HC error (mm)"}.items(), strict=True
    ):
        for colour, (name, line) in enumerate(zip(names, styles, strict=True)):
            both = [runs.loc[name, (schedule, metric)] for schedule in ("study", "note")]
            axes.plot([0, 1], both, line, color=f"C{colour}", label=[name, *"_____"])
        axes.set(xticks=[0, 1], xticklabels=["the study's", "the note's"], xlim=(-0.2, 1.2))
        axes.set(xlabel="schedule", ylabel=label)
    panels[0].legend(fontsize=8, loc="lower right")
    means = runs.groupby("variant", sort=False).mean()
    show(
        chart,
        alt="Mean Dice and mean absolute error of three networks, by the study's schedule and by the note's. "
        + "; ".join(
            f"{name}: from {row['study', 'dice']:.2f} to {row['note', 'dice']:.2f} percent, "
            f"from {row['study', 'error']:.2f} to {row['note', 'error']:.2f} mm"
            for name, row in means.iterrows()
        )
        + ".",
    )


def errors_by_size(per_image: pd.DataFrame, order: Sequence[str]) -> None:
    """The signed error of each image against the size of its head."""
    bias = per_image.groupby("variant")["hc_error_mm"].mean()
    show(
        agreement.error_by_size(per_image, order=order),
        alt="Signed error of the head circumference against its annotated size, a panel for each variant. "
        "Mean signed error: " + "; ".join(f"{name} {_signed(bias[name], 1)} mm" for name in order) + ".",
    )


def worth(comparison: pd.DataFrame, costs: pd.DataFrame, *, band: float, marks: Sequence[str]) -> None:
    """Differences of Dice against parameters and operations."""
    of_costs = comparison[comparison["variant"].isin(costs["variant"])]
    change = comparison.set_index("variant")["difference"]
    rows: list[Any] = list(costs.itertuples())
    show(
        pareto.pareto_plot(of_costs, costs, "dice", noise=band, marks=marks),
        alt="Difference of mean Dice from proposed against parameters and operations. "
        + "; ".join(
            f"{row.variant}: {_signed(100 * change.get(row.variant, 0))} points, "
            f"{row.parameters / 1e6:.1f} million, {row.gflops:.1f} GFLOP"
            for row in rows
        )
        + ".",
    )


def worth_in_time(
    comparison: pd.DataFrame, timed: pd.DataFrame, *, band: float, marks: Sequence[str]
) -> None:
    """Differences of Dice against the time and memory of a training step; ``timed`` has a row a variant."""
    costs = timed[["graph_step_ms", "peak_mib"]].rename(columns={"graph_step_ms": "step_ms"})
    costs = costs.rename_axis("variant").reset_index()
    rows: list[Any] = list(costs.itertuples())
    show(
        pareto.pareto_plot(
            comparison[comparison["variant"].isin(costs["variant"])], costs, "dice", noise=band, marks=marks
        ),
        alt="Difference of mean Dice from proposed against the time and the memory of a training step. "
        + "; ".join(f"{row.variant}: {row.step_ms:.1f} ms, {row.peak_mib:.0f} MiB" for row in rows)
        + ".",
    )


def every_run(by_run: pd.DataFrame) -> HTML:
    """Each run as a row that can be sorted and filtered."""
    names = {
        "variant": "variant",
        "seed": "seed",
        "dice_mean": "Dice (%)",
        "hd95_mm_mean": "HD95 (mm)",
        "hc_abs_error_mm_mean": "HC error (mm)",
        "hc_error_mm_mean": "signed (mm)",
        "failures": "not found",
    }
    rows = by_run.assign(dice_mean=100 * by_run["dice_mean"])[list(names)].rename(columns=names)
    forms = dict.fromkeys(("Dice (%)", "HD95 (mm)", "HC error (mm)"), "{:.2f}")
    return HTML(
        results_table.explorer(
            rows,
            caption="Every run of the study: means over the test images",
            formats=forms | {"signed (mm)": "{:+.2f}", "seed": "{:.0f}", "not found": "{:.0f}"},
        )
    )


def seeds(by_run: pd.DataFrame, order: Sequence[str]) -> None:
    """One point a seed, of both measures."""
    points = figures.seed_points(by_run, metrics=["dice_mean", "hc_abs_error_mm_mean"], order=order)
    for axes in points.axes:
        axes.locator_params(axis="x", nbins=4)  # long labels
    means: Any = by_run.groupby("variant")[["dice_mean", "hc_abs_error_mm_mean"]].mean()
    show(
        points,
        alt="Mean Dice and mean absolute head circumference error of every seed. "
        + "; ".join(
            f"{name}: Dice {means.loc[name, 'dice_mean']:.3f}, "
            f"error {means.loc[name, 'hc_abs_error_mm_mean']:.2f} mm"
            for name in order
        )
        + ".",
    )


def survival(per_image: pd.DataFrame, order: Sequence[str]) -> None:
    """The share of images that reach at least a given Dice."""
    middle = per_image.groupby("variant")["dice"].median()
    show(
        estimation.survival_curve(per_image, "dice", order=order),
        alt="Share of test images, over all seeds, that reach at least a given Dice. Half of them reach: "
        + ", ".join(f"{name} {middle[name]:.3f}" for name in order)
        + ".",
    )


def bland_altman(per_image: pd.DataFrame, variant: str) -> None:
    """The error of every image and seed of ``variant`` against the size of the head."""
    own = per_image[per_image["variant"] == variant]
    limits = agreement.limits_of_agreement(own).set_index("group")
    rows: list[Any] = list(limits.itertuples())
    show(
        agreement.bland_altman(own),
        alt=f"Bland-Altman plot of the head circumference by {variant}. "
        "Bias and 95 percent limits of agreement: "
        + "; ".join(
            f"{row.Index}: {_signed(row.bias, 1)} mm ({row.low:+.1f} to {row.high:+.1f})" for row in rows
        )
        + ".",
    )


def _signed(value: float, digits: int = 2) -> str:
    return f"{round(value, digits) + 0.0:+.{digits}f}"  # no "-0.00"
