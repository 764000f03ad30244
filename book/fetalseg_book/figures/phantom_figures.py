"""Figures of the phantom chapter that are drawn live: heads by age, speckle and theory, fields of beams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fetalseg_book.figures.figures import contact_sheet, overlay
from fetalseg_lib.data.phantom import Phantom
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.growth import GrowthChart

Field = NDArray[np.float64]


def heads_by_age(weeks: Sequence[float], hc_mm: Sequence[float], *, chart: GrowthChart) -> Figure:
    """Head circumference over gestational age, each head a point, on the chart's mean and central 90 %."""
    ages = np.linspace(min(weeks), max(weeks), 200)
    mean = np.array([chart.mean_hc_mm(age) for age in ages])
    sd = np.array([chart.sd_hc_mm(age) for age in ages])
    figure, axes = plt.subplots(figsize=(6.0, 3.2))
    axes.fill_between(ages, mean - 1.645 * sd, mean + 1.645 * sd, color="0.85", lw=0, label="central 90 %")
    axes.plot(ages, mean, color="black", lw=1.2, label=f"mean ({chart.name})")
    axes.plot(weeks, hc_mm, "o", ms=3, alpha=0.5, color="C0", label="phantoms")
    axes.set(xlabel="gestational age (weeks)", ylabel="head circumference (mm)")
    axes.legend(fontsize=8)
    return figure


def rayleigh_density(envelope: Field) -> Field:
    """The density of a Rayleigh envelope whose mean power is 1.

    >>> float(rayleigh_density(np.array([1.0]))[0].round(4))  # 2/e
    0.7358
    """
    density: Field = 2 * envelope * np.exp(-(envelope**2))
    return density


def against_rayleigh(envelopes: Mapping[str, Field]) -> Figure:
    """A histogram of each envelope (mean power 1) and the density of Rayleigh's distribution."""
    figure, panels = plt.subplots(
        1, len(envelopes), figsize=(2.4 * len(envelopes), 2.3), sharey=True, squeeze=False
    )
    for axes, (name, envelope) in zip(panels[0], envelopes.items(), strict=True):
        _histogram(axes, envelope, title=name)
    panels[0, 0].set_ylabel("density")
    panels[0, -1].legend(fontsize=8)
    return figure


def speckle(envelope: Field) -> Figure:
    """The grain of even tissue as a picture, and beside it the histogram of its envelope."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(5.6, 2.5))
    left.imshow(envelope, vmin=0, vmax=3, aspect="auto", interpolation="antialiased")
    left.set(title="speckle of even tissue", xticks=[], yticks=[])
    _histogram(right, envelope, title="its envelope")
    right.set_ylabel("density")
    right.legend(fontsize=8)
    return figure


def _histogram(axes: Axes, envelope: Field, *, title: str) -> None:
    axis = np.linspace(0, 3, 200)
    axes.hist(envelope.ravel(), bins=60, range=(0, 3), density=True, color="C5")
    axes.plot(axis, rayleigh_density(axis), color="black", lw=1.2, label="Rayleigh")
    axes.set(title=title, xlabel="envelope", ylim=(0, 1.4))


def fields(panels: Mapping[str, Field], *, limits: Mapping[str, tuple[float, float]] | None = None) -> Figure:
    """Fields side by side, each with its scale below; ``limits`` gives the scale of those that it names."""
    figure, grid = plt.subplots(1, len(panels), figsize=(2.5 * len(panels), 2.8), squeeze=False)
    for axes, (name, field) in zip(grid[0], panels.items(), strict=True):
        low, high = (limits or {}).get(name, (float(field.min()), float(field.max())))
        drawn = axes.imshow(field, vmin=low, vmax=high, aspect="auto", interpolation="antialiased")
        axes.set_title(name, fontsize=9)
        axes.set(xticks=[], yticks=[])  # the frame stays: a white field has no other border
        figure.colorbar(drawn, ax=axes, orientation="horizontal", shrink=0.8, pad=0.04)
    return figure


def outlined(sample: Phantom) -> tuple[Figure, str]:
    """A phantom with its outline."""
    assert sample.mask is not None, "a phantom has a mask"
    figure, axes = plt.subplots(figsize=(4.8, 3.2))
    overlay(axes, sample.image, reference=sample.mask, prediction=None, title="")
    return figure, (
        f"A simulated ultrasound image of a fetal head of {sample.gestational_age_weeks:.0f} weeks with the "
        f"outline of the head in blue, {sample.hc_mm:.0f} mm around."
    )


def heads_by_age_in_words(weeks: Sequence[float], hc_mm: Sequence[float]) -> str:
    """What :func:`heads_by_age` shows."""
    return (
        f"Head circumference over gestational age of {len(weeks)} drawn heads, from {min(weeks):.0f} to "
        f"{max(weeks):.0f} weeks and {min(hc_mm):.0f} to {max(hc_mm):.0f} mm, around the chart's mean. "
        f"Half of them are {np.quantile(weeks, 0.25):.0f} to {np.quantile(weeks, 0.75):.0f} weeks old."
    )


def change_of_grey(image: NDArray[np.uint8], others: Mapping[str, NDArray[np.uint8]]) -> dict[str, float]:
    """The mean change of the grey levels from ``image`` to each of the others, the least first."""
    change = {name: float(np.abs(other.astype(float) - image).mean()) for name, other in others.items()}
    return dict(sorted(change.items(), key=lambda item: item[1]))


def left_out(image: NDArray[np.uint8], others: Mapping[str, NDArray[np.uint8]]) -> tuple[Figure, str]:
    """The whole phantom, and ``others``, each without one ingredient."""
    change = change_of_grey(image, others)
    least, most = next(iter(change)), next(reversed(change))
    figure = _small_sheet({"everything": image, **others})
    return figure, (
        f"One phantom with everything, and {len(others)} times with one ingredient left out. The head "
        f"stays where it is. The grey levels change most {most} (by "
        f"{change[most]:.0f} on average) and least {least} (by {change[least]:.0f})."
    )


def turned(
    sample: Phantom, strips: Mapping[str, NDArray[np.uint8]], levels: Sequence[float]
) -> tuple[Figure, str]:
    """A head with each knob turned to each of the ``levels``: ``strips`` by ``"<knob> <level>"``."""
    assert sample.mask is not None, "a phantom has a mask"
    usual, full = sample.image[sample.mask].mean(), f" {levels[-1]:g}"
    ends = {name.removesuffix(full): strip for name, strip in strips.items() if name.endswith(full)}
    change = (f"{strip[sample.mask].mean() - usual:+.0f} ({knob})" for knob, strip in ends.items())
    return _small_sheet(strips), (
        f"The same head with each of {len(ends)} knobs turned to {levels[0]} and to {levels[1]}, "
        f"two knobs a row. From 0 to 1, the mean grey in the head changes by {', '.join(change)}."
    )


def _small_sheet(images: Mapping[str, NDArray[np.uint8]]) -> Figure:
    small = [resize_image(image, (162, 240)) for image in images.values()]
    return contact_sheet(small, titles=list(images), columns=4)
