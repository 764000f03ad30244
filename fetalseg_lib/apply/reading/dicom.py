"""Read one frame of a DICOM file: its grey values as a screen shows them, and its own pixel size.

Of all that a DICOM file holds only the pixels and their calibration are read, never a name or a date.
Needs pydicom and GDCM's decoders, the extra ``dicom``. Attributes are cited from DICOM PS3.3, section C.
"""

from __future__ import annotations

import io
import logging
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.apply.reading.compressed import EXPORT, check_jpeg, check_runs, check_segments
from fetalseg_lib.data.read import check_size
from fetalseg_lib.data.sample import DataError, first_line

if TYPE_CHECKING:
    from pydicom import FileDataset

_COLOURS = ("Red", "Green", "Blue")
_WANTED = [
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
    *("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"),
    *("ModalityLUTSequence", "VOILUTSequence", "PixelSpacing", "SequenceOfUltrasoundRegions"),
    *(f"{colour}PaletteColorLookupTable{part}" for colour in _COLOURS for part in ("Descriptor", "Data")),
    *(_SEGMENTED := [f"Segmented{colour}PaletteColorLookupTableData" for colour in _COLOURS]),
]
"""All that is read of a file."""

_MAX_READS = 200_000
"""Of a file's elements and items, each a read or two; a clip of a thousand frames needs a few thousand."""
_MAX_REGIONS_BYTES = 2**18
_MAX_BITS, _MAX_SAMPLES = 32, 3

_CENTIMETRE, _TWO_DIMENSIONAL = 3, 1
_SAME = 1e-4
"""Pixel sizes that differ by less are one: a hundredth of a per cent of a circumference is 0.03 mm."""
_INSTALL = 'Install the extra `dicom`: python -m pip install "fetalseg_lib[dicom]"'


def is_dicom(content: bytes) -> bool:
    """Whether a file starts as PS3.10 says: 128 bytes of anything, then ``DICM``."""
    return content[128:132] == b"DICM"


def read(content: bytes, *, frame: int | None = None) -> tuple[NDArray[np.uint8], tuple[float, float] | None]:
    """The pixels of one frame as uint8 ``H W``, and ``(rows, columns)`` in mm where the file tells them.

    ``frame`` counts from 1 and must be given for a clip. The window and MONOCHROME1's inverse greys are
    applied, colours become luminance. Raises ``DataError``, also where pydicom is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a file that strays from the standard may still be readable
            dataset = _open(content)
            index = _index(frame, _frames(dataset))
            _check(dataset, index)
            return _gray(dataset, index), _spacing_mm(dataset)
    except DataError:
        raise
    # A broken file may fail anywhere inside the decoders; for the reader it all means the same.
    except Exception as error:
        raise DataError(f"it cannot be read as DICOM ({first_line(error)})", EXPORT) from error


def count_frames(content: bytes) -> int:
    """How many frames a file holds; 1 where it cannot be read, since reading it will say why."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _frames(_open(content))
    except Exception:
        return 1


class _Bounded(io.BytesIO):
    """A file that may be read a limited number of times, so that no header of millions of elements is."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > _MAX_READS:
            raise ValueError("it has too many elements")
        return super().read(size)


def _open(content: bytes) -> FileDataset:
    try:
        import pydicom
    except ModuleNotFoundError as error:
        problem = "it is a DICOM file, and pydicom, which reads these, is not installed"
        raise DataError(problem, _INSTALL) from error
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)  # it logs tracebacks
    from pydicom.filereader import _read_file_meta_info
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

    if is_dicom(content):
        start = _Bounded(content)
        start.seek(132)
        syntax = UID(_read_file_meta_info(start).get("TransferSyntaxUID", ""))
        # A file compressed as a whole is not even opened: how large it grows is known once it has grown.
        if syntax in ("", DeflatedExplicitVRLittleEndian):
            kind = "a deflated DICOM file" if syntax else "a DICOM file that does not say how it is coded"
            raise DataError(f"it is {kind}, which is not read", EXPORT)
        try:
            available = get_decoder(syntax).is_available
        except NotImplementedError as error:
            problem = f"its pixels are coded as {syntax.name}, which is not read"
            raise DataError(problem, EXPORT) from error
        if not available:
            problem = f"its pixels are coded as {syntax.name}, and GDCM, which reads these, is not installed"
            raise DataError(problem, _INSTALL)
    return pydicom.dcmread(_Bounded(content), specific_tags=list(_WANTED))


def _frames(dataset: FileDataset) -> int:
    if "PixelData" not in dataset:
        raise DataError("it holds no image", "Leave it out: it may be a report or an index.")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if not 1 <= frames <= len(dataset.PixelData):
        problem = f"it says that it has {frames} frames, in {len(dataset.PixelData)} bytes"
        raise DataError(problem, EXPORT)
    return frames


def _index(frame: int | None, frames: int) -> int:
    if frame is None and frames > 1:
        mend = "Choose one by `fetalseg predict --frame N`, all by --frame all, or export one as PNG."
        raise DataError(f"it is a clip of {frames} frames, expected one", mend)
    if frame is not None and not 1 <= frame <= frames:
        mend = f"Give --frame from 1 to {frames}."
        raise DataError(f"it has no frame {frame}, only {frames}", mend)
    return (frame or 1) - 1


def _check(dataset: FileDataset, index: int) -> None:
    """Refuse what would be misread, and what would grow beyond its rows and columns."""
    from pydicom.encaps import get_frame
    from pydicom.uid import RLELossless

    rows, columns = int(dataset.Rows), int(dataset.Columns)
    check_size(columns, rows)
    bits, samples = int(dataset.BitsAllocated), int(dataset.SamplesPerPixel)
    if bits > _MAX_BITS or samples not in (1, _MAX_SAMPLES):
        problem = f"a pixel has {samples} numbers of {bits} bits, expected 1 or 3 of at most {_MAX_BITS}"
        raise DataError(problem, EXPORT)
    if dataset.get("PixelRepresentation", 0) != 0:
        raise DataError("its values have a sign, which ultrasound images do not have", EXPORT)
    for name in ("ModalityLUTSequence", "VOILUTSequence"):
        if name in dataset:
            raise DataError(f"its greys follow a table of its own ({name}), which is not read", EXPORT)
    for name in _SEGMENTED:
        check_segments(dataset.get(name) or b"")
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        frames = int(dataset.get("NumberOfFrames") or 1)
        code = get_frame(dataset.PixelData, index, number_of_frames=frames)
        if syntax == RLELossless:
            check_runs(code, pixels=rows * columns)
        else:
            check_jpeg(code, rows=rows, columns=columns)


def _gray(dataset: FileDataset, index: int) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    values: Any = pixel_array(dataset, index=index)  # (H, W) or, with YBR made RGB, (H, W, 3)
    white = 2 ** int(dataset.BitsStored) - 1
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)
        white = 2 ** (8 * values.dtype.itemsize) - 1
    if values.ndim == 3:
        values = values[..., :3] @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    share = np.clip(_windowed(values.astype(np.float64), dataset, white), 0, 1)
    if share.min() == share.max() and values.min() < values.max():
        raise DataError("its window shows all its values alike", EXPORT)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        share = 1 - share
    return np.round(255 * share).astype(np.uint8)


def _windowed(values: NDArray[np.float64], dataset: FileDataset, white: int) -> NDArray[np.float64]:
    """Black as 0 and white as 1: by the first window where there is one (C.11.2.1.2), else by the bits."""
    center, width = (_first(dataset.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if center is None or width is None:
        return values / white
    slope, intercept = (_first(dataset.get(name)) for name in ("RescaleSlope", "RescaleIntercept"))
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if not all(map(math.isfinite, (center, width, slope, intercept))):
        problem = f"its window or its scale is no number ({center:g}, {width:g}, {slope:g}, {intercept:g})"
        raise DataError(problem, EXPORT)
    stored = values * slope + intercept
    return np.asarray((stored - (center - 0.5)) / max(width - 1, 1) + 0.5)


def _first(value: Any) -> float | None:
    if hasattr(value, "__len__") and not isinstance(value, str):
        value = value[0] if len(value) else None
    return None if value in (None, "") else float(value)


def _spacing_mm(dataset: FileDataset) -> tuple[float, float] | None:
    """Height and width of a pixel: of the two-dimensional ultrasound region (C.8.5.5), else PixelSpacing."""
    found: list[tuple[float, float]] = []
    if "SequenceOfUltrasoundRegions" in dataset:
        raw = dataset.get_item("SequenceOfUltrasoundRegions")
        if isinstance(raw.value, bytes) and len(raw.value) > _MAX_REGIONS_BYTES:
            raise DataError("it has absurdly many regions", EXPORT)
    for region in dataset.get("SequenceOfUltrasoundRegions") or []:
        units = (region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection"))
        if region.get("RegionSpatialFormat") == _TWO_DIMENSIONAL and units == (_CENTIMETRE, _CENTIMETRE):
            mm = 10 * abs(float(region.PhysicalDeltaY)), 10 * abs(float(region.PhysicalDeltaX))
            if not any(np.allclose(mm, other, rtol=_SAME, atol=0) for other in found):
                found.append(mm)
    if len(found) > 1:
        problem = f"it holds regions of {len(found)} different pixel sizes, expected one"
        mend = "Export the frame as PNG, cropped to the region with the head, and give --pixel-size."
        raise DataError(problem, mend)
    if not found and dataset.get("PixelSpacing"):
        found.append((float(dataset.PixelSpacing[0]), float(dataset.PixelSpacing[1])))
    if not found:
        return None
    (spacing,) = found
    if not all(0 < side < math.inf for side in spacing):
        problem = f"it says that a pixel is {spacing[0]:g} x {spacing[1]:g} mm"
        raise DataError(problem, EXPORT)
    return spacing
