"""DICOM: files written by pydicom, as an ultrasound scanner would, and the examples that pydicom ships."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fetalseg_lib.apply.reading.dicom import is_dicom
from fetalseg_lib.apply.reading.image_file import count_frames, read_image
from fetalseg_lib.data import read
from fetalseg_lib.data.sample import DataError

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")

GRAY = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)


def region(*, mm: tuple[float, float], units: int = 3, spatial_format: int = 1) -> Any:
    """One calibrated region of the screen; the standard stores centimetres."""
    found = pydicom.Dataset()
    found.RegionSpatialFormat = spatial_format
    found.PhysicalUnitsXDirection = found.PhysicalUnitsYDirection = units
    found.PhysicalDeltaY, found.PhysicalDeltaX = mm[0] / 10, mm[1] / 10
    return found


def write(path: Path, pixels: np.ndarray = GRAY, **elements: Any) -> Path:
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = pydicom.uid.UltrasoundImageStorage
    dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    dataset.PatientName = "Nobody"
    bits = 8 * pixels.dtype.itemsize
    dataset.set_pixel_data(pixels, "RGB" if pixels.shape[-1] == 3 else "MONOCHROME2", bits)
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_greys_are_read_as_written_and_the_region_gives_the_pixel_size(tmp_path: Path) -> None:
    regions = [region(mm=(9, 9), units=4), region(mm=(8, 8), spatial_format=3), region(mm=(0.21, -0.2))]
    path = write(tmp_path / "image", SequenceOfUltrasoundRegions=regions, PixelSpacing=[7, 7])
    found = read_image(path)
    np.testing.assert_array_equal(found.pixels, GRAY)
    assert found.pixel_spacing_mm == pytest.approx((0.21, 0.2))


def test_regions_of_nearly_one_size_are_one_and_an_empty_window_is_none(tmp_path: Path) -> None:
    regions = [region(mm=(0.2, 0.2)), region(mm=(0.2 + 1e-9, 0.2))]
    path = write(tmp_path / "a.dcm", SequenceOfUltrasoundRegions=regions, WindowCenter=None, WindowWidth=None)
    found = read_image(path)
    assert found.pixel_spacing_mm == pytest.approx((0.2, 0.2))
    np.testing.assert_array_equal(found.pixels, GRAY)


def test_a_frame_of_a_clip_is_read_alone(tmp_path: Path) -> None:
    frames = np.stack([GRAY, GRAY[::-1], 255 - GRAY])
    path = write(tmp_path / "clip.dcm", np.ascontiguousarray(frames), NumberOfFrames=3)
    assert count_frames(path) == 3
    for number, expected in enumerate(frames, start=1):
        np.testing.assert_array_equal(read_image(path, frame=number).pixels, expected)
    with pytest.raises(DataError, match=r"clip of 3 frames, expected one. .*--frame N"):
        read_image(path)
    for number in (0, 4):
        with pytest.raises(DataError, match=rf"no frame {number}, only 3. Give --frame from 1 to 3"):
            read_image(path, frame=number)


SHIPPED = [
    path
    for path in sorted((Path(pydicom.__file__).parent / "data").rglob("*"))
    if path.is_file() and path.suffix not in (".py", ".pyc", ".json", ".txt")
]


def test_all_of_pydicoms_own_files_are_read_or_refused_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Among them are all the usual compressions; what is not read is 12-bit JPEG, signed, or no image."""
    refused = []
    for path in SHIPPED:
        try:
            pixels = read_image(path, frame=1 if is_dicom(path.read_bytes()) else None).pixels
            assert pixels.dtype == np.uint8
        except DataError as error:
            message = str(error)
            if not any(
                words in error.problem
                for words in ("no image", "have a sign", "is no PNG", "is missing DICOM")
            ):
                refused.append(path.name)
            assert "\n" not in message
    assert not caplog.records
    assert len(SHIPPED) > 150
    assert set(refused) <= {
        *("JPEG-lossy.dcm", "JPGExtended.dcm"),  # 12 bits, which only a GPL library reads
        *("badVR.dcm", "image_dfl.dcm", "meta_missing_tsyntax.dcm", "nested_priv_SQ.dcm", "no_meta.dcm"),
        "MR_truncated.dcm",
    }


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("SC_rgb_jpeg_gdcm.dcm", 0),  # JPEG Lossless
        ("SC_rgb_jls_lossy_line.dcm", 4),
        ("SC_rgb_jls_lossy_sample.dcm", 4),
        ("SC_rgb_gdcm_KY.dcm", 12),  # JPEG 2000, lossy
    ],
)
def test_a_compressed_image_is_that_of_run_lengths(name: str, tolerance: int) -> None:
    """pydicom ships one picture of stripes in many codings."""
    plain, coded = (
        read_image(Path(pydicom.data.get_testdata_file(file, download=False))).pixels.astype(int)
        for file in ("SC_rgb_rle.dcm", name)
    )
    assert np.abs(coded - plain).max() <= tolerance


def test_without_a_decoder_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = pydicom.pixels.get_decoder(pydicom.uid.JPEGLosslessSV1)
    monkeypatch.setattr(type(decoder), "is_available", False)
    path = Path(pydicom.data.get_testdata_file("SC_rgb_jpeg_gdcm.dcm", download=False))
    with pytest.raises(DataError, match=r"GDCM, which reads these, is not installed.*fetalseg_lib\[dicom\]"):
        read_image(path)


def test_only_pixels_and_their_size_are_kept(tmp_path: Path) -> None:
    found = read_image(write(tmp_path / "a.dcm", PatientBirthDate="19010203"))
    for value in vars(found).values():
        assert "Nobody" not in repr(value)
        assert "19010203" not in repr(value)


def test_without_a_region_pixel_spacing_counts_rows_first(tmp_path: Path) -> None:
    assert read_image(write(tmp_path / "a.dcm", PixelSpacing=[0.3, 0.1])).pixel_spacing_mm == (0.3, 0.1)
    assert read_image(write(tmp_path / "b.dcm")).pixel_spacing_mm is None


def test_monochrome1_is_turned_and_colours_become_luminance(tmp_path: Path) -> None:
    dark = read_image(write(tmp_path / "a.dcm", PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(dark.pixels, 255 - GRAY)
    colours = np.stack([GRAY, GRAY[::-1], GRAY[:, ::-1]], axis=-1)
    expected = colours @ [0.299, 0.587, 0.114]
    assert np.abs(read_image(write(tmp_path / "b.dcm", colours)).pixels - expected).max() <= 0.5


def test_12_bits_in_16_and_a_window_are_shown_as_pydicom_shows_them(tmp_path: Path) -> None:
    deep = GRAY.astype(np.uint16) * 16
    path = write(tmp_path / "a.dcm", deep, BitsStored=12, HighBit=11)
    assert np.abs(read_image(path).pixels - deep * (255 / 4095)).max() <= 0.5
    path = write(tmp_path / "b.dcm", deep, BitsStored=12, HighBit=11, WindowCenter=[1500, 1], WindowWidth=800)
    dataset = pydicom.dcmread(path)
    theirs = pydicom.pixels.apply_windowing(dataset.pixel_array, dataset) * (255 / 4095)
    assert np.abs(read_image(path).pixels - theirs).max() <= 0.5


def test_a_real_ultrasound_image_with_a_palette_is_read() -> None:
    path = Path(pydicom.data.get_testdata_file("examples_palette.dcm", download=False))
    found = read_image(path)
    dataset = pydicom.dcmread(path)
    (first, *_) = dataset.SequenceOfUltrasoundRegions
    assert found.shape == (dataset.Rows, dataset.Columns)
    assert found.pixel_spacing_mm == pytest.approx((10 * first.PhysicalDeltaY, 10 * first.PhysicalDeltaX))
    assert found.pixels.max() > 200


RGB_STRIPES = ("SC_rgb_rle.dcm", "SC_rgb_rle_16bit.dcm", "SC_ybr_full_422_uncompressed.dcm")


@pytest.mark.parametrize("name", RGB_STRIPES)
def test_red_green_and_blue_are_read_from_other_encodings(name: str) -> None:
    """Each holds, among others, a red, a green and a blue stripe on 100 x 100 pixels."""
    found = read_image(Path(pydicom.data.get_testdata_file(name, download=False))).pixels
    assert found.shape == (100, 100)
    for row, luminance in ((5, 76), (25, 150), (45, 29)):
        assert abs(int(found[row, 50]) - luminance) <= 1


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        pytest.param({"NumberOfFrames": 30}, "30 frames, in 600 bytes|clip of 30 frames", id="a clip"),
        pytest.param({"PixelRepresentation": 1}, "have a sign", id="signed"),
        pytest.param({"Rows": 60_000, "Columns": 60_000}, "declares 60000 x 60000", id="a bomb"),
        pytest.param({"Rows": 21}, "cannot be read as DICOM", id="fewer pixels than declared"),
        pytest.param({"PixelSpacing": [0.0, 0.1]}, "a pixel is 0 x 0.1 mm", id="no size"),
        pytest.param({"WindowCenter": "nan", "WindowWidth": 9}, "is no number", id="a window of NaN"),
        pytest.param(
            {"WindowCenter": 9, "WindowWidth": 9, "RescaleSlope": "inf"},
            "is no number",
            id="endless slope",
        ),
        pytest.param({"WindowCenter": 9000, "WindowWidth": 9}, "values alike", id="a far window"),
        pytest.param(
            {"WindowCenter": 9, "WindowWidth": 9, "RescaleSlope": 0}, "values alike", id="a slope of 0"
        ),
        pytest.param({"VOILUTSequence": []}, "VOILUTSequence", id="a table of greys"),
        pytest.param(
            {"SequenceOfUltrasoundRegions": [region(mm=(0.1, 0.1)), region(mm=(0.2, 0.2))]},
            "2 different pixel sizes",
            id="two calibrations",
        ),
    ],
)
def test_what_is_ambiguous_or_absurd_is_refused(
    elements: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        read_image(write(tmp_path / "bad.dcm", **elements))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("image_dfl.dcm", "deflated"),
        ("rtplan.dcm", "holds no image"),
        ("badVR.dcm", "cannot be read"),
    ],
)
def test_files_of_other_kinds_are_refused(name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_image(Path(pydicom.data.get_testdata_file(name, download=False)))


def test_a_file_cut_short_or_of_text_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.dcm").read_bytes()
    for content in (whole[:-100], whole[:200], b"text"):
        (tmp_path / "bad.dcm").write_bytes(content)
        with pytest.raises(DataError, match=r"DICOM|no image"):
            read_image(tmp_path / "bad.dcm")


def test_the_size_limit_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_PIXELS", GRAY.size - 1)
    with pytest.raises(DataError, match="declares 30 x 20 pixels"):
        read_image(write(tmp_path / "a.dcm"))


def test_without_pydicom_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.dcm")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(DataError, match=r"not installed. Install the extra `dicom`: python -m pip install "):
        read_image(path)
