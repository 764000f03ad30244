"""The datasets that a run can name: each knows its images and how they are split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from fetalseg_lib.data import hc18, phantom, splits
from fetalseg_lib.data.hc18 import HC18, own_name
from fetalseg_lib.data.sample import Sample

DATA_SEED = 0
"""Phantoms and their split are the same for every seed of a study: seeds vary the training alone."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled images under one name: a folder of one's own, unless a subclass says otherwise."""

    name: str
    drawn: ClassVar[bool] = False
    committed: ClassVar[bool] = False
    """Whether the split comes with the package, and any part of the images is known by its content."""
    attribution: ClassVar[str | None] = None

    def samples(self, root: Path | None = None) -> Sequence[Sample]:
        """The images at native resolution, read or drawn only when they are asked for.

        ``root`` is their folder, else :func:`~fetalseg_lib.data.hc18.find_root` finds it. Raises
        ``ValueError`` for other images than these.
        """
        samples = hc18.load(root)
        if (found := own_name(samples)) != self.name:
            raise ValueError(
                f"{samples.root}: expected the images of {self.name}, but these are {found}; "
                "name the folder by --data, or restore its files"
            )
        return samples

    def refuse_others(self, index: pd.DataFrame) -> None:
        """Raise ``ValueError`` where other images lie under these ones' names, so far as they are known."""

    def split(self, index: pd.DataFrame, *, kind: str = "exam", fold: int | None = None) -> pd.DataFrame:
        """Which image is in which fold, ``filename, exam, fold``; ``index`` has ``name, exam, hc_mm``.

        ``kind`` is one of :data:`~fetalseg_lib.study.profile.SPLITS`; ``fold``, of a cross-validated study,
        is the part that tests.
        """
        frame = index.rename(columns={"name": "filename"})[["filename", "exam", "hc_mm"]]
        frame = frame.reset_index(drop=True)
        hc_mm = frame.set_index("filename")["hc_mm"]
        if fold is not None:
            parts = self._parts(frame)
            return splits.cross_split(parts, parts["filename"].map(hc_mm), test=fold)
        split = self._three_folds(frame)
        return split if kind == "exam" else splits.leak(split, split["filename"].map(hc_mm))

    def folds_of(
        self, samples: HC18, index: pd.DataFrame, *, kind: str, fold: int | None
    ) -> pd.Series | None:
        """Each image's fold of :meth:`split`, by content; ``None`` where ``samples`` are others.

        ``index`` are the cached ``samples``. An own folder is known where it is the very one, of HC18 any
        part. Raises ``ValueError`` for a part of HC18 and its leaky split or a fold, which need the whole.
        """
        return self._by_name(index, kind, fold) if own_name(samples) == self.name else None

    def _by_name(self, index: pd.DataFrame, kind: str, fold: int | None) -> pd.Series:
        return index["name"].map(self.split(index, kind=kind, fold=fold).set_index("filename")["fold"])

    def _three_folds(self, frame: pd.DataFrame) -> pd.DataFrame:
        return splits.make_split(frame, seed=DATA_SEED)

    def _parts(self, frame: pd.DataFrame) -> pd.DataFrame:
        return splits.make_folds(frame, seed=DATA_SEED)


@dataclass(frozen=True, kw_only=True)
class PhantomDataset(Dataset):
    """Heads drawn on the spot, ``count`` of them; see :func:`fetalseg_lib.data.phantom.generate`."""

    name: str = "phantom"
    count: int = 0
    size: tuple[int, int] = (540, 800)
    without: tuple[str, ...] = ()
    drawn: ClassVar[bool] = True

    def samples(self, root: Path | None = None) -> Sequence[Sample]:
        """The phantoms; they lie nowhere."""
        return phantom.generate(self.count, seed=DATA_SEED, size=self.size, without=self.without)

    def folds_of(
        self, samples: HC18, index: pd.DataFrame, *, kind: str, fold: int | None
    ) -> pd.Series | None:
        """None: no folder is known to hold the phantoms of a training."""
        return None


@dataclass(frozen=True, kw_only=True)
class HC18Dataset(Dataset):
    """HC18's 999 training images, with the committed split and the committed folds."""

    name: str = "hc18"
    committed: ClassVar[bool] = True
    attribution: ClassVar[str | None] = "trained on HC18 (CC BY 4.0), doi:10.5281/zenodo.1327317"

    def samples(self, root: Path | None = None) -> Sequence[Sample]:
        """Whatever lies there; :meth:`refuse_others` looks at the cached ones."""
        return hc18.load(root)

    def refuse_others(self, index: pd.DataFrame) -> None:
        """Raise ``ValueError`` where other images lie there under HC18's names."""
        try:
            splits.refuse_others(index)
        except ValueError as error:
            raise ValueError(f"data: {error}; to train on another folder, name it by --data") from error

    def folds_of(
        self, samples: HC18, index: pd.DataFrame, *, kind: str, fold: int | None
    ) -> pd.Series | None:
        """As :meth:`Dataset.folds_of` says."""
        folds = splits.hc18_folds(index)
        if (kind == "exam" and fold is None) or folds.isna().all():
            return folds if folds.notna().any() else None
        if splits.refuse_others(index).size != len(splits.load("hc18")):
            raise ValueError(f"{samples.root}: the network's split is of all of HC18, got a part")
        return self._by_name(index, kind, fold)

    def _three_folds(self, frame: pd.DataFrame) -> pd.DataFrame:
        return splits.load("hc18")

    def _parts(self, frame: pd.DataFrame) -> pd.DataFrame:
        return splits.load_folds()


def dataset_of(root: Path) -> Dataset:
    """HC18 where a folder holds all of its images, by content, else a folder of one's own."""
    samples = hc18.load(root)
    whole = len(samples) == len(splits.load("hc18")) and splits.hc18_folds(samples.table).notna().all()
    return HC18Dataset() if whole else Dataset(name=own_name(samples))


_KNOWN: dict[str, type[Dataset]] = {"phantom": PhantomDataset, "hc18": HC18Dataset}
DATASETS = tuple(_KNOWN)
"""Those that everybody has; any other name is that of a folder of one's own."""


def dataset_named(name: str) -> Dataset:
    """The dataset of a name.

    >>> dataset_named("hc18").committed, dataset_named("own-0123456789ab").name
    (True, 'own-0123456789ab')
    """
    return _KNOWN.get(name, Dataset)(name=name)
