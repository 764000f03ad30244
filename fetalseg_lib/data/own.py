"""A folder of one's own images in HC18's layout, known by its content and not by where it lies."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from fetalseg_lib.data import splits
from fetalseg_lib.data.hc18 import HC18, load
from fetalseg_lib.data.layout import TRAINING, annotation_name
from fetalseg_lib.data.limits import read_content

_NAME = re.compile(r"own-[0-9a-f]{12}")


def is_own(data: str) -> bool:
    """Whether a dataset's name is one that :func:`own_name` gives.

    >>> is_own("own-0123456789ab"), is_own("hc18")
    (True, False)
    """
    return _NAME.fullmatch(data) is not None


def dataset_of(root: Path) -> str:
    """``hc18`` where a folder holds all of HC18's images, by content, else its :func:`own_name`."""
    samples = load(root)
    whole = len(samples) == len(splits.load("hc18")) and splits.hc18_folds(samples.table).notna().all()
    return "hc18" if whole else own_name(samples)


def own_name(root: Path | HC18) -> str:
    """The name of a folder's labelled images: ``own-`` and twelve digits of a hash of its CSV and PNGs.

    Runs on other images, or on images annotated anew, so get another name and never mix. Raises
    ``DataError`` where the folder is not in HC18's layout.
    """
    samples = root if isinstance(root, HC18) else load(root)
    digest = hashlib.sha256(read_content(samples.root / TRAINING.index))
    for name in samples.table["name"]:
        for file in (name, annotation_name(name)):
            content = read_content(samples.root / TRAINING.folder / file)
            digest.update(hashlib.sha256(content).digest())
    return f"own-{digest.hexdigest()[:12]}"
