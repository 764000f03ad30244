"""The figure of the chapter on what the mean hid, shown with its words."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from fetalseg_book.figures.described import in_words
from fetalseg_book.figures.style import show


def each_seed(seeds: pd.DataFrame) -> None:
    """Each seed's difference from the note's network, by mean and by median, on one scale.

    ``seeds`` has an index of ``network`` and seed, and columns ``mean`` and ``median``, in Dice points.
    """
    networks = list(dict.fromkeys(seeds.index.get_level_values("network")))
    figure, both = plt.subplots(1, 2, figsize=(7.2, 3.0), sharex=True, sharey=True)
    for axes, measure in zip(both, ("mean", "median"), strict=True):
        axes.axvline(0, color="0.4", lw=1)
        for level, network in enumerate(networks):
            values = seeds.loc[network, measure]
            axes.plot(values, [level] * len(values), "o", color="C0", alpha=0.6, mew=0)
            axes.plot(values.mean(), level, "|", color="black", ms=16, mew=2)
        axes.set(title=f"{measure} over the images", xlabel="Dice difference (points)")
    both[0].set(yticks=range(len(networks)), yticklabels=networks, ylim=(len(networks) - 0.5, -0.5))
    words = (
        f"{network}: {measure} {in_words(seeds.loc[network, measure])}."
        for network in networks
        for measure in ("mean", "median")
    )
    show(
        figure,
        alt="Differences from the note's network in Dice points, a point for each seed. " + " ".join(words),
        caption="The same trainings, summarised twice. Each point is a seed, the line is their average. "
        "By the median the seeds agree, and networks without residual additions stand apart from zero.",
    )
