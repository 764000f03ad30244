"""A set of phantoms as samples: as many as wanted, each drawn from (seed, row) when it is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fetalseg_lib.data.phantom.anatomy import draw_head, place_head
from fetalseg_lib.data.phantom.render import render
from fetalseg_lib.data.sample import LazySamples, Sample
from fetalseg_lib.geometry import rasterize

_CYCLE = 6
"""Of six exams, five have one image and the sixth has two, about as in HC18."""


class Phantoms(LazySamples):
    """``n`` phantoms; row ``k`` depends on ``(seed, k)`` and the size alone, not on ``n``."""

    def __init__(self, n: int, *, seed: int, size: tuple[int, int]) -> None:
        if n < 0 or seed < 0 or min(size) < 16:
            raise ValueError(
                f"n, seed, size: expected n >= 0, seed >= 0 and 16x16 or more, got {n}, {seed}, {size}"
            )
        self._n = n
        self.seed = seed
        self.size = size

    def __len__(self) -> int:
        return self._n

    def read(self, row: int) -> Sample:
        """Draw phantom ``row``: the head from its exam, its place and the echoes from the row."""
        exam, repeat = exam_of(row)
        head = draw_head(np.random.default_rng([self.seed, exam, 1]), frame_height=self.size[0])
        rng = np.random.default_rng([self.seed, row])
        ellipse, pixel_size_mm = place_head(rng, head, size=self.size)
        return Sample(
            image=render(rng, ellipse, pixel_size_mm, size=self.size),
            mask=rasterize(ellipse, self.size),
            pixel_size_mm=pixel_size_mm,
            hc_mm=ellipse.circumference * pixel_size_mm,
            exam=exam,
            name=f"{exam:03d}_{repeat or ''}HC.png",
        )

    def fingerprint(self) -> Mapping[str, object]:
        """Number, seed, size, and the generator's own code: a changed phantom is another phantom."""
        code = hashlib.sha256()
        for path in sorted(Path(__file__).parent.glob("*.py")):
            code.update(path.read_bytes())
        settings = {"n": len(self), "seed": self.seed, "size": list(self.size)}
        return {"kind": "phantom", **settings, "code_sha256": code.hexdigest()}


def generate(n: int, *, seed: int, size: tuple[int, int] = (540, 800)) -> Phantoms:
    """Make ``n`` phantoms of ``size`` (height, width), lazily.

    >>> sample = generate(3, seed=0, size=(108, 160))[0]
    >>> sample.name, sample.image.shape, bool(sample.mask.any())
    ('000_HC.png', (108, 160), True)
    """
    return Phantoms(n, seed=seed, size=size)


def exam_of(row: int) -> tuple[int, int]:
    """The exam of a row, and 2 where the row is that exam's second image (else 0).

    >>> [exam_of(row) for row in (0, 4, 5, 6, 7)]
    [(0, 0), (4, 0), (5, 0), (5, 2), (6, 0)]
    """
    cycle, place = divmod(row, _CYCLE + 1)
    repeat = place == _CYCLE
    return cycle * _CYCLE + min(place, _CYCLE - 1), 2 if repeat else 0
