"""The figure of the chapter on exporting, with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

Batch = NDArray[np.float32]


def answers_by_range(pixels: Batch, answers: Mapping[str, Batch]) -> tuple[Figure, str]:
    """What is called head in the first image of ``pixels``, given in several ranges of grey."""
    figure, panels = plt.subplots(1, len(answers), figsize=(8.4, 2.4))
    shares = []
    for axes, (name, answer) in zip(panels, answers.items(), strict=True):
        axes.imshow(pixels[0, 0], cmap="gray")
        axes.imshow(np.ma.masked_less(answer[0, 0], 0.5), cmap="autumn", alpha=0.5, vmin=0, vmax=1)
        axes.set_title(name, fontsize=9)
        axes.axis("off")
        shares.append(f"{100 * float((answer > 0.5).mean()):.0f} percent at {name}")
    return figure, (
        "One phantom, given to the exported network in four ranges of grey, with what it calls head tinted. "
        f"Of all pixels of eight phantoms it calls head: {', '.join(shares)}."
    )
