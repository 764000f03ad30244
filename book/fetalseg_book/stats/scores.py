"""The records of the runs as one matrix of seeds by images for each variant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

RUN = ("variant", "seed")
IMAGE = ("name", "exam")


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """One metric of one variant: ``matrix[s, i]`` is the score of seed ``s`` on image ``i``.

    ``exams[i]`` is the number, from 0, of the exam that image ``i`` belongs to.
    """

    matrix: NDArray[np.float64]
    seeds: tuple[int, ...]
    exams: NDArray[np.intp]

    @property
    def seed_means(self) -> NDArray[np.float64]:
        """Mean over the images, for each seed."""
        return np.asarray(self.matrix.mean(axis=1))


def scores_by_variant(frame: pd.DataFrame, metric: str) -> dict[str, Scores]:
    """Bring the tidy records into a :class:`Scores` for each variant, in order of appearance.

    Raises ``ValueError`` where the runs cannot be compared or averaged: a missing column, values that are
    not finite, an image twice in a run or in two exams, or runs on different images (another split).
    """
    _check_columns(frame, metric)
    column, names = pd.factorize(frame["name"], sort=True)
    exam, _ = pd.factorize(frame["exam"])
    exam_of = np.zeros(len(names), dtype=np.intp)
    exam_of[column] = exam
    if (exam_of[column] != exam).any():
        name = names[column[exam_of[column] != exam][0]]
        raise ValueError(f"frame: the image {name} is in two exams; the runs come from different splits")
    exams, _ = pd.factorize(exam_of)  # in the order of the names, whatever the order of the records
    values = frame[metric].to_numpy(np.float64)
    variant_of, variants = pd.factorize(frame["variant"])
    found: dict[str, Scores] = {}
    for k, variant in enumerate(variants):
        rows = variant_of == k
        line, seeds = pd.factorize(frame.loc[rows, "seed"], sort=True)
        counts = np.zeros((len(seeds), len(names)), dtype=np.intp)
        np.add.at(counts, (line, column[rows]), 1)
        _check_complete(counts, variant, seeds, names)
        matrix = np.empty(counts.shape)
        matrix[line, column[rows]] = values[rows]
        found[str(variant)] = Scores(matrix=matrix, seeds=tuple(seeds), exams=exams)
    return found


def _check_complete(counts: NDArray[np.intp], variant: str, seeds: pd.Index, names: pd.Index) -> None:
    """Every run must have every image once."""
    if (counts > 1).any():
        s, i = np.argwhere(counts > 1)[0]
        raise ValueError(f"frame: {variant}, seed {seeds[s]} has the image {names[i]} twice; keep one record")
    if (counts == 0).any():
        s, i = np.argwhere(counts == 0)[0]
        raise ValueError(
            f"frame: {variant}, seed {seeds[s]} lacks {int((counts[s] == 0).sum())} of {len(names)} images, "
            f"first {names[i]}; runs on different splits cannot be compared"
        )


def _check_columns(frame: pd.DataFrame, metric: str) -> None:
    missing = [column for column in (*RUN, *IMAGE, metric) if column not in frame.columns]
    if missing:
        raise ValueError(
            f"frame: expected the columns {', '.join((*RUN, *IMAGE, metric))}; {', '.join(missing)} missing"
        )
    if frame.empty:
        raise ValueError("frame: expected at least one record, got none; has no run finished?")
    splits = frame["split"].unique() if "split" in frame.columns else ()
    if len(splits) > 1:
        raise ValueError(f"frame: expected runs on one split, got {', '.join(map(str, splits))}")
    bad = ~np.isfinite(frame[metric].to_numpy(np.float64))
    if bad.any():
        row = frame[bad].iloc[0]
        raise ValueError(
            f"{metric}: {row['variant']}, seed {row['seed']} has no finite value for {row['name']} "
            f"({int(bad.sum())} such records); a failure must count: fill in what it costs, and count the "
            "failures beside the mean"
        )


def scores_of(frame: pd.DataFrame, metric: str, variant: str) -> Scores:
    """Those of one variant; raises ``ValueError`` as :func:`scores_by_variant`, and where it is not there."""
    scores = scores_by_variant(frame, metric)
    if variant not in scores:
        raise ValueError(f"variant: expected one of {', '.join(scores)}; got {variant}")
    return scores[variant]
