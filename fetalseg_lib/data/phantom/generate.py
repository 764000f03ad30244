"""A set of phantoms as samples: as many as wanted, each drawn from (seed, row) when it is asked for."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fetalseg_lib.data.phantom.anatomy import FIRST_WEEK, LAST_WEEK, draw_head, place_head
from fetalseg_lib.data.phantom.options import Request, Severity, check_ingredients
from fetalseg_lib.data.phantom.render import render
from fetalseg_lib.data.sample import LazySamples, Sample
from fetalseg_lib.geometry import Ellipse, rasterize

MAX_PHANTOMS = 1_000_000
"""Of a folder or a study."""

MIN_SIDE = 32
_CYCLE = 6
"""Of six exams, five have one image and the sixth has two, about as in HC18."""
_HEAD, _PLACE, _ECHO = 1, 2, 3
"""Last but one number of a seed: which part of the phantom it draws."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Phantom(Sample):
    """A sample of which all is known: also the head's ellipse (px), and its gestational age."""

    ellipse: Ellipse
    gestational_age_weeks: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Phantoms(LazySamples):
    """``n`` phantoms; row ``k`` depends on ``(seed, k)`` and the settings, not on ``n``."""

    n: int
    seed: int
    size: tuple[int, int]
    weeks: tuple[float, float] | None
    severity: Severity
    without: frozenset[str]

    def __len__(self) -> int:
        return self.n

    def read(self, row: int) -> Phantom:
        """Draw phantom ``row``: the head from its exam, its place and the echoes from the row."""
        exam, repeat = exam_of(row)
        rng = np.random.default_rng([self.seed, exam, _HEAD])
        head = draw_head(rng, frame_height=self.size[0], weeks=self.weeks)
        rng = np.random.default_rng([self.seed, row, _PLACE])
        ellipse, pixel_size_mm = place_head(rng, head, size=self.size)
        request = Request(
            ellipse=ellipse,
            weeks=head.weeks,
            pixel_size_mm=pixel_size_mm,
            size=self.size,
            without=self.without,
            severity=self.severity,
        )
        return Phantom(
            image=render((self.seed, row, _ECHO), request),
            mask=rasterize(ellipse, self.size),
            pixel_size_mm=pixel_size_mm,
            hc_mm=ellipse.circumference * pixel_size_mm,
            exam=exam,
            name=f"{exam:03d}_{repeat or ''}HC.png",
            ellipse=ellipse,
            gestational_age_weeks=head.weeks,
        )

    def fingerprint(self) -> Mapping[str, object]:
        """Number, settings, and the generator's own code: a changed phantom is another phantom."""
        code = hashlib.sha256()
        for path in sorted(Path(__file__).parent.glob("*.py")):
            code.update(path.read_bytes())
        known = {"without": sorted(self.without), "code_sha256": code.hexdigest()}
        return {"kind": "phantom", **dataclasses.asdict(self), **known}


def generate(
    n: int,
    *,
    seed: int,
    size: tuple[int, int] = (540, 800),
    weeks: tuple[float, float] | None = None,
    severity: Severity | None = None,
    without: Iterable[str] = (),
) -> Phantoms:
    """Make ``n`` phantoms of ``size`` (height, width), lazily.

    Ages come in HC18's mix, or evenly from ``weeks`` (low, high; 11 to 40). ``severity`` turns single
    difficulties up, ``without`` leaves ingredients out (see ``INGREDIENTS``); the rest stays as it was.
    Raises ``ValueError`` for any of these that cannot be.

    >>> sample = generate(3, seed=0, size=(108, 160))[0]
    >>> sample.name, sample.image.shape, bool(sample.mask.any())
    ('000_HC.png', (108, 160), True)
    """
    if n < 0:
        raise ValueError(f"n: expected 0 or more, got {n}")
    if seed < 0:
        raise ValueError(f"seed: expected 0 or more, got {seed}")
    if len(size) != 2 or min(size) < MIN_SIDE:
        raise ValueError(f"size: expected (height, width) of {MIN_SIDE} or more, got {tuple(size)}")
    if weeks is not None and not FIRST_WEEK <= weeks[0] <= weeks[1] <= LAST_WEEK:
        raise ValueError(f"weeks: expected (low, high) within {FIRST_WEEK:g} to {LAST_WEEK:g}, got {weeks}")
    return Phantoms(
        n=n,
        seed=seed,
        size=(int(size[0]), int(size[1])),
        weeks=weeks,
        severity=severity or Severity(),
        without=check_ingredients(without),
    )


def exam_of(row: int) -> tuple[int, int]:
    """The exam of a row, and 2 where the row is that exam's second image (else 0).

    >>> [exam_of(row) for row in (0, 4, 5, 6, 7)]
    [(0, 0), (4, 0), (5, 0), (5, 2), (6, 0)]
    """
    cycle, place = divmod(row, _CYCLE + 1)
    repeat = place == _CYCLE
    return cycle * _CYCLE + min(place, _CYCLE - 1), 2 if repeat else 0
