"""What pre-training is worth: the transfer studies as one table, and Dice against the number of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fetalseg_book.figures.figures import LABELS
from fetalseg_lib.study import records, tables
from fetalseg_lib.study.profile import load_profile

PROFILES = ("transfer_50", "transfer_200", "transfer_all")
"""The same study with more and more of HC18's training images."""


class Arm(NamedTuple):
    """Where an encoder starts, and what the training may change in it."""

    start: str
    encoder: str
    statistics: str = "stored"


ARMS = {
    "proposed": Arm("ImageNet", "frozen"),
    "procedural_encoder": Arm("procedural", "frozen"),
    "phantom_encoder": Arm("phantom", "frozen"),
    "random_encoder": Arm("random", "frozen"),
    "trainable_encoder": Arm("ImageNet", "fine-tuned"),
    "procedural_trainable_encoder": Arm("procedural", "fine-tuned"),
    "phantom_trainable_encoder": Arm("phantom", "fine-tuned"),
    "random_trainable_encoder": Arm("random", "fine-tuned"),
    "reestimated_encoder": Arm("ImageNet", "frozen", "re-estimated"),
    "procedural_reestimated_encoder": Arm("procedural", "frozen", "re-estimated"),
    "random_reestimated_encoder": Arm("random", "frozen", "re-estimated"),
}
"""What each variant of the transfer studies stands for."""

STARTS = ("ImageNet", "phantom", "procedural", "random")
_STYLES = dict(zip(STARTS, (("o", "-"), ("s", "--"), ("^", "-."), ("v", ":")), strict=True))


def collect(root: Path) -> pd.DataFrame:
    """One row for each finished run of the transfer studies below ``root``, recomputed from its images.

    Columns: ``images`` (how many were trained on), ``start``, ``encoder``, ``statistics``, ``variant``,
    ``seed`` and what :func:`~fetalseg_lib.study.records.summarize` gives, its count of images as
    ``images_tested``. Raises ``ValueError`` where a study
    has no run at all.
    """
    frames = []
    for name in PROFILES:
        study = root / "one_fold" / load_profile(name).name / "hc18"
        runs = tables.summarize_runs(tables.collect_per_image(study))
        runs = runs.rename(columns={"images": "images_tested"})
        first = tables.finished_runs(study)[0]
        images = records.read_json(first / records.ENVIRONMENT)["split"]["train"]
        arms = pd.DataFrame([ARMS[variant]._asdict() for variant in runs["variant"]])
        frames.append(pd.concat([arms, runs], axis=1).assign(images=images))
    return pd.concat(frames, ignore_index=True)


def means(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The mean over seeds: a row for each start and kind of training, a column for each number of images."""
    stored = frame[frame["statistics"] == "stored"]
    table = stored.pivot_table(index=["encoder", "start"], columns="images", values=metric)
    return table.reindex([(encoder, start) for encoder in ("frozen", "fine-tuned") for start in STARTS])


def curves(frame: pd.DataFrame, metric: str = "dice_mean", *, images: Sequence[int] | None = None) -> Figure:
    """``metric`` against the number of training images, a panel for frozen encoders and one for trained ones.

    Each seed is a point, the lines join the means. ``images`` are the ticks; without them, all numbers of
    the frame.
    """
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
    ticks = sorted(frame["images"].unique()) if images is None else list(images)
    stored = frame[frame["statistics"] == "stored"]
    for axes, encoder in zip(panels, ("frozen", "fine-tuned"), strict=True):
        for k, start in enumerate(STARTS):
            rows = stored[(stored["encoder"] == encoder) & (stored["start"] == start)]
            marker, line = _STYLES[start]
            axes.plot(rows["images"], rows[metric], marker, ms=4, alpha=0.6, color=f"C{k}", label="_seeds")
            mean = rows.groupby("images")[metric].mean()
            axes.plot(mean.index, mean, line, marker=marker, ms=6, color=f"C{k}", label=start)
        axes.set(xscale="log", title=f"encoder {encoder}", xlabel="real training images")
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
    panels[0].set_ylabel(LABELS.get(metric, metric))
    if metric == "dice_mean":
        panels[0].set_ylabel("mean Dice (%)")
        panels[0].yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}")
    panels[1].legend(fontsize=8, title="starts from")
    return figure


def curves_in_words(dice: pd.DataFrame) -> str:
    """What :func:`curves` shows, from the :func:`means` of Dice."""
    parts = [
        "Mean Dice on real test images against the number of real training images, for encoders that start "
        "from ImageNet, phantoms, procedural images and at random; left frozen, right fine-tuned."
    ]
    for images in dice.columns:
        of_size: dict[Any, float] = dice[images].to_dict()
        (encoder, start), best = max(of_size.items(), key=lambda item: item[1])
        parts.append(f"With {images} images the best is {start}, {encoder}, with {100 * best:.1f} percent.")
    few = 100 * dice.iloc[:, 0]
    by_kind = (
        f"{encoder}: " + ", ".join(f"{start} {few[encoder, start]:.1f}" for start in STARTS)
        for encoder in ("frozen", "fine-tuned")
    )
    return " ".join(parts) + f" With {dice.columns[0]} images {'; '.join(by_kind)}."
