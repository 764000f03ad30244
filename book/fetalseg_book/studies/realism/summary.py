"""From images to the numbers of the chapter: what is alike, what is not, and what gives the phantom away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from fetalseg_book.studies.realism.classifier import (
    REGIONS,
    Features,
    deal,
    encode,
    encode_whole,
    take_patches,
    tell_apart,
)
from fetalseg_book.studies.realism.measures import ANGLE_STEP, GREY_STEP, HeadImage, grey_shares, skull_peaks
from fetalseg_lib.models.encoder import MobileNetV2Encoder

KINDS = ("real", "phantom")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

_COARSE = 8

Pictures = dict[str, list[HeadImage]]


def summarize(pictures: Pictures, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Quantiles of every measure, grey-level histograms and the skull's brightness by angle, of each kind.

    ``pictures`` are those of ``"real"`` and ``"phantom"``; ``tables`` hold their measures.
    """
    return {
        "n": {kind: len(pictures[kind]) for kind in KINDS},
        "quantiles": list(QUANTILES),
        "measures": {
            name: {kind: _quantiles(tables[kind][name]) for kind in KINDS}
            | {"largest_gap": largest_gap(tables["real"][name], tables["phantom"][name])}
            for name in tables["real"].columns
        },
        "grey_step": GREY_STEP,
        "grey": {
            region: {kind: _mean_shares(pictures[kind], region) for kind in KINDS}
            for region in ("inside", "outside")
        },
        "angle_step": ANGLE_STEP,
        "skull": {kind: _skull(pictures[kind]) for kind in KINDS},
    }


def largest_gap(first: pd.Series, second: pd.Series) -> float:
    """The largest gap between two cumulative distributions (Kolmogorov-Smirnov): 0 equal, 1 apart.

    >>> largest_gap(pd.Series([1.0, 2.0]), pd.Series([3.0, 4.0]))
    1.0
    """
    return float(ks_2samp(first.dropna(), second.dropna(), method="asymp").statistic)


def give_away(
    pictures: Pictures, tables: Mapping[str, pd.DataFrame], encoder: MobileNetV2Encoder
) -> dict[str, Any]:
    """What a classifier needs to see to tell the kinds apart, by held-out accuracy; 0.5 is guessing.

    Features of a network see ``whole`` images or patches of one region. ``control`` is the same as
    ``whole`` on real images alone, whose exams were split in two at random. The others see numbers:
    ``grey`` the histograms of grey levels in steps of four, ``grey_coarse`` in steps of 32, and
    ``measures`` all columns of ``tables`` but the number of grey levels.
    """
    everyone = [picture for kind in KINDS for picture in pictures[kind]]
    is_phantom = np.repeat([False, True], [len(pictures[kind]) for kind in KINDS])
    exams = [picture.exam for picture in everyone]
    whole = encode_whole(encoder, everyone)
    real = whole[~is_phantom]
    real_exams = [picture.exam for picture in pictures["real"]]
    half = deal(real_exams, np.zeros(len(real), bool), folds=2) == 1
    grey = np.array([np.r_[grey_shares(p.image, p.head), grey_shares(p.image, ~p.head)] for p in everyone])
    coarse = grey.reshape(len(grey), -1, _COARSE).sum(axis=2)
    return {
        "whole": tell_apart(whole, is_phantom, exams),
        "control": tell_apart(real, half, real_exams),
        "grey": tell_apart(grey, is_phantom, exams),
        "grey_coarse": tell_apart(coarse, is_phantom, exams),
        "measures": tell_apart(_filled(tables), is_phantom, exams),
    } | {
        region: tell_apart(features, is_phantom[owner], [exams[k] for k in owner])
        for region in REGIONS
        for features, owner in [encode_patches(encoder, everyone, region)]
    }


def encode_patches(
    encoder: MobileNetV2Encoder, pictures: Sequence[HeadImage], region: str
) -> tuple[Features, NDArray[np.int64]]:
    """Features of the patches of one region, and the place of each one's picture in ``pictures``."""
    patches, owner = [], []
    for place, picture in enumerate(pictures):
        taken = take_patches(picture, region, seed=place)
        patches += taken
        owner += [place] * len(taken)
    return encode(encoder, patches), np.array(owner, np.int64)


def _filled(tables: Mapping[str, pd.DataFrame]) -> Features:
    """The measures of both kinds, one below the other; a missing texture is replaced by the median."""
    both = pd.concat([tables[kind] for kind in KINDS]).drop(columns="grey_levels")
    return both.fillna(both.median()).to_numpy(dtype=np.float64)


def _quantiles(values: pd.Series) -> list[float]:
    return [float(values.quantile(share)) for share in QUANTILES]


def _mean_shares(pictures: Sequence[HeadImage], region: str) -> list[float]:
    """Every image counts the same, however large its head."""
    shares = [
        grey_shares(picture.image, picture.head if region == "inside" else ~picture.head)
        for picture in pictures
    ]
    mean: list[float] = np.mean(shares, axis=0).tolist()
    return mean


def _skull(pictures: Sequence[HeadImage]) -> dict[str, list[float]]:
    """Mean over the images and the middle half of them, by the angle of the normal."""
    peaks = np.array([skull_peaks(picture) for picture in pictures])
    lower, upper = np.nanquantile(peaks, [0.25, 0.75], axis=0)
    return {"mean": np.nanmean(peaks, axis=0).tolist(), "lower": lower.tolist(), "upper": upper.tolist()}
