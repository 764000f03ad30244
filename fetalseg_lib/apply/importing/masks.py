"""Images in one folder, filled masks in another, paired by their names."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.apply.images import find_images
from fetalseg_lib.apply.importing.folder import LabelledImage
from fetalseg_lib.apply.reading.image_file import read_labels
from fetalseg_lib.data.sample import DataError, about

ENDINGS = ("", "_mask", "-mask", "_Mask", "_seg", "_segmentation", "_label", "_labels", "_gt", "_Annotation")
"""What masks are usually called beyond their image's name."""

_MIDDLE = (0.1, 0.9)
_SOFT_EDGE = 0.05


def pair_masks(
    images: Path, masks: Path, *, ending: str | None = None, label: int | None = None
) -> tuple[list[LabelledImage], list[DataError]]:
    """Pair each image with the mask of its name, ``ending`` added before the dot; returns pairs and problems.

    Without an ``ending`` the one of :data:`ENDINGS` that pairs most counts. The two folders may be one where
    there is an ending. Inside is ``label``, or without one the brighter of a mask's two values. Raises
    ``ValueError`` where a folder is not there or holds no image, or no ending tells masks from images.
    """
    for folder in (images, masks):
        if not folder.is_dir():
            raise ValueError(f"{folder}: expected a folder, got {'a file' if folder.exists() else 'nothing'}")
    one_folder = images.resolve() == masks.resolve()
    if ending == "" and one_folder:
        raise ValueError("--mask-ending: expected what tells masks from images in one folder, got nothing")
    every, drawn = find_images([images]), _by_key(masks)
    if ending is None:
        usual = [known for known in ENDINGS if known or not one_folder]
        named = {path.relative_to(images).with_suffix("") for path in every}
        paired = {known: sum(_with(key, known) in drawn for key in named) for known in usual}
        ending = max(usual, key=lambda known: paired[known])
        if one_folder and not paired[ending]:
            raise ValueError(
                f"--mask-ending: expected what tells masks from images in {images}; it is none of "
                f"{', '.join(usual)}"
            )
    problems: list[DataError] = []
    found = {key: paths for key, paths in drawn.items() if key.name.endswith(ending)}
    own = {path.resolve() for paths in found.values() for path in paths} if ending else set()
    owners: dict[Path, list[Path]] = {}
    for path in every:
        if path.resolve() not in own:
            owners.setdefault(path.relative_to(images).with_suffix(""), []).append(path)
    pairs = []
    for key, paths in owners.items():
        drawings = found.pop(_with(key, ending), [])
        if len(paths) == len(drawings) == 1:
            pairs.append(LabelledImage(path=paths[0], mask=partial(_read_mask, drawings[0], label)))
            continue
        problem = f"there is no mask {_with(key, ending).name}.* for it in {masks}"
        mend = "Add it, or leave the image out."
        if drawings:
            problem = f"of one name are {', '.join(map(str, (*paths, *drawings)))}"
            mend = "Keep one image and one mask of a name."
        problems += [DataError(problem, mend, file=path) for path in paths]
    problems += [
        DataError("there is no image for the mask", "Add it, or leave the mask out.", file=path)
        for paths in found.values()
        for path in paths
    ]
    return pairs, problems


def _by_key(masks: Path) -> dict[Path, list[Path]]:
    """The images of a folder by their path in it, without what stands after the dot."""
    found: dict[Path, list[Path]] = {}
    for path in find_images([masks]):
        found.setdefault(path.relative_to(masks).with_suffix(""), []).append(path)
    return found


def _with(key: Path, ending: str) -> Path:
    return key.with_name(key.name + ending)


def _read_mask(path: Path, label: int | None, shape: tuple[int, int]) -> NDArray[np.bool_]:
    labels = read_labels(path)
    with about(path):
        if labels.shape != shape:
            problem = "the mask is {1}x{0} pixels, its image {3}x{2}".format(*labels.shape, *shape)
            raise DataError(problem, "Export both at one size.")
        if label is not None:
            return np.asarray(labels == label)
        highest = int(labels.max())
        between = (labels > _MIDDLE[0] * highest) & (labels < _MIDDLE[1] * highest)
        # Soft edges and JPEG leave a few values in between; a second label leaves many.
        if between.sum() > _SOFT_EDGE * (labels > 0).sum():
            several = ", ".join(str(value) for value in np.unique(labels)[:5])
            problem = f"it holds several labels ({several} ...)"
            raise DataError(problem, "Say by --label which one is the head.")
    return np.asarray(labels > highest / 2)
