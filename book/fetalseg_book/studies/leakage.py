"""What a random split adds: the same test images, scored with and without their exams in training.

A mean over the test images of a random split cannot be compared with one over those of an exam-grouped split:
the images differ. Here they are the same. One arm is the study as it is. The other is trained on as many
images, some of which were exchanged for further images of exams that are tested
(:func:`~fetalseg_lib.data.splits.leak`). Test images of those exams are *exposed*. The others are not, and
show what the exchange did besides.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from fetalseg_book.stats import compare
from fetalseg_lib.data.splits import FOLDS
from fetalseg_lib.study.tables import collect_per_image

GROUPED, LEAKY = "grouped", "leaky"


def leakage_table(grouped: Path, leaky: Path, *, split: pd.DataFrame, metric: str = "dice") -> pd.DataFrame:
    """Each variant's difference between the arms, on the exposed test images, the others, and all.

    ``grouped`` and ``leaky`` are the folders of the two studies, ``split`` is the leaky one
    (:func:`~fetalseg_lib.data.splits.leak`). One row for each variant that has runs in both and each set
    of images: ``variant``, ``images_of``, and the columns of :func:`~fetalseg_book.stats.compare`
    on the seeds that both arms have, without correction for several variants. Leakage is the difference on
    the exposed images beyond that on the others. Raises ``ValueError`` where no test image is exposed or the
    arms share no run.
    """
    exposed = exposed_images(split)
    before, after = collect_per_image(grouped), collect_per_image(leaky)
    before = before[before["name"].isin(after["name"])]
    rows = []
    for variant in sorted(set(before["variant"]) & set(after["variant"])):
        ours, theirs = (arm[arm["variant"] == variant] for arm in (before, after))
        both = pd.concat([ours.assign(variant=GROUPED), theirs.assign(variant=LEAKY)])
        both = both[both["seed"].isin(set(ours["seed"]) & set(theirs["seed"]))]
        for images_of, chosen in _groups(both, exposed).items():
            if not chosen.empty:
                found = compare(chosen, metric, baseline=GROUPED).assign(variant=variant)
                found.insert(1, "images_of", images_of)
                rows.append(found)
    if not rows:
        raise ValueError(f"{grouped}, {leaky}: expected runs of one variant and seed in both, got none")
    return pd.concat(rows, ignore_index=True)


def exposed_images(split: pd.DataFrame) -> set[str]:
    """The test images whose exam has an image in train; raises ``ValueError`` where there is none.

    >>> frame = pd.DataFrame({"filename": list("abc"), "exam": [1, 1, 2], "fold": ["test", "train", "test"]})
    >>> exposed_images(frame)
    {'a'}
    """
    known = split["exam"].isin(split.loc[split["fold"] == "train", "exam"])
    names = set(split.loc[known & (split["fold"] == "test"), "filename"])
    if not names:
        raise ValueError("split: expected test images whose exam is in train, got none")
    return names


def _groups(frame: pd.DataFrame, exposed: Collection[str]) -> dict[str, pd.DataFrame]:
    known = frame["name"].isin(exposed)
    return {"exposed": frame[known], "not exposed": frame[~known], "all": frame}


def random_split(
    images: pd.DataFrame, *, seed: int, test: float = 0.2, validation: float = 0.1
) -> pd.DataFrame:
    """``images`` with a column ``fold`` that is dealt at random, blind to their exams: a bad example.

    >>> frame = random_split(pd.DataFrame({"exam": [1] * 10}), seed=0)
    >>> frame["fold"].value_counts().to_dict()
    {'train': 7, 'test': 2, 'validation': 1}
    """
    borders = np.round(np.cumsum([1 - validation - test, validation]) * len(images)).astype(int)
    place = np.random.default_rng(seed).permutation(len(images))
    return images.assign(fold=np.array(FOLDS)[np.searchsorted(borders, place, side="right")])
