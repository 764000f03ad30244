"""The answer as a table and as figures, from the rows of a study's ``answer.csv``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from pandas.io.formats.style import Styler

from fetalseg_book.facts.answer import UNDONE, Answer, difference, rows
from fetalseg_book.facts.core import signed
from fetalseg_book.figures.style import show

MEASURES = {"dice": "points on a typical image", "hc": "HC error (mm)"}
_MARGINS = {"dice": "dice_points", "hc": "hc_mm"}
LOOKS = {"better": ("^", "C0"), "worse": ("v", "C1"), "equivalent": ("o", "black"), "undecided": ("s", "0.5")}
"""Mark and colour of each word."""

FAR = 4
"""So many margins away, a difference stands behind the break of the axis."""


def table(found: Answer, arms: Sequence[str] | None = None) -> Styler:
    """The table as a page of the book shows it."""
    return rows(found, arms).style.hide(axis="index").set_table_attributes('class="table answer"')


def parts_by_encoder(found: Answer) -> Styler | None:
    """What removing each part changes with the encoder frozen and fine-tuned; ``None`` before it ran."""
    frozen = ("no_aspp", "no_se", "no_residual", "mobilenet_unet")
    told = _told(found)
    if not {f"trainable_{name}" for name in frozen} <= set(told.index):
        return None
    columns = {"encoder frozen": frozen, "encoder fine-tuned": [f"trainable_{name}" for name in frozen]}
    shown = pd.DataFrame(
        {
            f"{title}, {unit}": [difference(found, name, measure) for name in names]
            for title, names in columns.items()
            for measure, unit in {"dice": "points", "hc": "mm"}.items()
        },
        index=[told.loc[name, "shown_as"] for name in frozen],
    )
    return shown.style.set_table_attributes('class="table answer"')


def forest(found: Answer) -> None:
    """The difference of each arm from its reference in both measures; far ones behind a break."""
    told = _told(found)
    figure = plt.figure(figsize=(8.2, 1.3 + 0.36 * len(told)), layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=(1.28, 1), wspace=0.02)
    left, right = parts
    _panel(left, found, told, "dice", labels=True)
    _panel(right, found, told, "hc", labels=False)
    show(
        figure,
        caption="The difference of each variant with its 95 % interval. Inside the grey band it is too small "
        "to matter. Right of zero is more Dice (left panel) and a larger error (right panel).",
        alt="Differences from the reference, in points of Dice on a typical image and in millimetres of the "
        "head circumference. "
        + "; ".join(
            f"{row['shown_as']}: {difference(found, name, 'dice')} points, "
            f"{difference(found, name, 'hc')} mm, {row['word']}"
            for name, row in told.iterrows()
        )
        + ".",
    )


def _told(found: Answer) -> Any:
    return found.table[found.table["dice_difference"].notna() & ~found.table["word"].isin(UNDONE)]


def _panel(place: Any, found: Answer, told: Any, measure: str, *, labels: bool) -> None:
    margin = found.plan.margins[_MARGINS[measure]]
    ends = told[[f"{measure}_difference", f"{measure}_low", f"{measure}_high"]]
    far = ends.abs().max(axis=1) > FAR * margin
    near = ends[~far] if (~far).any() else ends
    sides = [(min(near.min(axis=None), -margin), max(near.max(axis=None), margin))]
    below, above = far & (ends.iloc[:, 0] < 0), far & (ends.iloc[:, 0] > 0)
    if below.any():
        sides.insert(0, (ends[below].min(axis=None), ends[below].max(axis=None)))
    if above.any():
        sides.append((ends[above].min(axis=None), ends[above].max(axis=None)))
    widths = [3 if low <= 0 <= high else 1 for low, high in sides]
    axes = place.subplots(1, len(sides), sharey=True, squeeze=False, width_ratios=widths)[0]
    for k, (part, (low, high)) in enumerate(zip(axes, sides, strict=True)):
        room = 0.12 * (high - low)
        part.set(xlim=(low - room, high + room), ylim=(len(told) - 0.5, -0.5))
        part.axvspan(-margin, margin, color="0.88", lw=0, zorder=0)
        part.axvline(0, color="0.4", lw=1)
        part.grid(axis="y", visible=False)
        part.locator_params(axis="x", nbins=6 if widths[k] > 1 else 2)
        for level, (_, row) in enumerate(told.iterrows()):
            mark, colour = LOOKS.get(row["word"], ("o", "black"))
            mean, least, most = (row[f"{measure}_{end}"] for end in ("difference", "low", "high"))
            bars = [[mean - least], [most - mean]]
            part.errorbar(mean, level, xerr=bars, fmt=mark, ms=5, capsize=3, color=colour)
        if k:
            _broken(axes[k - 1], part)
        part.tick_params(axis="y", length=0, labelleft=labels and k == 0)
    axes[0].set(yticks=range(len(told)), yticklabels=told["shown_as"])
    place.supxlabel(MEASURES[measure], fontsize=10)


def _broken(left: Axes, right: Axes) -> None:
    """Two slanted strokes where the axis is broken."""
    left.spines["right"].set_visible(False)
    right.spines["left"].set_visible(False)
    stroke: Any = {"marker": [(-1, -2), (1, 2)], "ms": 9, "ls": "none", "color": "black", "clip_on": False}
    left.plot([1], [0], transform=left.transAxes, **stroke)
    right.plot([0], [0], transform=right.transAxes, **stroke)


def worth(found: Answer) -> None:
    """What a network gives against how long it takes for an image, each named where it is."""
    kept = _worth(found)
    figure, axes = plt.subplots(figsize=(6.8, 4.6))
    margin = found.plan.margins["dice_points"]
    axes.axhspan(-margin, margin, color="0.88", lw=0, zorder=0)
    axes.axhline(0, color="0.4", lw=1)
    best = front(kept["cpu_ms"].to_numpy(float), kept["gain"].to_numpy(float))
    order = kept[best].sort_values("cpu_ms")
    axes.plot(order["cpu_ms"], order["gain"], color="0.4", lw=1, zorder=1)
    axes.plot(kept["cpu_ms"][best], kept["gain"][best], "o", ms=7, color="C0")
    axes.plot(kept["cpu_ms"][~best], kept["gain"][~best], "o", ms=7, mfc="white", mew=1.4, color="C0")
    axes.margins(x=0.35, y=0.12)
    axes.autoscale_view()
    axes.set_ylim(*_room(kept["gain"]))
    axes.set(xlabel="milliseconds an image, one CPU thread", ylabel="points on a typical image")
    names = [f"{row['shown_as']} ({row['parameters_m']:.1f} M)" for _, row in kept.iterrows()]
    _label(axes, kept[["cpu_ms", "gain"]].to_numpy(float), names)
    show(
        figure,
        caption="What each network gives and takes. No other network is both faster and better than a filled "
        "one. In the grey band a difference is too small to matter. In brackets: millions of weights.",
        alt="Difference in points of Dice on a typical image against milliseconds an image. "
        + "; ".join(
            f"{row['shown_as']}: {signed(row['gain'])} points, {row['cpu_ms']:.0f} ms, "
            f"{row['parameters_m']:.1f} million weights"
            for _, row in kept.iterrows()
        )
        + ".",
    )


def _room(gain: Any) -> tuple[float, float]:
    room = 0.15 * max(float(np.ptp(gain)), 0.1)
    return gain.min() - room, gain.max() + room


def _worth(found: Answer) -> Any:
    """Networks compared with the reference itself that differ by less than :data:`FAR` margins."""
    table = found.table.assign(gain=found.table["dice_difference"])
    table.loc[found.reference, "gain"] = 0.0
    own = np.array(
        [
            name == found.reference
            or (name in found.plan.comparisons and found.plan.comparisons[name].reference == found.reference)
            for name in table.index
        ]
    )
    near = table["gain"].abs() <= FAR * found.plan.margins["dice_points"]
    return table[own & near & table["cpu_ms"].notna()]


def front(cost: NDArray[np.float64], effect: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points no other beats: none costs as little and gives as much, and one of the two strictly.

    >>> front(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.4, 0.9]))
    array([ True, False,  True])
    """
    no_dearer = cost[:, None] <= cost[None, :]
    no_worse = effect[:, None] >= effect[None, :]
    strictly = (cost[:, None] < cost[None, :]) | (effect[:, None] > effect[None, :])
    beats = no_dearer & no_worse & strictly  # row over column
    unbeaten: NDArray[np.bool_] = np.logical_not(np.any(beats, axis=0))
    return unbeaten


def _label(axes: Axes, points: NDArray[np.float64], names: Sequence[str]) -> None:
    """A name beside each point, on the first side where it hides no other point or name."""
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    spots = axes.transData.transform(points)
    window, (_, zero) = axes.get_window_extent(), axes.transData.transform((0, 0))
    taken: list[Any] = [Bbox.from_extents(window.x0, zero - 1, window.x1, zero + 1)]  # the line of zero
    right, left = (9, 0, "left", "center"), (-9, 0, "right", "center")
    rightwards = [(6, 5, "left", "bottom"), (6, -5, "left", "top")]
    leftwards = [(-6, 5, "right", "bottom"), (-6, -5, "right", "top")]
    above_or_below = [(0, 9, "center", "bottom"), (0, -9, "center", "top")]
    for point, name in zip(points, names, strict=True):
        sides = [[left, *leftwards], [right, *rightwards]]
        if point[0] > np.median(points[:, 0]):
            sides.reverse()
        for x, y, across, up in [*sides[0], *sides[1], *above_or_below]:
            text = axes.annotate(
                name, point, (x, y), textcoords="offset points", ha=across, va=up, fontsize=8.5
            )
            box = text.get_window_extent().padded(1)
            inside = window.containsx(box.x0) and window.containsx(box.x1)
            free = not any(box.overlaps(other) for other in taken)
            if inside and free and not any(box.contains(*spot) for spot in spots):
                taken.append(box)
                break
            text.remove()
        else:
            axes.annotate(name, point, (9, 0), textcoords="offset points", va="center", fontsize=8.5)


def lead_by_compute(leads: Mapping[str, pd.DataFrame]) -> None:
    """How far networks lead over the reference, against how long all were trained, in both measures."""
    figure, panels = plt.subplots(1, 2, figsize=(8.2, 3.2), layout="constrained")
    styles = ("o-", "s--")
    for axes, measure in zip(panels, MEASURES, strict=True):
        axes.axhline(0, color="0.4", lw=1)
        for k, (name, rows_) in enumerate(leads.items()):
            middle = rows_[measure]
            bars = [middle - rows_[f"{measure}_low"], rows_[f"{measure}_high"] - middle]
            axes.errorbar(
                rows_["compute"] * (1 + 0.03 * k), middle, yerr=bars, fmt=styles[k], capsize=3, label=name
            )
        axes.set(xscale="log", ylabel=MEASURES[measure])
        axes.set_xticks([1, 3, 10, 30], ["1×", "3×", "10×", "30×"])
        axes.minorticks_off()
    panels[0].legend(fontsize=9)
    figure.supxlabel("training compute, as a multiple of the shortest", fontsize=10)
    show(
        figure,
        caption="The lead over the note's network against the length of the training, with 95 % intervals. "
        "Above zero is more Dice (left); below zero is a smaller error (right).",
        alt="Lead over the note's network against training compute. "
        + "; ".join(
            f"{name}, {row['compute']:.0f} times: {signed(row['dice'])} points, {signed(row['hc'])} mm"
            for name, rows_ in leads.items()
            for _, row in rows_.iterrows()
        )
        + ".",
    )
