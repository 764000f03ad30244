"""What each ingredient of the phantom buys on real heads: the table of the study, read against its noise."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fetalseg_book.studies.seed_noise import SeedNoise, pooled_seed_noise

WHOLE = "nothing"
"""What is left out of the phantom that lacks nothing."""


@dataclass(frozen=True, kw_only=True)
class Effects:
    """One row for each ingredient, largest loss first, and what a run without any would do by luck.

    ``table`` has ``without``, ``mean`` (the metric without it) and ``difference`` from ``whole``, the mean of
    the phantoms that lack nothing. Within ± ``band`` lies a run that differs by its seed alone, in 95 %.
    """

    metric: str
    table: pd.DataFrame
    whole: float
    noise: SeedNoise
    band: float

    @property
    def beyond(self) -> pd.DataFrame:
        """The rows whose difference is larger than the band."""
        return self.table[self.table["difference"].abs() > self.band]


def effects(runs: pd.DataFrame, metric: str) -> Effects:
    """Compare every run without an ingredient with those that lack ``nothing``.

    ``runs`` is ``ingredients.csv``, a row a run. Raises ``ValueError`` where fewer than two runs lack
    nothing, because then nobody knows what luck does.

    >>> runs = pd.DataFrame({"without": ["nothing", "nothing", "shadow"], "variant": "unet",
    ...                      "seed": [0, 1, 0], "dice_mean": [0.94, 0.96, 0.80]})
    >>> found = effects(runs, "dice_mean")
    >>> found.whole, found.table[["without", "difference"]].round(3).to_numpy().tolist()
    (0.95, [['shadow', -0.15]])
    """
    whole = runs[runs["without"] == WHOLE]
    if len(whole) < 2:
        raise ValueError(f"runs: expected two or more without {WHOLE!r} left out, got {len(whole)}")
    noise = pooled_seed_noise(whole.assign(name="all", exam=0), metric)  # all test images as one
    mean = float(whole[metric].mean())
    table = runs[runs["without"] != WHOLE].groupby("without")[[metric]].mean().reset_index()
    table = table.rename(columns={metric: "mean"}).assign(difference=lambda rows: rows["mean"] - mean)
    worse = metric.startswith("hc_abs_error")  # a larger error is the loss
    table = table.sort_values("difference", ascending=not worse, ignore_index=True)
    return Effects(
        metric=metric, table=table, whole=mean, noise=noise, band=noise.band(seeds=1, against=len(whole))
    )


def plot(found: Effects) -> Figure:
    """Each ingredient's difference in Dice points, on the grey band of what seeds alone do."""
    rows, band = found.table.iloc[::-1], 100 * found.band
    figure, axes = plt.subplots(figsize=(6.0, 0.28 * len(rows) + 1.0))
    axes.axvspan(-band, band, color="0.88", lw=0)
    axes.axvline(0, color="0.4", lw=0.8)
    axes.plot(100 * rows["difference"], rows["without"], "o", color="C0")
    axes.set(xlabel="Dice (points): difference from the whole phantom", ylabel="without")
    return figure


def in_words(found: Effects) -> str:
    """What :func:`plot` shows of the Dice."""
    rows = (f"without {row.without} {row.difference:+.3f}" for row in found.table.itertuples())
    return (
        f"Mean Dice on real heads without one ingredient, less that of the whole phantom, {found.whole:.3f}; "
        f"by luck a run lies within plus or minus {found.band:.3f}. {'; '.join(rows)}."
    )
