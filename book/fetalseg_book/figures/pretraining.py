"""The figure of the chapter on pre-training, with what it shows in words."""

from __future__ import annotations

from matplotlib.figure import Figure

from fetalseg_book.figures.figures import contact_sheet
from fetalseg_book.studies.pretraining import images as procedural
from fetalseg_lib.data import phantom


def drawings_and_phantoms() -> tuple[Figure, str]:
    """Four procedural images above four phantoms."""
    drawn = procedural.stack(range(4), seed=1, size=96).image
    simulated = [sample.image for sample in phantom.generate(4, seed=1, size=(270, 400))]
    figure = contact_sheet([*drawn, *simulated], titles=["procedural"] * 4 + ["phantom"] * 4, columns=4)
    return figure, (
        "Above, four procedural images: overlapping blobs of different grey, size and grain, under speckle. "
        "Below, four simulated ultrasound images, each with a head."
    )
