"""Small files that ask for much: each is refused before it takes memory or time, in a process of its own."""

from __future__ import annotations

import io
import re
import resource
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from killing import ask
from PIL import Image

from fetalseg_lib.apply.reading.image_file import read_image
from fetalseg_lib.data.sample import DataError

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")
from pydicom.encaps import encapsulate  # noqa: E402

MIB = 2**20
ALLOWED = 400 * MIB
"""Above what the process has: room for a file of 80 MB and its copies, not for gigabytes."""

SECONDS = 30


def problem_of(path: Path) -> str | None:
    """What is wrong with an image, found with little memory and time: more would end the process."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + ALLOWED,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        read_image(path)
    except DataError as error:
        return error.problem
    return None


def element(tag: tuple[int, int], vr: bytes, value: bytes) -> bytes:
    long = vr in (b"OB", b"OW", b"SQ", b"UN")
    return (
        struct.pack("<HH2s", *tag, vr)
        + struct.pack("<HI" if long else "<H", *([0] * long), len(value))
        + value
    )


def dicom(
    pixels: bytes,
    syntax: str = "1.2.840.10008.1.2.1",
    *,
    before: bytes = b"",
    meta: bytes = b"",
    side: int = 10,
    deflate: bool = False,
) -> bytes:
    """A file written by hand, so that anything can stand in it; ``before`` goes before the image's size."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    size = struct.pack("<H", side)
    body = before + b"".join(
        [
            element((0x28, 2), b"US", b"\1\0"),
            element((0x28, 4), b"CS", b"MONOCHROME2 "),
            *(element((0x28, number), b"US", size) for number in (0x10, 0x11)),
            *(element((0x28, number), b"US", b"\x08\0") for number in (0x100, 0x101)),
            element((0x28, 0x102), b"US", b"\x07\0"),
            element((0x28, 0x103), b"US", b"\0\0"),
        ]
    )
    if syntax == "1.2.840.10008.1.2.1" or deflate:
        body += element((0x7FE0, 0x10), b"OW", pixels)
    else:
        coded = encapsulate([pixels + b"\0" * (len(pixels) % 2)])
        body += (
            struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF) + coded + b"\xfe\xff\xdd\xe0\0\0\0\0"
        )
    if deflate:
        packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
        body = packer.compress(body) + packer.flush()
    start = meta + element((2, 0x10), b"UI", uid)
    return bytes(128) + b"DICM" + element((2, 0), b"UL", struct.pack("<I", len(start))) + start + body


def deflated() -> bytes:
    """Its coding stands behind 70 kB of header; it grows from half a megabyte to five hundred."""
    header = element((2, 1), b"OB", bytes(70_000))
    return dicom(bytes(500 * MIB), "1.2.840.10008.1.2.1.99", meta=header, deflate=True)


def run_lengths(side: int, megabytes: int) -> bytes:
    header = struct.pack("<16L", 1, 64, *[0] * 14)
    return dicom(header + b"\x81\x07" * (megabytes * MIB // 2), "1.2.840.10008.1.2.5", side=side)


def pillow(side: int, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("L", (side, side)).save(file, **options)  # type: ignore[arg-type]
    return file.getvalue()


def regions(number: int, *, undefined: bool) -> bytes:
    items = b"\xfe\xff\x00\xe0\0\0\0\0" * number
    if not undefined:
        return element((0x18, 0x6011), b"SQ", items)
    return struct.pack("<HH2sHI", 0x18, 0x6011, b"SQ", 0, 0xFFFFFFFF) + items + b"\xfe\xff\xdd\xe0\0\0\0\0"


def palette() -> bytes:
    """Lines of 65,535 colours, six bytes each."""
    return element((0x28, 0x1221), b"OW", struct.pack("<3H", 1, 65_535, 0) * 10_000)


def private(kind: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sHI", 9, 0x10, kind, 0, 0xFFFFFFFF) + value


def tiff_tile(width: int, height: int) -> bytes:
    """A TIFF of 16 x 16 px whose one tile is declared far larger."""
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((16, 16), np.uint8), tile=(16, 16), compression="zlib")
    content = file.getvalue()
    for tag, size in ((322, width), (323, height)):
        for kind in (3, 4):
            entry = struct.pack("<HHII", tag, kind, 1, 16)
            content = content.replace(entry, struct.pack("<HHII", tag, 4, 1, size))
    return content


ZEROS = bytes(100)
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "DICOM deflated behind a long header": (deflated, "deflated"),
    "DICOM run lengths beyond the pixels": (lambda: run_lengths(10, 80), "far longer than its 100 pixels"),
    "DICOM run lengths that unfold": (lambda: run_lengths(4000, 30), "far longer than its 16,000,000 pixels"),
    "DICOM JPEG larger than it says": (
        lambda: dicom(pillow(20_000, format="JPEG"), "1.2.840.10008.1.2.4.50"),
        "20000 x 20000 rows and columns, the file says 10 x 10",
    ),
    "DICOM JPEG 2000 larger than it says": (
        lambda: dicom(pillow(4000, format="JPEG2000", no_jp2=True), "1.2.840.10008.1.2.4.90"),
        "4000 x 4000 rows and columns, the file says 10 x 10",
    ),
    "DICOM half a million regions": (
        lambda: dicom(ZEROS, before=regions(500_000, undefined=False)),
        "absurdly many regions",
    ),
    "DICOM half a million open regions": (
        lambda: dicom(ZEROS, before=regions(500_000, undefined=True)),
        "too many elements",
    ),
    "DICOM five million elements": (
        lambda: dicom(ZEROS, before=element((9, 0x10), b"CS", b"") * 5_000_000),
        "too many elements",
    ),
    "DICOM an open element of 64 MB": (
        lambda: dicom(ZEROS, before=private(b"OB", bytes(64 * MIB))),
        "DICOM|no image|too many",
    ),
    "DICOM an open sequence of 64 MB": (
        lambda: dicom(ZEROS, before=private(b"UN", bytes(64 * MIB))),
        "DICOM|no image|too many",
    ),
    "DICOM a palette of lines": (lambda: dicom(ZEROS, before=palette()), "absurdly many colours"),
    "TIFF a tile of gigabytes": (lambda: tiff_tile(40_000, 40_000), "declares 40000 x 40000 pixels"),
    "TIFF a tile far larger than the image": (lambda: tiff_tile(5_008, 5_008), "far larger than the image"),
}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits memory as Linux counts it")
@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory_or_time(kind: str, tmp_path: Path) -> None:
    make, message = BOMBS[kind]
    path = tmp_path / "bomb"
    path.write_bytes(make())
    problem = ask(problem_of, path)
    assert re.search(message, problem), problem
    assert "\n" not in problem
