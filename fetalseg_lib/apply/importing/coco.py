"""Annotations in COCO's JSON: polygons, or run lengths that are not compressed.

The format: https://cocodataset.org/#format-data.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.apply.importing.folder import LabelledImage
from fetalseg_lib.data.read import read_content
from fetalseg_lib.data.sample import DataError, about, first_line

_MAX_CROSSINGS = 64
"""Of a polygon with a row of the image, on average: an outline crosses it twice."""

_AGAIN = "Export it again."
_FARTHEST = 1e6
"""No coordinate of an image lies beyond it."""


def read_coco(
    path: Path, images: Path, *, category: str | None = None
) -> tuple[list[LabelledImage], list[DataError]]:
    """Read the annotated heads of the images below the folder ``images``; returns them and problems.

    Only annotations of ``category`` count; it must be named where there are several. One head is expected
    in each image. Raises ``DataError`` where the file as a whole is no such JSON.
    """
    with about(path):
        content = _load(path)
        wanted = _category_id(content, category)
        segmentations: dict[str, list[Any]] = {}
        for record in _records(content, "annotations"):
            if wanted is None or _key(record.get("category_id")) == wanted:
                segmentations.setdefault(_key(record.get("image_id")), []).append(record.get("segmentation"))
        records = _records(content, "images")
    found, problems, seen = [], [], set()
    times = Counter(_key(record.get("id")) for record in records)
    for record in records:
        try:
            with about(path):
                image = _file_of(images, record)
            identity = _key(record.get("id"))
            heads = segmentations.get(identity, [])
            with about(image):
                if times[identity] > 1:
                    problem = f"{path.name} has {times[identity]} images with its id {identity}"
                    raise DataError(problem, "Export it again, an id for each image.")
                if len(heads) != 1:
                    problem = f"{path.name} has {len(heads)} heads for it, expected one"
                    raise DataError(problem, "Correct it, or leave the image out.")
                if image.resolve() in seen:
                    raise DataError(f"{path.name} lists it twice", "Keep one entry.")
            seen.add(image.resolve())
            found.append(LabelledImage(path=image, mask=partial(draw_mask, heads[0])))
        except DataError as error:
            problems.append(error)
    if strays := sorted(set(segmentations) - set(times)):
        problem = f"the heads of image_id {', '.join(strays[:5])} belong to none of its images"
        problems.append(DataError(problem, _AGAIN, file=path))
    return found, problems


def draw_mask(segmentation: object, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw polygons, or unfold run lengths, to bool ``H W``; raises ``DataError`` for anything else.

    A polygon is ``[x, y, x, y, ...]`` with the corner of the first pixel at (0, 0), several are drawn into
    one mask. Run lengths count down the columns, pixels outside first.

    >>> draw_mask({"size": [2, 3], "counts": [1, 2, 3]}, (2, 3)).astype(int)
    array([[0, 1, 0],
           [1, 0, 0]])
    """
    if isinstance(segmentation, Mapping):
        return _from_runs(segmentation, shape)
    if not isinstance(segmentation, list) or not segmentation:
        raise DataError("its segmentation is neither polygons nor run lengths", _AGAIN)
    mask = np.zeros(shape, dtype=np.bool_)
    for polygon in segmentation:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise DataError("a polygon is no list of three or more points x, y", _AGAIN)
        if not all(_is_number(value) for value in polygon):
            raise DataError("a polygon holds something that is no coordinate", _AGAIN)
        mask |= _filled(np.array(polygon, dtype=np.float64).reshape(-1, 2) - 0.5, shape)
    return mask


def _filled(points: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels whose centre lies within a polygon ``N 2`` of x, y: by where its edges cross the rows."""
    x, y = points.T
    x_end, y_end = np.roll(points, -1, axis=0).T
    ends = np.minimum(y, y_end), np.maximum(y, y_end)
    first, last = np.clip(np.ceil(ends), 0, shape[0]).astype(int)
    spans = last - first
    if spans.sum() > _MAX_CROSSINGS * shape[0]:
        raise DataError(f"a polygon of {len(points):,} points crosses its {shape[0]} rows too often", _AGAIN)
    edges = np.repeat(np.arange(len(points)), spans)
    rows = first[edges] + np.arange(len(edges)) - (np.cumsum(spans) - spans)[edges]
    across = x[edges] + (rows - y[edges]) * (x_end - x)[edges] / (y_end - y)[edges]
    columns = np.clip(np.ceil(across), 0, shape[1]).astype(int)
    crossings = np.bincount(rows * (shape[1] + 1) + columns, minlength=shape[0] * (shape[1] + 1))
    inside = np.cumsum(crossings.reshape(shape[0], -1), axis=1)[:, :-1] % 2 == 1
    return np.asarray(inside)


def _from_runs(runs: Mapping[str, Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    counts = runs.get("counts")
    if isinstance(counts, str):
        problem = "its run lengths are compressed, expected a list of numbers"
        raise DataError(problem, "Export polygons, or decode it first with pycocotools.")
    if runs.get("size") != list(shape):
        problem = f"its run lengths are for {runs.get('size')} pixels, the image has {list(shape)}"
        raise DataError(problem, _AGAIN)
    if not isinstance(counts, list) or not all(type(count) is int and count >= 0 for count in counts):
        raise DataError("its run lengths are no list of whole numbers from 0", _AGAIN)
    if sum(counts) != shape[0] * shape[1]:
        raise DataError(f"its run lengths add up to {sum(counts)}, expected {shape[0] * shape[1]}", _AGAIN)
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return values.reshape(shape, order="F")


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_content(path))
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        raise DataError(f"it cannot be read as JSON ({first_line(error)})", _AGAIN) from error
    if not isinstance(content, dict):
        raise DataError(f"expected a JSON object as COCO has it, got {type(content).__name__}", _AGAIN)
    return content


def _records(content: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    records = content.get(name)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise DataError(f"expected a list of objects {name!r}", _AGAIN)
    return records


def _category_id(content: Mapping[str, Any], category: str | None) -> str | None:
    """The id of the category wanted; ``None`` where all annotations are of one."""
    names = {_key(record.get("name")): _key(record.get("id")) for record in _records(content, "categories")}
    if category is None and len(names) <= 1:
        return None
    if category not in names:
        given = "none was chosen" if category is None else f"there is no {category!r}"
        raise DataError(f"its categories are {', '.join(names)}; {given}", "Choose one by --category.")
    return names[category]


def _file_of(images: Path, record: Mapping[str, Any]) -> Path:
    """The image that a record names, inside ``images`` and nowhere else."""
    name = record.get("file_name")
    if not isinstance(name, str) or not name or "\0" in name:
        raise DataError(f"an image has no file_name, got {name!r}", _AGAIN)
    file = images / name
    if "\\" in name and not file.exists():  # exported on Windows
        file = images / name.replace("\\", "/")
    if not file.resolve().is_relative_to(images.resolve()):
        raise DataError(f"the file_name {name!r} leads out of {images}", _AGAIN)
    return file


def _key(identity: object) -> str:
    """An id as a key. COCO's are numbers; some tools write one side as text or with a decimal point."""
    if isinstance(identity, float) and identity.is_integer():
        identity = int(identity)
    return identity if isinstance(identity, str) else repr(identity)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _FARTHEST
