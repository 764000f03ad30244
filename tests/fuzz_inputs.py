"""A valid file for every reader, how each is read, and how a file is damaged at random."""

from __future__ import annotations

import io
import json
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

from fetalseg_lib.apply.images import read_image_table
from fetalseg_lib.apply.importing.coco import read_coco
from fetalseg_lib.apply.prediction.table import blank_row, open_table
from fetalseg_lib.apply.reading.image_file import read_image, read_labels
from fetalseg_lib.apply.trained import read_network
from fetalseg_lib.data.hc18 import read_pair
from fetalseg_lib.data.layout import TRAINING, read_index
from fetalseg_lib.data.phantom.folder import draw_outline
from fetalseg_lib.data.read import read_gray
from fetalseg_lib.data.sample import DataError
from fetalseg_lib.geometry import Ellipse, rasterize
from fetalseg_lib.models import build_model
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.training.checkpoint import CheckpointError, save_weights

RNG = np.random.default_rng(0)
SHAPE = (30, 41)
GRAY = cv2.GaussianBlur(RNG.integers(0, 256, SHAPE, dtype=np.uint8), (0, 0), 2)
COLOUR = np.stack([GRAY, GRAY[::-1], GRAY[:, ::-1]], axis=-1)
HEAD = rasterize(Ellipse(center_x=20, center_y=15, semi_major=14, semi_minor=10, angle=0.2), SHAPE)
PROFILE = Path(__file__).parents[1] / "fetalseg_lib" / "study" / "profiles" / "smoke.yaml"


@dataclass(frozen=True, kw_only=True)
class Reader:
    """``valid`` gives whole files, ``read`` reads one in an empty folder or raises one of ``refusals``."""

    name: str
    valid: Callable[[], list[bytes]]
    read: Callable[[bytes, Path], object]
    refusals: tuple[type[Exception], ...] = (DataError,)
    text: bool = False


def by_path(read: Callable[[Path], object], name: str = "input") -> Callable[[bytes, Path], object]:
    def from_content(content: bytes, folder: Path) -> object:
        (folder / name).write_bytes(content)
        return read(folder / name)

    return from_content


# Valid files


def encoded(suffix: str, *images: np.ndarray) -> list[bytes]:
    return [cv2.imencode(suffix, image)[1].tobytes() for image in images]


def pillow(image: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, **options)  # type: ignore[arg-type]
    return file.getvalue()


def pngs() -> list[bytes]:
    palette = io.BytesIO()
    Image.fromarray(GRAY).convert("P").save(palette, "PNG")
    deep = GRAY.astype(np.uint16) * 257
    alpha = np.dstack([COLOUR, GRAY])
    return [*encoded(".png", GRAY, COLOUR, deep, alpha), palette.getvalue()]


def jpegs() -> list[bytes]:
    progressive = pillow(COLOUR, format="JPEG", progressive=True)
    return [*encoded(".jpg", GRAY, COLOUR), progressive]


def tiffs() -> list[bytes]:
    found = []
    for image, options in (
        (GRAY, {}),
        (GRAY.astype(np.uint16) * 200, {"photometric": "miniswhite"}),
        (GRAY, {"compression": "zlib", "tile": (16, 16)}),
        (COLOUR, {"photometric": "rgb", "byteorder": ">"}),
    ):
        file = io.BytesIO()
        tifffile.imwrite(file, image, **options)  # type: ignore[arg-type]
        found.append(file.getvalue())
    lzw = (pillow(GRAY, format="TIFF", compression=kind) for kind in ("tiff_lzw", "packbits", "jpeg"))
    return [*found, *lzw]


def dicoms() -> list[bytes]:
    import pydicom

    found = []
    for pixels, syntax in (
        (GRAY, pydicom.uid.ExplicitVRLittleEndian),
        (GRAY.astype(np.uint16) * 16, pydicom.uid.ImplicitVRLittleEndian),
        (COLOUR, pydicom.uid.ExplicitVRLittleEndian),
        (GRAY, pydicom.uid.RLELossless),
    ):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.SOPClassUID = pydicom.uid.UltrasoundImageStorage
        dataset.SOPInstanceUID = "1.2.3"
        kind = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
        dataset.set_pixel_data(np.ascontiguousarray(pixels), kind, 8 * pixels.dtype.itemsize)
        dataset.PixelSpacing = [0.2, 0.2]
        dataset.WindowCenter = dataset.WindowWidth = 100
        region = pydicom.Dataset()
        region.RegionSpatialFormat, region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection = 1, 3, 3
        region.PhysicalDeltaX = region.PhysicalDeltaY = 0.02
        dataset.SequenceOfUltrasoundRegions = [region]
        if syntax == pydicom.uid.RLELossless:
            dataset.compress(syntax)
        else:
            dataset.file_meta.TransferSyntaxUID = syntax
        file = io.BytesIO()
        dataset.save_as(file, enforce_file_format=True)
        found.append(file.getvalue())
    return found


def hc18_csvs() -> list[bytes]:
    lines = ["filename,pixel size(mm),head circumference (mm)"]
    lines += [f"{n:03d}_HC.png,0.{n + 1},{100 + n}.5" for n in range(4)]
    return ["\n".join(lines).encode(), "\r\n".join(lines).encode()]


def own_csvs() -> list[bytes]:
    full = b'filename,pixel size(mm),exam\na b.png,0.2,x\n"c ""d"".png",0.3,y\n'
    return [full, b"pixel size(mm) , filename\n1,a\n"]


def coco_files() -> list[bytes]:
    polygon = [[5, 5, 30, 6, 28, 25, 6, 24]]
    runs = {"size": list(SHAPE), "counts": [100, 200, SHAPE[0] * SHAPE[1] - 300]}
    content = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 41, "height": 30} for n in (1, 2)],
        "categories": [{"id": 1, "name": "head"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": polygon, "bbox": [5, 5, 25, 20]},
            {"id": 2, "image_id": 2, "category_id": 1, "segmentation": runs, "iscrowd": 1},
        ],
    }
    return [json.dumps(content).encode()]


def weights_files() -> list[bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w"
        config = {"variant": "unet", "network": {"base_width": 1}, "image_size": [32, 32], "data": "phantom"}
        save_weights(build_model("unet", base_width=1), path, {"config": json.dumps(config)})
        return [path.read_bytes()]


def predictions() -> list[bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "o.csv"
        with open_table(path, ["a.png", "=b.png"]) as table:
            provenance = {"weights_sha256": "0" * 64, "precision": "float32", "settings": "1"}
            table.add(
                [
                    blank_row(name, provenance=provenance, error="broken, or so")
                    for name in ("a.png", "=b.png")
                ]
            )
        return [path.read_bytes()]


# Reading


def picture(path: Path) -> object:
    found = read_image(path)
    assert found.pixels.dtype == np.uint8
    assert found.pixels.ndim == 2
    return found


def pair(content: bytes, folder: Path) -> object:
    (folder / "1_HC.png").write_bytes(encoded(".png", GRAY)[0])
    (folder / "1_HC_Annotation.png").write_bytes(content)
    return read_pair(folder / "1_HC.png")


def index(content: bytes, folder: Path) -> object:
    images = folder / TRAINING.folder
    images.mkdir(exist_ok=True)
    for n in range(3):
        (images / f"{n:03d}_HC.png").touch()
        (images / f"{n:03d}_HC_Annotation.png").touch()
    (folder / TRAINING.index).write_bytes(content)
    rows, problems = read_index(folder, TRAINING)
    assert rows["pixel_size_mm"].gt(0).all()
    return [str(problem) for problem in problems]


def coco(content: bytes, folder: Path) -> object:
    (folder / "coco.json").write_bytes(content)
    images, problems = read_coco(folder / "coco.json", folder)
    for image in images:
        assert image.path.resolve().is_relative_to(folder.resolve())
        try:
            image.mask(SHAPE)
        except DataError as error:
            problems.append(error)
    return problems


def table(content: bytes, folder: Path) -> object:
    (folder / "o.csv").write_bytes(content)
    (folder / "o.csv.unfinished").write_bytes(content[: len(content) // 2])
    try:
        with open_table(folder / "o.csv", ["a.png", "=b.png"]) as opened:
            return opened.get("a.png")
    finally:
        (folder / "o.csv.unfinished").unlink(missing_ok=True)


READERS = (
    Reader(name="PNG", valid=pngs, read=by_path(picture)),
    Reader(name="JPEG", valid=jpegs, read=by_path(picture)),
    Reader(name="TIFF", valid=tiffs, read=by_path(picture)),
    Reader(name="BMP", valid=lambda: encoded(".bmp", GRAY, COLOUR), read=by_path(picture)),
    Reader(name="DICOM", valid=dicoms, read=by_path(picture, "input.dcm")),
    Reader(name="mask", valid=pngs, read=by_path(read_labels)),
    Reader(name="HC18 PNG", valid=lambda: encoded(".png", GRAY), read=by_path(read_gray)),
    Reader(name="HC18 outline", valid=lambda: encoded(".png", draw_outline(HEAD)), read=pair),
    Reader(name="HC18 CSV", valid=hc18_csvs, read=index, text=True),
    Reader(name="own CSV", valid=own_csvs, read=by_path(read_image_table), text=True),
    Reader(name="COCO JSON", valid=coco_files, read=coco, text=True),
    Reader(
        name="profile YAML",
        valid=lambda: [PROFILE.read_bytes()],
        read=by_path(load_profile, "input.yaml"),
        refusals=(ValueError,),
        text=True,
    ),
    Reader(
        name="weights",
        valid=weights_files,
        read=by_path(read_network),
        refusals=(CheckpointError,),
        text=True,
    ),
    Reader(name="prediction CSV", valid=predictions, read=table, refusals=(ValueError,), text=True),
)


# Damage

WORDS = (
    *(b"", b"0", b"-1", b"nan", b"inf", b"1e999", b"99999999999999999999", b"null", b"true", b"[]", b"{}"),
    *(
        b'""',
        b'"',
        b",",
        b"\n",
        b"\0",
        b"=1+1",
        b"../../x",
        b"/etc/passwd",
        b"\xff\xfe",
        b"[[[[[[",
        b"&a",
        b"*a",
    ),
    *(b"!!python/object/apply:os.getcwd []", "😀".encode(), b"a" * 300),
)
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 100_000)


def mutate(rng: np.random.Generator, valid: Sequence[bytes], *, text: bool) -> bytes:
    """One of the valid files after one to three changes; of a PNG half the time with mended checksums."""
    content = bytearray(valid[rng.integers(len(valid))])
    for _ in range(rng.integers(1, 4)):
        if not content:
            break
        changes = (_bits, _cut, _drop, _repeat, _number, _splice, *((_word,) * 4 if text else ()))
        content = changes[rng.integers(len(changes))](rng, content, valid)
    if content.startswith(b"\x89PNG") and rng.random() < 0.5:
        content = _mend_checksums(content)
    return bytes(content)


def _at(rng: np.random.Generator, content: bytearray) -> int:
    """A place, half the time near the beginning, where headers are."""
    end = len(content) if rng.random() < 0.5 else min(len(content), 200)
    return int(rng.integers(end))


def _bits(rng: np.random.Generator, content: bytearray, valid: Sequence[bytes]) -> bytearray:
    for _ in range(rng.integers(1, 4)):
        content[_at(rng, content)] ^= 1 << int(rng.integers(8))
    return content


def _cut(rng: np.random.Generator, content: bytearray, valid: Sequence[bytes]) -> bytearray:
    return content[: rng.integers(len(content) + 1)] if rng.random() < 0.2 else content


def _drop(rng: np.random.Generator, content: bytearray, valid: Sequence[bytes]) -> bytearray:
    start = _at(rng, content)
    del content[start : start + int(rng.integers(1, 30))]
    return content


def _repeat(rng: np.random.Generator, content: bytearray, valid: Sequence[bytes]) -> bytearray:
    start = _at(rng, content)
    piece = content[start : start + int(rng.integers(1, 60))]
    content[start:start] = piece * int(rng.integers(1, 20))
    return content


def _number(rng: np.random.Generator, content: bytearray, valid: Sequence[bytes]) -> bytearray:
    start, size = _at(rng, content), int(rng.choice([1, 2, 4]))
    value = NUMBERS[rng.integers(len(NUMBERS))] % 256**size
    content[start : start + size] = value.to_bytes(size, "little" if rng.random() < 0.5 else "big")
    return content


def _splice(rng: np.random.Generator, content: bytearray, valid: Sequence[bytes]) -> bytearray:
    other = valid[rng.integers(len(valid))]
    at = int(rng.integers(len(other)))
    start = _at(rng, content)
    content[start : start + 20] = other[at : at + int(rng.integers(1, 60))]
    return content


def _word(rng: np.random.Generator, content: bytearray, valid: Sequence[bytes]) -> bytearray:
    """Replace a word or number of a text by one that is special."""
    words = list(re.finditer(rb"[\w.+-]+|[^\w\s]", content[:20_000]))
    if words:
        word = words[rng.integers(len(words))]
        content[word.start() : word.end()] = WORDS[rng.integers(len(WORDS))]
    return content


def _mend_checksums(content: bytearray) -> bytearray:
    """Give every chunk that still has its length the CRC of what it holds now."""
    at = 8
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if end + 4 > len(content):
            break
        content[end : end + 4] = zlib.crc32(content[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return content
