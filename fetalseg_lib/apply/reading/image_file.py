"""Read one image file of a common kind as grey, and refuse what is broken, absurdly large or ambiguous."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from fetalseg_lib.apply.reading import dicom
from fetalseg_lib.apply.reading.compressed import check_scans
from fetalseg_lib.data.read import check_size, read_content
from fetalseg_lib.data.sample import DataError, about, first_line

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".dcm", ".dicom")
"""What a file must end with to be taken from a folder; a file that is named is read whatever it ends with."""

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_SIXTEEN_BIT = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, "white is zero"
"""A tag of TIFF 6.0, section 4; where it is 0, Pillow turns greys of 8 bits, but not those of 16."""

_TILE, _USUAL_TILE = (322, 323), 1024
"""The tags of a tile's width and length, multiples of 16 (TIFF 6.0, section 15)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GrayImage:
    """An image as uint8 ``H W``, and what its file says of it.

    ``pixel_spacing_mm`` is the height and width of a pixel ``(rows, columns)``. Only DICOM tells it itself;
    where somebody else told it, ``spacing_is_own`` is false. ``sha256`` is that of the file.
    """

    pixels: NDArray[np.uint8]
    pixel_spacing_mm: tuple[float, float] | None
    sha256: str
    spacing_is_own: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]


def read_image(path: Path, *, frame: int | None = None) -> GrayImage:
    """Read a PNG, JPEG, TIFF, BMP or DICOM file: 8 or 16 bit, grey or colour, of one frame.

    Of a clip in DICOM ``frame`` chooses one, counted from 1. The content tells the format, not the name.
    Colour becomes luminance (ITU-R BT.601), what is transparent becomes black, and a photograph is turned as
    its camera noted. In 16-bit grey, white is the largest number of as many bits as the largest pixel needs,
    since 10 and 12 bits are often stored so. Raises ``DataError`` naming the file and the mend.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "dot.bmp"
    >>> Image.new("RGB", (3, 2), "red").save(path)
    >>> read_image(path).pixels
    array([[76, 76, 76],
           [76, 76, 76]], dtype=uint8)
    """
    content = read_content(path)
    with about(path):
        if _is_dicom(content, path):
            pixels, spacing = dicom.read(content, frame=frame)
        else:
            pixels, spacing = _decode(content), None
    return GrayImage(pixels=pixels, pixel_spacing_mm=spacing, sha256=hashlib.sha256(content).hexdigest())


def count_frames(path: Path) -> int:
    """How many frames a file holds: several only where it is a clip in DICOM, 1 where it cannot be read."""
    try:
        content = read_content(path)
    except DataError:
        return 1
    return dicom.count_frames(content) if _is_dicom(content, path) else 1


def _is_dicom(content: bytes, path: Path) -> bool:
    return dicom.is_dicom(content) or path.suffix.lower() in (".dcm", ".dicom")


def read_labels(path: Path) -> NDArray[np.int64]:
    """Read an image of labels, such as a filled mask, as the numbers that are stored, ``H W``.

    A palette's numbers are kept, not its colours; of colour images only grey ones (equal channels) make
    sense. Raises ``DataError`` as :func:`read_image`.
    """
    with about(path), _open(read_content(path)) as image:
        if image.mode in ("1", "L", "P", *_SIXTEEN_BIT):
            return np.array(image, dtype=np.int64)
        channels = np.array(image.convert("RGB"), dtype=np.int64)  # (H, W, 3)
        alpha = np.array(image.getchannel("A")) if "A" in image.getbands() else np.zeros(1)
        if alpha.min() < alpha.max() and (channels == channels[0, 0]).all():
            problem = "it has one colour all over: the mask lies in its transparency (alpha channel)"
            raise DataError(problem, "Export the mask as a grey PNG without transparency.")
        if (channels != channels[..., :1]).any():
            problem = "it is a colour image, expected one number a pixel"
            raise DataError(problem, "Export the mask as a grey or palette PNG.")
    labels: NDArray[np.int64] = channels[..., 0]
    return labels


def _decode(content: bytes) -> NDArray[np.uint8]:
    with _open(content) as image:
        if image.mode in _SIXTEEN_BIT:
            gray = _from_16_bit(np.asarray(image))
            return np.uint8(255) - gray if image.info.get(_WHITE_IS_ZERO) else gray
        if image.mode == "F":
            problem = "its pixels are floating-point numbers, expected 8 or 16 bits"
            raise DataError(problem, "Save it as an 8-bit PNG.")
        if image.has_transparency_data:
            shown = image.convert("RGBA")
            if shown.getchannel("A").getextrema() == (0, 0):
                problem = "it is wholly transparent, so there is nothing to see"
                raise DataError(problem, "Save it anew without transparency.")
            black = Image.new("RGBA", image.size, "black")
            return np.array(Image.alpha_composite(black, shown).convert("L"), dtype=np.uint8)
        # By way of RGB, because a palette's or a printer's colours have no luminance of their own.
        return np.array(image if image.mode == "L" else image.convert("RGB").convert("L"), dtype=np.uint8)


_OTHERS = (
    (8, b"WEBP", "WebP"),
    (0, b"GIF8", "GIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypavif", "AVIF"),
)
"""Kinds of images that people have, each by the bytes at a place."""


def _open(content: bytes) -> Image.Image:
    """Decode with Pillow, once it is sure that the image is whole, single and not too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow only warns of is refused below
            with Image.open(io.BytesIO(content), formats=_FORMATS) as header:
                check_size(header.width, header.height)
                if isinstance(header, TiffImagePlugin.TiffImageFile):
                    _check_tiles(header)
                if header.format in ("JPEG", "MPO"):
                    check_scans(content)
                _check_single(header)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as header:
                header.verify()  # the checksums of a PNG, which decoding alone does not look at
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            image.load()
            if isinstance(image, TiffImagePlugin.TiffImageFile):
                image.info[_WHITE_IS_ZERO] = image.tag_v2.get(_PHOTOMETRIC) == 0  # tags are lost below
            return ImageOps.exif_transpose(image)
    except DataError:
        raise
    # Decoders meet broken files with exceptions of many kinds; for the reader they all mean the same.
    except Exception as error:
        problem = f"it cannot be decoded ({first_line(error)})"
        if isinstance(error, UnidentifiedImageError):
            problem = "it is no PNG, JPEG, TIFF, BMP or DICOM file, or its start is damaged"
            if other := next((name for at, start, name in _OTHERS if content[at:].startswith(start)), None):
                problem = f"it is a {other} file, which is not read here"
        raise DataError(problem, "Open it in an image program and save it anew as PNG.") from error


def _check_tiles(image: TiffImagePlugin.TiffImageFile) -> None:
    """A decoder makes room for a whole tile, however little of it the image needs."""
    width, height = (int(image.tag_v2.get(tag, 1)) for tag in _TILE)
    check_size(width, height)
    if width > max(image.width, _USUAL_TILE) + 15 or height > max(image.height, _USUAL_TILE) + 15:
        problem = f"its tiles of {width} x {height} pixels are far larger than the image"
        raise DataError(problem, "Open it in an image program and save it anew.")


def _check_single(image: Image.Image) -> None:
    if image.format not in ("TIFF", "PNG"):
        return  # a phone's JPEG may carry a second, smaller copy of itself
    try:
        image.seek(1)
    except EOFError:
        return
    raise DataError("it holds several images, expected one", "Save the one that shows the head on its own.")


def _from_16_bit(values: NDArray[np.integer]) -> NDArray[np.uint8]:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= 2**16:
        problem = f"its values run from {low} to {high}, expected 8 or 16 bits without a sign"
        raise DataError(problem, "Save it as an 8-bit PNG.")
    white = 2 ** max(8, high.bit_length()) - 1
    scaled: NDArray[np.uint8] = np.round(values * (255 / white)).astype(np.uint8)
    return scaled
