"""Images from anywhere: written by OpenCV and tifffile, read by ours, and all that must be refused."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from fetalseg_lib.apply.reading.image_file import read_image, read_labels
from fetalseg_lib.data import read
from fetalseg_lib.data.sample import DataError

RNG = np.random.default_rng(0)
GRAY = cv2.GaussianBlur(RNG.integers(0, 256, (30, 41), dtype=np.uint8), (0, 0), 3)
GRAY[0, 0] = 255  # so that 16 bits are all in use when it is scaled up
COLOUR = np.stack([GRAY, GRAY[::-1], GRAY[:, ::-1]], axis=-1)  # as OpenCV: blue, green, red


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_grey_of_8_bits_is_read_as_written(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    cv2.imwrite(str(path), GRAY)
    found = read_image(path)
    np.testing.assert_array_equal(found.pixels, GRAY)
    assert (found.shape, found.pixel_spacing_mm) == ((30, 41), None)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_colour_becomes_the_luminance_that_opencv_computes(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    cv2.imwrite(str(path), COLOUR)
    theirs = cv2.cvtColor(COLOUR, cv2.COLOR_BGR2GRAY).astype(int)
    assert np.abs(read_image(path).pixels - theirs).max() <= 1


@pytest.mark.parametrize("pixels", [GRAY, COLOUR], ids=["grey", "colour"])
def test_a_jpeg_is_read_as_by_opencv(pixels: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "image.jpeg"
    cv2.imwrite(str(path), pixels)
    theirs = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(int)
    assert np.abs(read_image(path).pixels - theirs).max() <= 2


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_is_scaled_by_the_bits_in_use(bits: int, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    deep = np.round(GRAY * ((2**bits - 1) / 255)).astype(np.uint16)
    tifffile.imwrite(path, deep) if suffix == "tif" else cv2.imwrite(str(path), deep)
    np.testing.assert_array_equal(read_image(path).pixels, GRAY)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_tiff_that_stores_white_as_zero_is_turned(bits: int, tmp_path: Path) -> None:
    white = 2**bits - 1
    stored = np.round((255 - GRAY) * (white / 255)).astype(np.uint8 if bits == 8 else np.uint16)
    stored[0, 1] = white  # the black that tells how many bits are in use
    tifffile.imwrite(tmp_path / "negative.tif", stored, photometric="miniswhite")
    expected = GRAY.copy()
    expected[0, 1] = 0
    np.testing.assert_array_equal(read_image(tmp_path / "negative.tif").pixels, expected)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_colour_is_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    cv2.imwrite(str(path), COLOUR.astype(np.uint16) * 257)
    theirs = cv2.cvtColor(COLOUR, cv2.COLOR_BGR2GRAY).astype(int)
    assert np.abs(read_image(path).pixels - theirs).max() <= 1


def test_what_is_transparent_is_black_and_palettes_show_their_colours(tmp_path: Path) -> None:
    alpha = np.full((30, 41, 1), 255, np.uint8)
    alpha[:, :20] = 0
    cv2.imwrite(str(tmp_path / "alpha.png"), np.concatenate([GRAY[..., None].repeat(3, 2), alpha], axis=2))
    found = read_image(tmp_path / "alpha.png").pixels
    assert found[:, :20].max() == 0
    np.testing.assert_array_equal(found[:, 20:], GRAY[:, 20:])
    swapped = Image.fromarray(GRAY).convert("P")
    swapped.putpalette([level for k in range(255, -1, -1) for level in (k, k, k)])
    swapped.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_image(tmp_path / "palette.png").pixels, 255 - GRAY)
    np.testing.assert_array_equal(read_labels(tmp_path / "palette.png"), GRAY)


def test_a_photograph_is_turned_as_the_camera_noted(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # turn a quarter clockwise to see it upright
    Image.fromarray(GRAY).save(tmp_path / "photo.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "photo.png").pixels, np.rot90(GRAY, -1))


def test_the_content_tells_the_format_not_the_name(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "image.png"), GRAY)
    renamed = (tmp_path / "image.png").rename(tmp_path / "image.jpg")
    np.testing.assert_array_equal(read_image(renamed).pixels, GRAY)


def test_a_progressive_jpeg_is_read(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(pillow_saved(format="JPEG", progressive=True))
    theirs = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(int)
    assert np.abs(read_image(path).pixels - theirs).max() <= 2
    path.write_bytes(jpeg_of_scans(100))
    assert read_image(path).shape == GRAY.shape


def test_one_pixel_is_an_image(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), GRAY[:1, :1])
    assert read_image(tmp_path / "dot.png").shape == (1, 1)


# What must be refused


def encoded(suffix: str, pixels: np.ndarray = GRAY) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()


def pillow_saved(**options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(GRAY).save(file, **options)  # type: ignore[arg-type]
    return file.getvalue()


def tiff(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels)
    return file.getvalue()


def png_bomb() -> bytes:
    """100,000 x 100,000 pixels in 70 bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + crc

    size = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    image = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + image


def bmp_bomb() -> bytes:
    content = bytearray(encoded(".bmp"))
    content[18:26] = struct.pack("<ii", 7000, 7000)  # below Pillow's own limit, above ours
    return bytes(content)


def jpeg_bomb() -> bytes:
    content = encoded(".jpg")
    return content.replace(struct.pack(">HH", *GRAY.shape), struct.pack(">HH", 65_000, 65_000), 1)


def jpeg_of_scans(number: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again: each time all pixels are gone through."""
    content = pillow_saved(format="JPEG", progressive=True)
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + (number - content.count(b"\xff\xda")) * last + content[-2:]


def tiff_bomb() -> bytes:
    """The little-endian tags 256 and 257 (width and height, one short number each), made large."""
    content = tiff(GRAY)
    for tag, size in ((256, 41), (257, 30)):
        for kind in (3, 4):
            entry = struct.pack("<HHII", tag, kind, 1, size)
            content = content.replace(entry, struct.pack("<HHII", tag, kind, 1, 60_000))
    return content


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is no PNG"),
    "text": (lambda: b"filename,hc\n", "is no PNG"),
    "GIF": (lambda: pillow_saved(format="GIF"), "is a GIF file"),
    "WebP": (lambda: pillow_saved(format="WEBP"), "is a WebP file"),
    "HEIC": (lambda: b"\0\0\0\x18ftypheic" + bytes(50), "is a HEIC file"),
    "half a PNG": (lambda: encoded(".png")[:200], "cannot be decoded"),
    "a PNG without its last chunk": (lambda: encoded(".png")[:-12], "cannot be decoded"),
    "a PNG with one changed bit": (lambda: flipped(encoded(".png"), 300), "cannot be decoded"),
    "half a JPEG": (lambda: encoded(".jpg")[:300], "cannot be decoded"),
    "half a BMP": (lambda: encoded(".bmp")[:1500], "cannot be decoded"),
    "half a TIFF": (lambda: tiff(GRAY)[:900], "cannot be decoded"),
    "numbers with a point": (lambda: tiff(GRAY.astype(np.float32)), "floating-point"),
    "32 bits": (lambda: tiff(GRAY.astype(np.int32) * 70_000), "values run from"),
    "numbers below zero": (lambda: tiff(-GRAY.astype(np.int16)), "values run from -"),
    "two pages": (lambda: tiff(np.stack([GRAY, GRAY])), "several images"),
    "a PNG bomb": (png_bomb, "exceeds limit"),
    "a BMP bomb": (bmp_bomb, "declares 7000 x 7000 pixels"),
    "a JPEG bomb": (jpeg_bomb, "exceeds limit"),
    "a TIFF bomb": (tiff_bomb, "exceeds limit"),
    "a JPEG of many scans": (lambda: jpeg_of_scans(101), "has 101 scans, expected at most 100"),
}


def flipped(content: bytes, at: int) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_whole_single_image_is_refused(kind: str, tmp_path: Path) -> None:
    make, message = BAD[kind]
    path = tmp_path / "bad.img"
    path.write_bytes(make())
    with pytest.raises(DataError, match=message) as raised:
        read_image(path)
    assert raised.value.file == str(path)
    assert "\n" not in raised.value.problem


def test_missing_files_folders_and_huge_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match="is no file"):
        read_image(tmp_path)
    monkeypatch.setattr(read, "MAX_FILE_BYTES", 10)
    (tmp_path / "large.png").write_bytes(b"0123456789a")
    with pytest.raises(DataError, match="it has 11 bytes, expected at most 10"):
        read_image(tmp_path / "large.png")


def test_a_size_limit_is_asked_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), GRAY)
    monkeypatch.setattr(read, "MAX_PIXELS", GRAY.size)
    assert read_image(path).shape == GRAY.shape
    monkeypatch.setattr(read, "MAX_PIXELS", GRAY.size - 1)
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("it was decoded"))
    with pytest.raises(DataError, match="declares 41 x 30 pixels, expected 1 to 1,229 in all"):
        read_image(path)


def test_a_mask_in_colours_is_refused_a_grey_one_in_three_channels_is_read(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "colour.png"), COLOUR)
    with pytest.raises(DataError, match="colour image, expected one number a pixel"):
        read_labels(tmp_path / "colour.png")
    cv2.imwrite(str(tmp_path / "gray.png"), GRAY[..., None].repeat(3, 2))
    np.testing.assert_array_equal(read_labels(tmp_path / "gray.png"), GRAY)
