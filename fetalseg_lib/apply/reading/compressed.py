"""How much compressed pixels unfold to: asked of the code itself, before anything is decoded.

A compressed frame of a DICOM file has a size of its own beside the rows and columns that the file declares,
and decoders follow that one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from fetalseg_lib.data.sample import DataError

MAX_SCANS = 100
"""Of a JPEG, as in libtiff's decoder. Encoders write one, or about ten where the image is progressive."""


def check_scans(content: bytes) -> None:
    """Raise ``DataError`` for a JPEG of more than :data:`MAX_SCANS` scans: each costs time for all pixels."""
    # The marker of a scan (ITU-T T.81 B.1.1.3) stands nowhere in the coded pixels: a zero follows FF there.
    if (scans := content.count(b"\xff\xda")) > MAX_SCANS:
        problem = f"it has {scans:,} scans, expected at most {MAX_SCANS}"
        raise DataError(problem, "Open it in an image program and save it anew.")


EXPORT = "Export the frame from the scanner or its viewer as PNG, and give --pixel-size."
_J2K = b"\xff\x4f\xff\x51"
"""Start of a JPEG 2000 codestream and its size (ITU-T T.800, A.4 and A.5)."""
_MAX_TILES = 4096
_MAX_COLOURS, _COPIES = 2**20, 2
_START_OF_SCAN, _JPEG_LS = 0xDA, 0xF7
_NO_FRAME = (0xC4, 0xC8, 0xCC)
"""Between FF C0 and FF CF, all others begin a frame (ITU-T T.81, B.1.1.3)."""


def check_jpeg(code: bytes, *, rows: int, columns: int) -> None:
    """Raise ``DataError`` for a JPEG, JPEG-LS or JPEG 2000 that is not of ``rows`` and ``columns``."""
    if _J2K in code:
        sizes = list(_sizes_of_jpeg_2000(code))
    else:
        check_scans(code)
        sizes = list(_sizes_of_jpeg(code))
    if sizes != [(rows, columns)]:
        found = " and ".join(f"{height} x {width}" for height, width in sizes[:3]) or "none"
        problem = f"its compressed image has {found} rows and columns, the file says {rows} x {columns}"
        raise DataError(problem, EXPORT)


def _sizes_of_jpeg(code: bytes) -> Iterator[tuple[int, int]]:
    """Rows and columns of each frame header before the first scan."""
    at = 2
    while 0 <= (at := code.find(b"\xff", at)) <= len(code) - 9:
        marker = code[at + 1]
        if marker in (0x00, 0xFF):  # no marker but stuffing
            at += 1
            continue
        if marker == _START_OF_SCAN:
            return
        if (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME) or marker == _JPEG_LS:
            yield struct.unpack_from(">HH", code, at + 5)
        at += 2 + int.from_bytes(code[at + 2 : at + 4], "big")


def _sizes_of_jpeg_2000(code: bytes) -> Iterator[tuple[int, int]]:
    at = -1
    while (at := code.find(_J2K, at + 1)) >= 0:
        if at + 40 > len(code):
            return
        right, bottom, left, top, across, down = struct.unpack_from(">6I", code, at + 8)
        size = (bottom - top, right - left)
        if min(across, down) > 0 and -(-size[0] // down) * -(-size[1] // across) <= _MAX_TILES:
            yield size


def check_runs(code: bytes, *, pixels: int) -> None:
    """Raise ``DataError`` for run lengths (PS3.5, G) of which a segment unfolds to far more than ``pixels``.

    >>> check_runs(bytes([1, *bytes(3), 64, *bytes(59)]) + bytes([253, 7]), pixels=4)
    """
    count = int.from_bytes(code[:4], "little")
    starts = struct.unpack_from("<15I", code.ljust(64, b"\0"), 4)[: min(count, 15)]
    most = 2 * pixels + 1024  # some encoders pad
    for start, end in zip(starts, [*starts[1:], len(code)], strict=True):
        if end - start > most or _unfolded(code[start:end], most) > most:
            problem = f"a segment of its run lengths is far longer than its {pixels:,} pixels"
            raise DataError(problem, EXPORT)


def _unfolded(segment: bytes, most: int) -> int:
    at = size = 0
    while at < len(segment) and size <= most:
        run = segment[at]
        if run < 128:
            at, size = at + run + 2, size + run + 1
        elif run > 128:
            at, size = at + 2, size + 257 - run
        else:
            at += 1
    return size


def check_segments(code: bytes) -> None:
    """Raise ``DataError`` for a segmented palette (PS3.3, C.7.9.2) of more colours than any palette has."""
    for kind in ("<u1", "<u2"):  # which of them it is stands elsewhere: both must be harmless
        words = np.frombuffer(code[: len(code) // 2 * 2], kind)
        at = colours = longest = 0
        while at + 1 < len(words) and colours <= _MAX_COLOURS:
            kind_of, length = int(words[at]), int(words[at + 1])
            size = length * longest if kind_of == _COPIES else length
            longest = max(longest, size)
            colours += size
            at += {0: 2 + length, 1: 3, _COPIES: 4}.get(kind_of, len(words))
        if colours > _MAX_COLOURS:
            raise DataError("its palette has absurdly many colours", EXPORT)
