"""What the figures of the error analysis show, said to a reader who does not see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fetalseg_book.studies.error_analysis.maps import rank_agreement

Maps = Mapping[str, NDArray[np.floating]]


def shared_failures(counts: pd.Series, expected: NDArray[np.float64]) -> str:
    """Count the images that are so often among the worst, and those expected by chance."""
    found = (f"{times} times: {(counts == times).sum()} images" for times in range(len(expected)))
    return (
        f"How many images are among the worst tenth in how many of {len(expected) - 1} runs of proposed. "
        f"{', '.join(found)}. By chance it would be {', '.join(f'{images:.1f}' for images in expected)}."
    )


def association_plot(table: pd.DataFrame) -> str:
    """Tell each correlation with its interval."""
    found = (
        f"{row.measure}{', among heads of one size' if row.adjusted else ''} "
        f"{row.rho:+.2f} ({row.low:+.2f} to {row.high:+.2f})"
        for row in table.itertuples()
    )
    return (
        "Rank correlation of the mean Dice with measures of the image, as it is and among heads of one size, "
        f"with 95 percent intervals over exams: {'; '.join(found)}."
    )


def gates_by_block(shares: pd.DataFrame) -> str:
    """Tell the spread of each block's gates.

    ``shares`` has a row for each block, and first the SD between channels, then that between images.
    """
    found = (f"{block} {row.iloc[0]:.2f} and {row.iloc[1]:.2f}" for block, row in shares.iterrows())
    return (
        "The mean gate of each channel in each SE block, sorted within the block, with its standard "
        f"deviation over test images. SD between channels and between images: {'; '.join(found)}."
    )


def maps_on_image(maps: Maps, after: Maps) -> str:
    """Tell how ``maps`` of the trained network agree with those ``after`` its weights were drawn anew."""
    agree = (f"{layer} {rank_agreement(maps[layer][:1], of[:1])[0]:+.2f}" for layer, of in after.items())
    return (
        f"A phantom, and over it the activation maps of the layers {', '.join(maps)} of the trained "
        f"network; then those of {' and '.join(after)} after the decoder's weights were drawn anew. "
        f"Rank correlation of the map before and after: {', '.join(agree)}."
    )


def correlation_cascade(rho: pd.DataFrame, *, steps: Sequence[str], layers: Sequence[str]) -> str:
    """Tell the correlations: ``rho`` has a row for each layer, a column for each step and another image."""
    values: dict[Any, dict[Any, float]] = rho.to_dict("index")
    found = (
        f"{layer}: {', '.join(f'{step} {values[layer][step]:.2f}' for step in steps)}, "
        f"another image {values[layer]['another image']:.2f}"
        for layer in layers
    )
    return (
        "Size of the rank correlation of a map with that of the trained network as the weights are drawn "
        "anew from the head back to the bottleneck, and for comparison that with the map of another image. "
        f"{'; '.join(found)}."
    )
