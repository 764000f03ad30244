"""How far apart two outlines are, in mm: the outline as a chain of short elements, each with its length.

The outline of a mask is its 0.5 level line (marching squares): it runs half-way between a pixel centre
inside and its neighbour outside. Two stages, as for the overlap: :func:`surface_distances` measures
every element once, and the distances of the literature are pure functions of what it found.

An element has the distance of its midpoint and the weight of its length. That is the definition of
MeshMetrics (arXiv:2509.05670) and, on a coarser outline, of DeepMind's surface-distance. Libraries that
count pixels instead give the slanted parts of an outline too few votes (arXiv:2410.02630).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.measure import find_contours

Points = NDArray[np.float64]

CANDIDATES = 8
"""Elements tried for each nearest-element search: the nearest midpoint need not be the nearest element."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outline:
    """An outline in mm: its elements are the straight pieces from ``starts`` to ``ends``, ``(n, 2)`` each."""

    starts: Points
    ends: Points

    @property
    def lengths(self) -> Points:
        """Length of each element, ``(n,)``, in mm."""
        return np.asarray(np.hypot(*(self.ends - self.starts).T))

    @property
    def midpoints(self) -> Points:
        """Middle of each element, ``(n, 2)``, in mm."""
        return np.asarray((self.starts + self.ends) / 2)


class Directed(NamedTuple):
    """From the middle of each element of one outline the distance to the other one, and its length, in mm."""

    distances: Points
    lengths: Points


SurfaceDistances = tuple[Directed, Directed]
"""From the prediction's outline to the reference's, and back."""


def outline(mask: NDArray[np.bool_], *, pixel_spacing_mm: tuple[float, float]) -> Outline:
    """The outline of every component and hole of ``mask`` (bool ``H W``), in mm from the first pixel centre.

    Outside the image is background: where a mask touches the border, the outline follows the border, half
    a pixel beyond the outermost pixel centres. An empty mask has an outline without elements.

    >>> dot = np.zeros((3, 3), dtype=bool)
    >>> dot[1, 1] = True
    >>> diamond = outline(dot, pixel_spacing_mm=(2.0, 2.0))
    >>> diamond.lengths.round(3).tolist()
    [1.414, 1.414, 1.414, 1.414]
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return Outline(starts=np.empty((0, 2)), ends=np.empty((0, 2)))
    crop = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1).astype(np.float64)
    origin = np.array([rows[0] - 1, columns[0] - 1])
    contours = find_contours(crop, 0.5)  # type: ignore[no-untyped-call]
    lines = [(line + origin) * pixel_spacing_mm for line in contours]
    return Outline(
        starts=np.concatenate([line[:-1] for line in lines]),
        ends=np.concatenate([line[1:] for line in lines]),
    )


def surface_distances(
    prediction: NDArray[np.bool_], reference: NDArray[np.bool_], *, pixel_spacing_mm: tuple[float, float]
) -> SurfaceDistances:
    """Measure both outlines (of bool ``H W`` masks) against each other, in mm.

    Two empty masks agree: every distance is 0. Where only one is empty there is nothing to measure to, and
    every distance is the diagonal of the image, the largest error that the image has room for.
    """
    if not prediction.any() or not reference.any():
        agree = not prediction.any() and not reference.any()
        extent = np.multiply(prediction.shape, pixel_spacing_mm)
        either = Directed(np.array([0.0 if agree else math.hypot(*extent)]), np.ones(1))
        return either, either
    found = outline(prediction, pixel_spacing_mm=pixel_spacing_mm)
    true = outline(reference, pixel_spacing_mm=pixel_spacing_mm)
    return (
        Directed(_distances(found.midpoints, true), found.lengths),
        Directed(_distances(true.midpoints, found), true.lengths),
    )


def hausdorff(distances: SurfaceDistances, *, percentile: float = 100.0) -> float:
    """Hausdorff distance in mm, or its robust form at a ``percentile`` of the outline's length.

    The greater of the two directed distances; a directed one is the smallest distance within which
    ``percentile`` % of one outline's length lies from the other outline.
    """
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile: expected a number above 0 and up to 100, got {percentile}")
    return max(_weighted_percentile(*directed, percentile) for directed in distances)


def average_symmetric(distances: SurfaceDistances) -> float:
    """Average symmetric surface distance (ASSD) in mm: the mean over both outlines' lengths together."""
    summed = sum(values @ lengths for values, lengths in distances)
    return float(summed / sum(lengths.sum() for _, lengths in distances))


def normalized_surface_distance(distances: SurfaceDistances, *, tolerance_mm: float) -> float:
    """Share of both outlines' lengths that lies within ``tolerance_mm`` of the other outline, 0 to 1.

    Source: Nikolov et al. 2021, doi:10.2196/26151 (there "surface Dice at tolerance").
    """
    if not 0 <= tolerance_mm < math.inf:
        raise ValueError(f"tolerance_mm: expected a distance of 0 mm or more, got {tolerance_mm}")
    near = sum(lengths[values <= tolerance_mm].sum() for values, lengths in distances)
    return float(near / sum(lengths.sum() for _, lengths in distances))


def _distances(points: Points, line: Outline) -> Points:
    """Distance from each point to the nearest element of an outline, in mm."""
    tree = cKDTree(line.midpoints)
    count = min(CANDIDATES, len(line.starts))
    nearest = tree.query(points, k=count)[1].reshape(len(points), count)
    start, along = line.starts[nearest], (line.ends - line.starts)[nearest]
    offset = points[:, None, :] - start
    position = np.clip((offset * along).sum(-1) / (along**2).sum(-1), 0, 1)
    gaps = offset - position[..., None] * along
    return np.asarray(np.sqrt((gaps**2).sum(-1).min(axis=1)))


def _weighted_percentile(values: Points, weights: Points, percentile: float) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    place = int(np.searchsorted(reached, reached[-1] * percentile / 100))
    return float(values[order][min(place, len(values) - 1)])
