"""A procedural image and what there is to learn from it, each drawn from (seed, index)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fetalseg_book.studies.pretraining.images.leaves import Scene, draw_scene
from fetalseg_book.studies.pretraining.images.speckle import draw_speckle

MIN_SIZE = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class ProceduralImage:
    """A grey image and three dense targets, all uint8 ``H W`` (or ``N H W``, see :func:`stack`).

    ``edges`` is 1 on both sides of every border between leaves, else 0; ``clean`` is the image without
    speckle and blur; ``texture`` is the grain, an index into ``TEXTURES``.
    """

    image: NDArray[np.uint8]
    edges: NDArray[np.uint8]
    clean: NDArray[np.uint8]
    texture: NDArray[np.uint8]


def generate(index: int, *, seed: int, size: int = 96) -> ProceduralImage:
    """Draw image ``index`` of the endless series that ``seed`` names, ``size`` px square.

    Dense targets, because an encoder that has learned to answer at every pixel serves segmentation better
    than a classifier (Shinoda et al. 2023, SegRCDB, arXiv:2309.17083). Raises ``ValueError`` for a negative
    ``index`` or ``seed`` and for a ``size`` below 32.

    >>> sample = generate(0, seed=0, size=64)
    >>> sample.image.shape, sorted(set(sample.edges.ravel().tolist()))
    ((64, 64), [0, 1])
    """
    for name, value, least in (("index", index, 0), ("seed", seed, 0), ("size", size, MIN_SIZE)):
        if value < least:
            raise ValueError(f"{name}: expected a whole number of {least} or more, got {value}")
    rng = np.random.default_rng([seed, index])
    scene = draw_scene(rng, size=size)
    texture = scene.texture[scene.labels]
    fields = draw_speckle(rng, size=size)
    contrast, compression, blur, noise = rng.uniform((0.5, 0.5, 0.2, 0.0), (1.0, 1.0, 0.9, 0.04))
    speckle = np.take_along_axis(fields, texture[None].astype(np.intp), axis=0)[0]
    echo = scene.echo[scene.labels]
    seen = (echo * (1 + contrast * (speckle - 1))) ** compression  # a power stands in for the logarithm
    seen = cv2.GaussianBlur(seen, (0, 0), blur)
    seen += noise * rng.standard_normal(seen.shape, dtype=np.float32)
    return ProceduralImage(
        image=_grey(seen), edges=find_edges(scene), clean=_grey(echo**compression), texture=texture
    )


def stack(indices: Sequence[int], *, seed: int, size: int = 96) -> ProceduralImage:
    """Several images of one series as one: all parts are then uint8 ``N H W``.

    >>> stack(range(3), seed=0, size=32).clean.shape
    (3, 32, 32)
    """
    drawn = [generate(index, seed=seed, size=size) for index in indices]
    return ProceduralImage(
        image=np.stack([sample.image for sample in drawn]),
        edges=np.stack([sample.edges for sample in drawn]),
        clean=np.stack([sample.clean for sample in drawn]),
        texture=np.stack([sample.texture for sample in drawn]),
    )


def find_edges(scene: Scene) -> NDArray[np.uint8]:
    """Mark the pixels that have another leaf to the left, right, above or below: uint8 ``H W`` of 0 and 1."""
    labels = scene.labels
    edges = np.zeros(labels.shape, np.uint8)
    beside, under = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    edges[:, 1:] |= beside
    edges[:, :-1] |= beside
    edges[1:] |= under
    edges[:-1] |= under
    return edges


def _grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(values.clip(0, 1) * 255), np.uint8)
