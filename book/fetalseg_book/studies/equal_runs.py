"""What the cross-validated study's analysis does where there is nothing to find, and what it could find.

``python -m fetalseg_book.studies.equal_runs results -o results/crossval/equal_runs.json`` makes the file
again, number for number. It was written, and committed, before the study's first run.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fetalseg_book.stats import decide, detectable_difference, holm, paired_mean
from fetalseg_book.studies.answer import SIGNS
from fetalseg_lib.study import records
from fetalseg_lib.study.profile import FOLD_COUNT, load_profile

STUDIES = ("published", "note_schedule", "small")
"""Whose trainings are taken: each variant of six seeds is a pool of equal networks."""
MIN_POOL = 6


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Equal trainings on one set of images: Dice in points and absolute HC error in mm, seeds by images."""

    dice: NDArray[np.float64]
    hc: NDArray[np.float64]
    exam: NDArray[np.int64]


def read_pools(results: Path) -> dict[str, Pool]:
    """The pools in the older studies' folders, by ``study/variant``."""
    pools = {}
    for study in STUDIES:
        for variant in sorted((results / "one_fold" / study / "hc18").iterdir()):
            files = sorted(variant.glob(f"seed-*/{records.PER_IMAGE}"))
            if len(files) < MIN_POOL:
                continue
            frames = [pd.read_csv(file).sort_values("name") for file in files]
            pools[f"{study}/{variant.name}"] = Pool(
                dice=np.array([100 * frame["dice"] for frame in frames]),
                hc=np.array([frame["hc_error_mm"].abs() for frame in frames]),
                exam=frames[0]["exam"].to_numpy(),
            )
    return pools


def pair_anew(pool: Pool, *, seeds: int, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Differences between equal trainings as the study would see them, one of each (fold, seed).

    The exams are dealt into five parts; in each, ``seeds`` trainings stand for one arm and as many others for
    the other arm. Nothing differs between the arms but luck.
    """
    numbers, exams = np.unique(pool.exam, return_inverse=True)
    part = rng.permutation(np.arange(len(numbers)) % FOLD_COUNT)[exams]
    found: dict[str, list[float]] = {"dice": [], "hc": []}
    for fold in range(FOLD_COUNT):
        inside = part == fold
        drawn = rng.permutation(len(pool.dice))[: 2 * seeds].reshape(2, seeds)
        for a, b in drawn.T:
            found["dice"].append(float(np.median((pool.dice[a] - pool.dice[b])[inside])))
            found["hc"].append(float((pool.hc[a] - pool.hc[b])[inside].mean()))
    return {name: np.array(values) for name, values in found.items()}


def rejections(
    pools: Mapping[str, Pool], *, draws: int, seeds: int, overlap: float, margins: Mapping[str, float]
) -> dict[str, Any]:
    """How often equal trainings are told apart at 5 %, by measure, and how often a word is wrong.

    Means over the pools of ``draws`` pairings each, with the lowest and highest pool.
    """
    rows = []
    for number, (name, pool) in enumerate(pools.items()):
        rng = np.random.default_rng([seeds, number])
        for _ in range(draws):
            units = pair_anew(pool, seeds=seeds, rng=rng)
            tests = {m: paired_mean(units[m], margin=margins[m], overlap=overlap) for m in SIGNS}
            word = decide(
                [sign * tests[m].mean for m, sign in SIGNS.items()],
                p=[float(p) for p in holm(np.array([tests[m].p for m in SIGNS]))],
                p_margin=[tests[m].p_margin for m in SIGNS],
            )
            rows.append(
                {
                    "pool": name,
                    **{m: tests[m].p <= 0.05 for m in SIGNS},
                    "wrong_word": word in ("better", "worse"),
                }
            )
    by_pool = pd.DataFrame(rows).groupby("pool").mean()
    return {
        "seeds": seeds,
        "overlap": round(overlap, 4),
        **{
            f"{name}_{how}": float(by_pool[name].agg(how))
            for name in by_pool
            for how in ("mean", "min", "max")
        },
    }


def detectable(pools: Mapping[str, Pool], *, seeds: int, comparisons: int) -> dict[str, float]:
    """The smallest true difference found with 80 % power, from the spread of equal trainings on all images.

    The spread is that between all pairs of a pool on its whole test fold, as large as a fold of the study;
    the median over the pools stands for a typical arm.
    """
    spread: dict[str, list[float]] = {"dice": [], "hc": []}
    for pool in pools.values():
        a, b = np.triu_indices(len(pool.dice), k=1)
        spread["dice"].append(float(np.sqrt((np.median(pool.dice[a] - pool.dice[b], axis=1) ** 2).mean())))
        spread["hc"].append(float(np.sqrt(((pool.hc[a] - pool.hc[b]).mean(axis=1) ** 2).mean())))
    pairs = FOLD_COUNT * seeds
    return {
        name: detectable_difference(float(np.median(values)), seeds=pairs, comparisons=comparisons)
        for name, values in spread.items()
    }


def check(results: Path, *, draws: int) -> dict[str, Any]:
    """Everything that the plan promises to know before the first run."""
    plan = load_profile("crossval")
    pools = read_pools(results)
    margins = {"dice": plan.margins["dice_points"], "hc": plan.margins["hc_mm"]}
    share = 1 / FOLD_COUNT
    corrected = share / (0.9 * (1 - share))
    family = [p.family for p in plan.comparisons.values()]
    tests = len(SIGNS) * max(family.count(name) for name in family)
    return {
        "pools": list(pools),
        "draws": draws,
        "rejections": [
            rejections(pools, draws=draws, seeds=seeds, overlap=overlap, margins=margins)
            for seeds in (1, 2, 3)
            for overlap in (0.0, corrected)
        ],
        "detectable": [
            {"seeds": seeds, "comparisons": n, **detectable(pools, seeds=seeds, comparisons=n)}
            for seeds in (1, 2, 3)
            for n in (1, tests)
        ],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("results", type=Path, help="the folder of the older studies")
    parser.add_argument("--draws", type=int, default=1000, help="pairings of each pool")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    records.write_json(options.out, check(options.results, draws=options.draws))
