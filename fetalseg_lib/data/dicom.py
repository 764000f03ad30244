"""Read one frame of a DICOM file: its grey values as a screen shows them, and its own pixel size.

Of all that a DICOM file holds only the pixels and their calibration are read, never a name or a date.
Needs pydicom, the extra ``dicom``. Attributes are cited from DICOM PS3.3, section C.
"""

from __future__ import annotations

import io
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.data.limits import check_scans, check_size
from fetalseg_lib.data.sample import DataError, first_line

if TYPE_CHECKING:
    from pydicom import FileDataset

_JPEG = "1.2.840.10008.1.2.4."
"""How the UIDs of all JPEG's relatives begin (PS3.6, A); in none of them FF DA is part of a pixel."""
_CENTIMETRE, _TWO_DIMENSIONAL = 3, 1
_EXPORT = "Export the frame from the scanner or its viewer as PNG, and give --pixel-size."


def is_dicom(content: bytes) -> bool:
    """Whether a file starts as PS3.10 says: 128 bytes of anything, then ``DICM``."""
    return content[128:132] == b"DICM"


def read(content: bytes, *, file: object) -> tuple[NDArray[np.uint8], tuple[float, float] | None]:
    """The pixels of a single-frame image as uint8 ``H W``, and ``(rows, columns)`` in mm where it tells them.

    Windows and the inverse greys of MONOCHROME1 are applied, colours become luminance. Raises ``DataError``
    naming ``file``, also where pydicom is not installed.
    """
    try:
        import pydicom
    except ModuleNotFoundError as error:
        raise DataError(
            file=file,
            problem="it is a DICOM file, and pydicom, which reads these, is not installed",
            mend='Install it: python -m pip install "pydicom>=3" (the extra `dicom` of this package).',
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a file that strays from the standard may still be readable
            _refuse_deflated(content, file)
            dataset = pydicom.dcmread(io.BytesIO(content))
            _check(dataset, file)
            return _gray(dataset), _spacing_mm(dataset, file)
    except DataError:
        raise
    # A broken file may fail anywhere inside the decoders; for the reader it all means the same.
    except Exception as error:
        problem = f"it cannot be read as DICOM ({first_line(error)})"
        raise DataError(file=file, problem=problem, mend=_EXPORT) from error


def _refuse_deflated(content: bytes, file: object) -> None:
    """Refuse a file compressed as a whole: how large it grows is not known before it has grown."""
    from pydicom.filereader import read_partial
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    # Group 2 is never compressed; reading stops at the first tag after it.
    head = read_partial(io.BytesIO(content[: 2**16]), stop_when=lambda tag, *_: True, force=False)
    if head.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        raise DataError(file=file, problem="it is a deflated DICOM file, which is not read", mend=_EXPORT)


def _check(dataset: FileDataset, file: object) -> None:
    if "PixelData" not in dataset:
        raise DataError(
            file=file, problem="it holds no image", mend="Leave it out: it may be a report or an index."
        )
    check_size(int(dataset.Columns), int(dataset.Rows), file=file)
    if dataset.file_meta.TransferSyntaxUID.startswith(_JPEG):
        check_scans(dataset.PixelData, file=file)
    if (frames := int(dataset.get("NumberOfFrames") or 1)) != 1:
        raise DataError(file=file, problem=f"it is a film of {frames} frames, expected one", mend=_EXPORT)
    if dataset.get("PixelRepresentation", 0) != 0:
        problem = "its values have a sign, which ultrasound images do not have"
        raise DataError(file=file, problem=problem, mend=_EXPORT)
    for name in ("ModalityLUTSequence", "VOILUTSequence"):
        if name in dataset:
            problem = f"its greys follow a table of its own ({name}), which is not read"
            raise DataError(file=file, problem=problem, mend=_EXPORT)


def _gray(dataset: FileDataset) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    values: Any = pixel_array(dataset)  # (H, W) or, with YBR made RGB, (H, W, 3)
    white = 2 ** int(dataset.BitsStored) - 1
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)
        white = 2 ** (8 * values.dtype.itemsize) - 1
    if values.ndim == 3:
        values = values[..., :3] @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    share = _windowed(values.astype(np.float64), dataset, white)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        share = 1 - share
    return np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)


def _windowed(values: NDArray[np.float64], dataset: FileDataset, white: int) -> NDArray[np.float64]:
    """Black as 0 and white as 1: by the first window where there is one (C.11.2.1.2), else by the bits."""
    if "WindowCenter" not in dataset or "WindowWidth" not in dataset:
        return values / white
    center, width = (_first(dataset[name].value) for name in ("WindowCenter", "WindowWidth"))
    stored = values * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    return np.asarray((stored - (center - 0.5)) / max(width - 1, 1) + 0.5)


def _first(value: Any) -> float:
    return float(value[0]) if hasattr(value, "__len__") and not isinstance(value, str) else float(value)


def _spacing_mm(dataset: FileDataset, file: object) -> tuple[float, float] | None:
    """Height and width of a pixel: of the two-dimensional ultrasound region (C.8.5.5), else PixelSpacing."""
    found = set()
    for region in dataset.get("SequenceOfUltrasoundRegions") or []:
        units = (region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection"))
        if region.get("RegionSpatialFormat") == _TWO_DIMENSIONAL and units == (_CENTIMETRE, _CENTIMETRE):
            cm = (abs(float(region.PhysicalDeltaY)), abs(float(region.PhysicalDeltaX)))
            found.add((10 * cm[0], 10 * cm[1]))
    if len(found) > 1:
        raise DataError(
            file=file,
            problem=f"it holds regions of {len(found)} different pixel sizes, expected one",
            mend="Crop it to the region with the head, and give --pixel-size.",
        )
    if not found and dataset.get("PixelSpacing"):
        found.add((float(dataset.PixelSpacing[0]), float(dataset.PixelSpacing[1])))
    if not found:
        return None
    (spacing,) = found
    if not all(0 < side < math.inf for side in spacing):
        problem = f"it says that a pixel is {spacing[0]:g} x {spacing[1]:g} mm"
        raise DataError(file=file, problem=problem, mend=_EXPORT)
    return spacing
