"""A cache small enough to carry to a machine that has an accelerator and not the images.

``pack`` writes one file of lossless WebP, packed masks and the encoder's weights, ``unpack`` makes the same
bytes of it again, and says so by the cache's own digest::

    python tools/accelerator/carry.py pack CARRIED.zip --size 256     # where HC18 lies
    python tools/accelerator/carry.py unpack CARRIED.zip FOLDER       # where the accelerator is
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.data import cache as cache_module
from fetalseg_lib.data import hc18
from fetalseg_lib.data.cache import Cache
from fetalseg_lib.models.weights import WEIGHTS_VARIABLE
from fetalseg_lib.study.folds import cache_folder
from fetalseg_lib.study.source import source_digest

ROOT = Path(__file__).parents[2]
CACHE, WEIGHTS = "cache", "mobilenet_v2_imagenet.safetensors"


def pack(path: Path, *, side: int, weights: Path) -> None:
    """Write HC18's cache at ``side`` x ``side`` px and the encoder's weights as one file."""
    if changes := _git("status", "--porcelain", "--untracked-files=no", "--", "fetalseg_lib"):
        raise ValueError(
            f"fetalseg_lib: expected the committed library, got changes; commit them:\n{changes}"
        )
    cache = cache_module.build(hc18.load(), image_size=(side, side), directory=cache_folder())
    write(path, cache, weights, commit=_git("rev-parse", "HEAD"))


def write(path: Path, cache: Cache, weights: Path, *, commit: str) -> None:
    """Write a cache and the encoder's weights as one file."""
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(_webp, cache.images))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("commit", commit)
        file.writestr("source", source_digest())
        file.writestr("meta.json", (cache.directory / "meta.json").read_bytes(), zipfile.ZIP_LZMA)
        file.writestr("masks", np.packbits(cache.masks).tobytes(), zipfile.ZIP_LZMA)
        file.writestr("native_masks", np.asarray(cache.packed).tobytes(), zipfile.ZIP_LZMA)
        file.writestr("weights", weights.read_bytes(), zipfile.ZIP_LZMA)
        for i, image in enumerate(images):
            file.writestr(_member(i), image)


def unpack(path: Path, folder: Path) -> str | None:
    """Write ``folder``/cache and ``folder``'s weights; returns the commit of the library.

    It is the one that was packed, or ``None`` where the library's code here is other than it was then.

    Raises ``ValueError`` where the content is not what the cache's own digest says.
    """
    with zipfile.ZipFile(path) as file:
        commit, weights = file.read("commit").decode(), file.read("weights")
        is_same = "source" in file.namelist() and file.read("source").decode() == source_digest()
        packed_masks, native = np.frombuffer(file.read("masks"), np.uint8), file.read("native_masks")
        meta = json.loads(text := file.read("meta.json"))
        images = np.stack([_pixels(file.read(_member(i))) for i in range(len(meta["index"]))])
    masks = np.unpackbits(packed_masks, count=images.size).reshape(images.shape)
    digest, offsets = hashlib.sha256(), meta["offsets"]
    for i, (image, mask) in enumerate(zip(images, masks, strict=True)):
        for part in (image.tobytes(), mask.tobytes(), native[offsets[i] : offsets[i + 1]]):
            digest.update(part)
    digest.update(json.dumps(meta["index"]).encode())
    if digest.hexdigest() != meta["content_sha256"]:
        raise ValueError(f"{path}: the images are not those that were packed")
    (folder / CACHE).mkdir(parents=True, exist_ok=True)
    np.save(folder / CACHE / "images.npy", images)
    np.save(folder / CACHE / "masks.npy", masks)
    (folder / CACHE / "native_masks.bin").write_bytes(native)
    (folder / CACHE / "meta.json").write_bytes(text)
    (folder / WEIGHTS).write_bytes(weights)
    return commit if is_same else None


def _member(row: int) -> str:
    return f"images/{row:04d}.webp"


def _webp(image: NDArray[np.uint8]) -> bytes:
    ok, encoded = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])  # above 100: lossless
    if not ok or not np.array_equal(_pixels(encoded.tobytes()), image):
        raise ValueError("an image does not come back from lossless WebP; is this OpenCV built with it?")
    return bytes(encoded.tobytes())


def _pixels(encoded: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main() -> None:
    """Pack or unpack."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="write one file of all that a training needs")
    packing.add_argument("path", type=Path)
    packing.add_argument("--size", type=int, default=256, help="side of the network's input in px")
    unpacking = commands.add_parser("unpack", help="make the cache and the weights of it again")
    unpacking.add_argument("path", type=Path)
    unpacking.add_argument("folder", type=Path)
    options = parser.parse_args()
    if options.command == "pack":
        weights = os.environ.get(WEIGHTS_VARIABLE)
        if not weights:
            parser.error(f"{WEIGHTS_VARIABLE}: expected the file of the encoder's weights, got nothing")
        pack(options.path, side=options.size, weights=Path(weights))
    else:
        print(unpack(options.path, options.folder))


if __name__ == "__main__":
    main()
