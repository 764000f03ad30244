"""Read a grey PNG and be sure that it is whole.

Decoders differ in what they make of a file that a broken download cut short: some return the part they
have, the rest black. The chunks' own checksums tell, so they are looked at first.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.data.limits import check_size, read_content
from fetalseg_lib.data.sample import DataError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIZE_AT = len(_SIGNATURE) + 8
_AGAIN = "Replace it by an intact copy; HC18's own comes by `fetalseg data download` once it is deleted."


def read_gray(path: Path) -> NDArray[np.uint8]:
    """Read a PNG as uint8 ``H W``; ``DataError`` where it is missing, no PNG, too large, cut or damaged."""
    content = read_content(path)
    _check_chunks(path, content)
    width, height = struct.unpack_from(">II", content, _SIZE_AT)
    check_size(width, height, file=path)
    try:
        decoded: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        decoded = None
    if decoded is None or decoded.shape != (height, width):
        raise DataError(file=path, problem="the PNG cannot be decoded", mend=_AGAIN)
    image: NDArray[np.uint8] = decoded
    return image


def _check_chunks(path: Path, content: bytes) -> None:
    """Walk the chunks (length, type, data, CRC-32 of type and data) up to the closing ``IEND``."""
    if not content.startswith(_SIGNATURE):
        raise DataError(file=path, problem=f"it is no PNG (it starts with {content[:8]!r})", mend=_AGAIN)
    if content[len(_SIGNATURE) : _SIZE_AT] != b"\0\0\0\rIHDR":  # 13 bytes, the size first
        raise DataError(file=path, problem="the PNG does not begin with its header", mend=_AGAIN)
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        if at + 12 > len(content):
            raise DataError(file=path, problem=f"the PNG is cut short at {len(content)} bytes", mend=_AGAIN)
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            raise DataError(file=path, problem=f"the PNG is cut short at {len(content)} bytes", mend=_AGAIN)
        if zlib.crc32(content[at + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            raise DataError(file=path, problem=f"the PNG is damaged near byte {at}", mend=_AGAIN)
        at = end + 4
