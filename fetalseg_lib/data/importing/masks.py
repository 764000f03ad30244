"""Images in one folder, filled masks in another, paired by their names."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.data.image_file import read_labels
from fetalseg_lib.data.image_folder import find_images
from fetalseg_lib.data.importing.folder import LabelledImage
from fetalseg_lib.data.sample import DataError

_MIDDLE = (0.1, 0.9)
_SOFT_EDGE = 0.05


def pair_masks(
    images: Path, masks: Path, *, ending: str = "", label: int | None = None
) -> tuple[list[LabelledImage], list[DataError]]:
    """Pair each image with the mask of its name, ``ending`` added before the dot; returns pairs and problems.

    Subfolders pair with subfolders of the same name; the two folders may be one where there is an ending.
    Inside is ``label``, or without one the brighter of a mask's two values. Raises ``ValueError`` where a
    folder holds no image.
    """
    if not ending and images.resolve() == masks.resolve():
        raise ValueError("--mask-ending: expected what tells masks from images in one folder, got nothing")
    problems: list[DataError] = []
    found: dict[Path, Path] = {}
    for path in find_images([masks]):
        key = path.relative_to(masks).with_suffix("")
        if not key.name.endswith(ending):
            continue
        if key in found:
            problem = f"it is a second mask beside {found[key].name}"
            problems.append(DataError(file=path, problem=problem, mend="Keep one of them."))
        else:
            found[key] = path
    own = {path.resolve() for path in found.values()} if ending else set()
    pairs = []
    for path in find_images([images]):
        if path.resolve() in own:
            continue
        key = path.relative_to(images).with_suffix("")
        mask = found.pop(key.with_name(key.name + ending), None)
        if mask is None:
            problem = f"there is no mask {key.name}{ending}.* for it in {masks}"
            problems.append(DataError(file=path, problem=problem, mend="Add it, or leave the image out."))
        else:
            pairs.append(LabelledImage(path=path, mask=partial(_read_mask, mask, label)))
    problems += [
        DataError(file=path, problem="there is no image for the mask", mend="Add it, or leave the mask out.")
        for path in found.values()
    ]
    return pairs, problems


def _read_mask(path: Path, label: int | None, shape: tuple[int, int]) -> NDArray[np.bool_]:
    labels = read_labels(path)
    if labels.shape != shape:
        problem = f"the mask is {labels.shape[1]}x{labels.shape[0]} pixels, its image {shape[1]}x{shape[0]}"
        raise DataError(file=path, problem=problem, mend="Export both at one size.")
    if label is not None:
        return np.asarray(labels == label)
    highest = int(labels.max())
    between = (labels > _MIDDLE[0] * highest) & (labels < _MIDDLE[1] * highest)
    # Soft edges and JPEG leave a few values in between; a second label leaves many.
    if between.sum() > _SOFT_EDGE * (labels > 0).sum():
        several = ", ".join(str(value) for value in np.unique(labels)[:5])
        raise DataError(
            file=path,
            problem=f"it holds several labels ({several} ...)",
            mend="Say by --label which one is the head.",
        )
    return np.asarray(labels > highest / 2)
