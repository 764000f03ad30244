"""Figures of the chapter on the model, each with what it shows in words."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure


def parameters_of_stages(stages: pd.DataFrame) -> tuple[Figure, str]:
    """The ``trainable`` and ``frozen`` parameters of each stage, the rows of ``stages``, as bars."""
    trainable, frozen = stages["trainable"] / 1e6, stages["frozen"] / 1e6
    figure, axes = plt.subplots(figsize=(6.4, 3.4))
    axes.barh(stages.index, trainable, label="trainable")
    axes.barh(stages.index, frozen, left=trainable, label="frozen", hatch="//")
    axes.invert_yaxis()
    axes.set(xlabel="parameters (million)")
    axes.legend()
    told = ", ".join(
        f"{name} {row['parameters']:,} ({'frozen' if row['frozen'] else 'trainable'})"
        for name, row in stages.iterrows()
    )
    return figure, f"Parameters of each stage of the proposed network: {told}."
