"""Images and masks at the network's size as memory maps, so that PNGs are read once and not once an epoch.

A cache is a folder, named after a hash of all that its content depends on. It is built under another
name and renamed when it is whole: whoever kills a build, or runs two at a time, leaves no half of one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from fetalseg_lib.data.resize import resize_image, resize_mask
from fetalseg_lib.data.sample import LazySamples, Sample
from fetalseg_lib.files import flush, flush_names, naming

FORMAT = 2
"""Raised whenever the same files would give other content: 2 is the ellipse fit without OpenCV."""
_STALE_SECONDS = 24 * 3600
_COLUMNS = ["name", "exam", "pixel_size_mm", "hc_mm", "native_height", "native_width"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cache:
    """Samples at one input size; row ``i`` of every part is sample ``i``.

    ``images`` is uint8 ``N H W``, ``masks`` uint8 ``N H W`` of 0 and 1, both read-only memory maps;
    ``index`` has the columns ``name, exam, pixel_size_mm, hc_mm, native_height, native_width``;
    ``content_sha256`` names the content, wherever and whenever it was built.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    index: pd.DataFrame
    content_sha256: str
    directory: Path
    packed: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self.images.shape[1], self.images.shape[2]

    def native_mask(self, row: int) -> NDArray[np.bool_]:
        """The mask of one row at native resolution, bool ``H0 W0``."""
        height, width = self.index[["native_height", "native_width"]].to_numpy()[row]
        bits = np.unpackbits(self.packed[self.offsets[row] : self.offsets[row + 1]], count=height * width)
        return bits.reshape(height, width).astype(bool)


def build(
    samples: Sequence[Sample], *, image_size: tuple[int, int], directory: str | Path, progress: bool = False
) -> Cache:
    """Open the cache of ``samples`` at ``image_size`` (height, width), or build it in ``directory``.

    Samples with a ``fingerprint`` (HC18, phantoms) are not touched when their cache is there. Raises
    ``ValueError`` for samples without a mask.
    """
    if len(samples) == 0 or min(image_size) < 1:
        raise ValueError(f"expected samples and a positive image_size, got {len(samples)} and {image_size}")
    key = _key(samples, image_size)
    folder = Path(directory) / f"{image_size[0]}x{image_size[1]}-{key[:16]}"
    if (cache := _open(folder, key)) is not None:
        return cache
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder.parent)
    logger.info("building the cache %s of %d samples", folder, len(samples))
    draft = _draft(folder.parent)
    try:
        with naming(folder):
            _write(draft, samples, image_size, key, progress=progress)
        _publish(draft, folder, key)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if (cache := _open(folder, key)) is None:
        raise OSError(f"{folder}: the cache was written but cannot be read back; is the disk full?")
    return cache


def _key(samples: Sequence[Sample], image_size: tuple[int, int]) -> str:
    """Hash all that the content depends on: the samples, the size, the code's format and OpenCV's resize."""
    if isinstance(samples, LazySamples):
        source: Mapping[str, object] = samples.fingerprint()
    else:
        source = {"kind": "samples", "sha256": _content_of(samples)}
    settings = {"format": FORMAT, "image_size": image_size, "opencv": cv2.__version__, "source": source}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _content_of(samples: Sequence[Sample]) -> str:
    digest = hashlib.sha256()
    for sample in samples:
        known = (sample.name, sample.exam, sample.shape, sample.pixel_size_mm, sample.hc_mm)
        digest.update(repr(known).encode())
        digest.update(sample.image.tobytes())
        digest.update(b"" if sample.mask is None else sample.mask.tobytes())
    return digest.hexdigest()


def _write(
    draft: Path, samples: Sequence[Sample], image_size: tuple[int, int], key: str, *, progress: bool
) -> None:
    """Fill the folder ``draft``; written and not mapped, since a full disk kills a process that maps."""
    rows, offsets = [], [0]
    digest = hashlib.sha256()
    with (
        (draft / "images.npy").open("wb") as images,
        (draft / "masks.npy").open("wb") as masks,
        (draft / "native_masks.bin").open("wb") as native,
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(samples), *image_size)}
        for file in (images, masks):
            np.lib.format.write_array_header_1_0(file, header)
        for i in tqdm(range(len(samples)), desc="caching", unit="image", disable=not progress):
            sample = samples[i]
            if sample.mask is None:
                raise ValueError(f"samples: expected a mask with each, got none with {sample.name}")
            packed = np.packbits(sample.mask)
            offsets.append(offsets[-1] + packed.size)
            rows.append((sample.name, sample.exam, sample.pixel_size_mm, sample.hc_mm, *sample.shape))
            image, mask = resize_image(sample.image, image_size), resize_mask(sample.mask, image_size)
            for file, part in ((images, image), (masks, mask.astype(np.uint8)), (native, packed)):
                file.write(part.tobytes())
                digest.update(part.tobytes())
    digest.update(json.dumps(rows).encode())
    meta = {"key": key, "content_sha256": digest.hexdigest(), "offsets": offsets, "index": rows}
    (draft / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    flush(draft)


def _publish(draft: Path, folder: Path, key: str) -> None:
    """Give the whole cache its name, unless another process was faster."""
    for _ in range(2):
        try:
            draft.rename(folder)
        except OSError:
            if _open(folder, key) is not None:
                return
            broken = _draft(folder.parent)
            folder.rename(broken / "cache")
            shutil.rmtree(broken, ignore_errors=True)
        else:
            flush_names(folder.parent)
            return


def open_folder(folder: str | Path) -> Cache:
    """Open a cache where the images themselves need not be; ``ValueError`` where no whole one lies there."""
    if (cache := _open(Path(folder), key=None)) is None:
        raise ValueError(f"{folder}: expected the folder of a whole cache (meta.json, ...), got none")
    return cache


def _open(folder: Path, key: str | None) -> Cache | None:
    """Open a cache, or return ``None`` where there is none that is whole, undamaged and of this key."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        offsets = np.array(meta["offsets"], dtype=np.int64)
        if key not in (None, meta["key"]) or (folder / "native_masks.bin").stat().st_size != offsets[-1]:
            return None
        index = pd.DataFrame(meta["index"], columns=_COLUMNS)
        cache = Cache(
            images=np.load(folder / "images.npy", mmap_mode="r"),
            masks=np.load(folder / "masks.npy", mmap_mode="r"),
            index=index.astype({"hc_mm": "float64"}),  # all unknown would be objects
            content_sha256=meta["content_sha256"],
            directory=folder,
            packed=np.memmap(folder / "native_masks.bin", dtype=np.uint8, mode="r"),
            offsets=offsets,
        )
        if _digest_of(cache, meta["index"]) != cache.content_sha256:
            logger.warning("%s: the cache is damaged and is not used", folder)
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return cache


def _digest_of(cache: Cache, rows: object) -> str:
    """The sha256 of what lies there now: a record is to name the data that was used."""
    digest = hashlib.sha256()  # 0.13 s for HC18 at 256 px
    for i in range(len(cache)):
        native = cache.packed[cache.offsets[i] : cache.offsets[i + 1]]
        for part in (cache.images[i], cache.masks[i], native):
            digest.update(part.tobytes())
    digest.update(json.dumps(rows).encode())
    return digest.hexdigest()


def _draft(directory: Path) -> Path:
    draft = directory / f".draft-{uuid.uuid4().hex}"
    draft.mkdir()
    return draft


def _sweep(directory: Path) -> None:
    """Remove the drafts that killed builds left, once they are too old to be anyone's work."""
    for draft in directory.glob(".draft-*"):
        try:
            stale = time.time() - draft.stat().st_mtime > _STALE_SECONDS
        except FileNotFoundError:
            continue
        if stale:
            shutil.rmtree(draft, ignore_errors=True)
