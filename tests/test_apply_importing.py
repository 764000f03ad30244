"""Masks and COCO annotations become a folder that the HC18 loader reads, heads and millimetres unchanged."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from fetalseg_lib.apply.images import ImageTable
from fetalseg_lib.apply.importing.coco import draw_mask, read_coco
from fetalseg_lib.apply.importing.folder import SOURCES, check_head, import_folder
from fetalseg_lib.apply.importing.masks import pair_masks
from fetalseg_lib.cli import main
from fetalseg_lib.data import hc18
from fetalseg_lib.data.check import check
from fetalseg_lib.data.sample import DataError
from fetalseg_lib.geometry import Ellipse

SHAPE = (180, 260)
MM = 0.3
HEADS = [
    Ellipse(center_x=125, center_y=90, semi_major=80, semi_minor=62, angle=0.2),
    Ellipse(center_x=120, center_y=88, semi_major=70, semi_minor=58, angle=-0.4),
    Ellipse(center_x=30, center_y=90, semi_major=75, semi_minor=60, angle=0.1),  # cut by the border
]


def filled(head: Ellipse) -> np.ndarray:
    """The head drawn by OpenCV, as 0 and 255; coordinates in sixteenths of a pixel."""
    mask = np.zeros(SHAPE, np.uint8)
    points = np.round(head.points(400) * 16).astype(np.int32)
    cv2.fillPoly(mask, [points], 255, shift=4)
    return mask


def image_of(head: Ellipse) -> np.ndarray:
    return np.where(filled(head) > 0, 140, 20).astype(np.uint8)


def write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number, head in enumerate(HEADS):
        write(tmp_path / "images" / f"scan {number}.png", image_of(head))
    return tmp_path / "images"


def coco(tmp_path: Path, segment: Callable[[Ellipse], Any], **changes: Any) -> Path:
    content = {
        "images": [{"id": 10 + k, "file_name": f"scan {k}.png"} for k in range(len(HEADS))],
        "annotations": [
            {"id": k, "image_id": 10 + k, "category_id": 1, "segmentation": segment(head)}
            for k, head in enumerate(HEADS)
        ],
        "categories": [{"id": 1, "name": "head"}],
    }
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(content | changes), encoding="utf-8")
    return path


def polygons(head: Ellipse) -> list[list[float]]:
    return [[float(value) for value in (head.points(300) + 0.5).ravel()]]


def runs(head: Ellipse) -> dict[str, Any]:
    """Run lengths, counted pixel by pixel down the columns."""
    mask = filled(head) > 0
    counts, inside = [0], False
    for column in range(mask.shape[1]):
        for row in range(mask.shape[0]):
            if bool(mask[row, column]) != inside:
                counts.append(0)
                inside = not inside
            counts[-1] += 1
    return {"size": list(SHAPE), "counts": counts}


def check_heads(folder: Path) -> None:
    """What the loader reads is what was drawn, in pixels and in mm."""
    assert check(folder).empty
    samples = hc18.load(folder)
    assert len(samples) == len(HEADS)
    for sample, head in zip(samples, HEADS, strict=True):
        np.testing.assert_array_equal(sample.image, image_of(head))
        assert sample.pixel_size_mm == MM
        truth = filled(head) > 0
        assert sample.mask is not None
        assert 2 * (sample.mask & truth).sum() / (sample.mask.sum() + truth.sum()) > 0.99
        assert sample.hc_mm == pytest.approx(head.circumference * MM, rel=0.01)


# What comes out


@pytest.mark.parametrize(("suffix", "inside"), [(".png", 255), (".png", 1), (".bmp", 1), (".jpg", 255)])
def test_filled_masks_become_a_folder_that_the_loader_reads(
    suffix: str, inside: int, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, head in enumerate(HEADS):
        write(tmp_path / "masks" / f"scan {number}_m{suffix}", filled(head) // 255 * inside)
    out = tmp_path / "heads"
    command = ["import-masks", str(images), str(tmp_path / "masks"), "--mask-ending", "_m"]
    assert main([*command, "--pixel-size", str(MM), "-o", str(out)]) == 0
    check_heads(out)
    printed = capsys.readouterr().out
    assert "3 images" in printed
    assert "Images without an exam count as exams of their own" in printed


@pytest.mark.parametrize("segment", [polygons, runs], ids=["polygons", "run lengths"])
def test_coco_becomes_a_folder_that_the_loader_reads(
    segment: Callable[[Ellipse], Any], images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "heads"
    command = [
        "import-coco",
        str(coco(tmp_path, segment)),
        str(images),
        "--pixel-size",
        str(MM),
        "-o",
        str(out),
    ]
    assert main(command) == 0
    check_heads(out)


def test_exams_are_kept_together_and_sources_are_told(images: Path, tmp_path: Path) -> None:
    table = ImageTable(every=MM, exams={"scan 0.png": "=ann", "scan 2.png": "=ann"})
    found, problems = read_coco(coco(tmp_path, polygons), images)
    assert import_folder(found, table, tmp_path / "heads") == problems == []
    assert hc18.load(tmp_path / "heads").table["name"].tolist() == ["000_HC.png", "001_HC.png", "000_2HC.png"]
    with (tmp_path / "heads" / SOURCES).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["source"]).name for row in rows] == ["scan 0.png", "scan 1.png", "scan 2.png"]
    assert [row["exam"] for row in rows] == ["'=ann", "", "'=ann"]


def test_one_folder_may_hold_images_and_masks(images: Path, tmp_path: Path) -> None:
    for number, head in enumerate(HEADS):
        write(images / f"scan {number}-mask.png", filled(head))
    pairs, problems = pair_masks(images, images, ending="-mask")
    assert ([pair.path.name for pair in pairs], problems) == (["scan 0.png", "scan 1.png", "scan 2.png"], [])
    assert [pair.path for pair in pair_masks(images, images)[0]] == [pair.path for pair in pairs]
    alone = write(tmp_path / "alone" / "a.png", image_of(HEADS[0])).parent
    for ending in ("", None):
        with pytest.raises(ValueError, match="--mask-ending: expected what tells masks from images"):
            pair_masks(alone, alone, ending=ending)


def test_a_label_is_chosen_from_several(tmp_path: Path) -> None:
    write(tmp_path / "i" / "a.png", image_of(HEADS[0]))
    labels = filled(HEADS[0]) // 255
    labels[:60] *= 2
    labels[:20, :30] = 3
    write(tmp_path / "m" / "a.png", labels)
    (pair,), _ = pair_masks(tmp_path / "i", tmp_path / "m", label=2)
    np.testing.assert_array_equal(pair.mask(SHAPE), labels == 2)
    (pair,), _ = pair_masks(tmp_path / "i", tmp_path / "m")
    with pytest.raises(DataError, match=r"several labels \(0, 1, 2, 3 ...\)"):
        pair.mask(SHAPE)


def test_holes_are_filled_and_specks_left_out() -> None:
    whole = filled(HEADS[0]) > 0
    mask = whole.copy()
    mask[85:95, 110:130] = False
    mask[5:8, 5:8] = True
    np.testing.assert_array_equal(check_head(mask)[0], whole)


# What is left out


def test_a_broken_pair_is_told_and_the_others_are_imported(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = tmp_path / "masks"
    for number, head in enumerate(HEADS):
        write(masks / f"scan {number}.png", filled(head))
    write(masks / "scan 1.png", filled(HEADS[1])[:-1])
    write(masks / "orphan.png", filled(HEADS[0]))
    (images / "scan 0.png").write_bytes(b"broken")
    write(images / "alone.png", image_of(HEADS[0]))
    out = tmp_path / "heads"
    assert main(["import-masks", str(images), str(masks), "--pixel-size", "0.2", "-o", str(out)]) == 1
    printed = capsys.readouterr().err
    for message in (
        "alone.png: there is no mask alone.*",
        "orphan.png: there is no image for the mask",
        "scan 0.png: it is no PNG",
        "scan 1.png: the mask is 260x179 pixels, its image 260x180",
    ):
        assert message in printed
    assert hc18.load(out).table["name"].tolist() == ["002_HC.png"]
    assert check(out).empty


def test_nothing_fit_leaves_no_folder_and_an_existing_one_is_kept(images: Path, tmp_path: Path) -> None:
    found, _ = read_coco(coco(tmp_path, polygons), images)
    with pytest.raises(
        ValueError, match=r"none of 3 images can be imported; the first problem is .*pixel size"
    ):
        import_folder(found, ImageTable(), tmp_path / "heads")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["annotations.json", "images"]
    with pytest.raises(ValueError, match="expected a new folder, but it exists"):
        import_folder(found, ImageTable(every=MM), images)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        pytest.param(np.zeros(SHAPE, bool), "the mask is empty", id="empty"),
        pytest.param(np.ones(SHAPE, bool), "no ellipse fits", id="all"),
        pytest.param((filled(HEADS[0]) > 0) & (np.arange(260) % 130 > 3), "is in 2 parts", id="cut in two"),
        pytest.param(
            cv2.dilate(filled(HEADS[0]), np.ones((3, 3), np.uint8)) - filled(HEADS[0]) > 0,
            "it is an outline, expected a filled mask",
            id="an outline",
        ),
        pytest.param(
            np.pad(np.eye(100, dtype=bool), ((40, 40), (80, 80))), r"no ellipse|is an outline", id="a line"
        ),
        pytest.param(
            (np.abs(np.arange(260) - 130) + np.abs(np.arange(180)[:, None] - 90) < 80)
            & ~((np.arange(260) > 130) & (np.arange(180)[:, None] > 90)),
            "it is no ellipse: Dice 0",
            id="a corner missing",
        ),
    ],
)
def test_a_mask_that_is_no_head_is_refused(mask: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_head(mask)


def test_pixels_that_are_not_square_are_refused(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = (
        pydicom.uid.UltrasoundImageStorage,
        pydicom.uid.generate_uid(),
    )
    dataset.set_pixel_data(image_of(HEADS[0]), "MONOCHROME2", 8)
    (tmp_path / "i").mkdir()
    write(tmp_path / "m" / "a.png", filled(HEADS[0]))
    for spacing, message in (([0.3, 0.3], None), ([0.3, 0.2], "0.3 x 0.2 mm, expected square ones")):
        dataset.PixelSpacing = spacing
        dataset.save_as(tmp_path / "i" / "a.dcm", enforce_file_format=True)
        pairs, _ = pair_masks(tmp_path / "i", tmp_path / "m")
        if message is None:
            assert import_folder(pairs, ImageTable(), tmp_path / "heads") == []
            assert hc18.load(tmp_path / "heads")[0].pixel_size_mm == pytest.approx(0.3)
        else:
            with pytest.raises(ValueError, match=message):
                import_folder(pairs, ImageTable(), tmp_path / "other")


# COCO from a stranger


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        pytest.param(None, "neither polygons nor run lengths", id="nothing"),
        pytest.param([], "neither polygons nor run lengths", id="no polygon"),
        pytest.param([[1, 2, 3, 4]], "three or more points", id="two points"),
        pytest.param([[1, 2, 3, 4, 5, 6, 7]], "three or more points", id="odd"),
        pytest.param([[1, 2, 3, 4, 5, "6"]], "no coordinate", id="text"),
        pytest.param([[1, 2, 3, 4, 5, float("nan")]], "no coordinate", id="nan"),
        pytest.param([[1, 2, 3, 4, 5, 10**400]], "no coordinate", id="huge"),
        pytest.param({"size": [180, 260], "counts": "PnX0"}, "compressed", id="compressed"),
        pytest.param({"size": [260, 180], "counts": [46800]}, "run lengths are for", id="other size"),
        pytest.param(
            {"size": [180, 260], "counts": [46799]}, "add up to 46799, expected 46800", id="too few"
        ),
        pytest.param({"size": [180, 260], "counts": [10**15]}, "add up to", id="a bomb"),
        pytest.param({"size": [180, 260], "counts": [46801, -1]}, "whole numbers from 0", id="negative"),
        pytest.param({"size": [180, 260], "counts": [1.0]}, "whole numbers from 0", id="no whole numbers"),
        pytest.param({"size": [180, 260]}, "whole numbers from 0", id="no counts"),
    ],
)
def test_segmentations_that_are_none_are_refused(segmentation: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        draw_mask(segmentation, SHAPE)


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "a/../../secret.png", "link/secret.png", "", None, 7, "a\0b"]
)
def test_a_file_name_that_leads_out_of_the_folder_is_refused(
    name: object, images: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    write(tmp_path / "other" / "secret.png", image_of(HEADS[0]))
    (images / "link").symlink_to(tmp_path / "other")
    path = coco(tmp_path, polygons, images=[{"id": 10, "file_name": name}])
    found, problems = read_coco(path, images)
    assert found == []
    assert {problem.file for problem in problems} == {str(path)}
    assert "leads out of" in problems[0].problem or "no file_name" in problems[0].problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no JSON", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "expected a JSON object"),
        ('{"images": []}', "expected a list of objects 'categories'"),
        ('{"images": [], "annotations": [1], "categories": []}', "list of objects 'annotations'"),
        ('{"images": {}, "annotations": [], "categories": []}', "list of objects 'images'"),
        (
            '{"images": [], "annotations": [], "categories": [{"name": "head"}, {"name": "femur"}]}',
            "categories are head, femur; none was chosen",
        ),
    ],
)
def test_files_that_are_no_coco_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_coco(path, tmp_path)


def test_only_the_chosen_category_counts_and_each_image_has_one_head(images: Path, tmp_path: Path) -> None:
    def annotation(image: int, category: int) -> dict[str, Any]:
        return {"image_id": image, "category_id": category, "segmentation": polygons(HEADS[0])}

    path = coco(
        tmp_path,
        polygons,
        annotations=[
            annotation(10, 1),
            annotation(10, 2),
            annotation(11, 2),
            annotation(12, 1),
            annotation(12, 1),
        ],
        categories=[{"id": 1, "name": "head"}, {"id": 2, "name": "femur"}],
    )
    found, problems = read_coco(path, images, category="head")
    assert [image.path.name for image in found] == ["scan 0.png"]
    assert [problem.problem.split(" has ")[1] for problem in problems] == [
        "0 heads for it, expected one",
        "2 heads for it, expected one",
    ]
    with pytest.raises(DataError, match="there is no 'skull'"):
        read_coco(path, images, category="skull")


@given(
    points=st.lists(st.tuples(st.floats(-5, 45), st.floats(-5, 35)), min_size=3, max_size=12),
)
def test_a_polygon_is_filled_as_scikit_image_fills_it(points: list[tuple[float, float]]) -> None:
    moved = np.array(points) + 1e-4 * np.pi  # no edge runs through a pixel's centre
    theirs = polygon2mask((30, 40), moved[:, ::-1] - 0.5)
    ours = draw_mask([moved.ravel().tolist()], (30, 40))
    assert (ours != theirs).sum() <= 1


def test_a_polygon_of_a_million_points_is_drawn_or_refused_at_once() -> None:
    angle = np.linspace(0, 2 * np.pi, 10**6)
    circle = np.stack([400 + 200 * np.cos(angle), 270 + 200 * np.sin(angle)], axis=1)
    began = time.process_time()
    mask = draw_mask([circle.ravel().tolist()], (540, 800))
    assert abs(mask.sum() / (np.pi * 200**2) - 1) < 0.001
    with pytest.raises(DataError, match="crosses its 540 rows too often"):
        draw_mask([np.random.default_rng(0).uniform(0, 500, 2 * 10**5).tolist()], (540, 800))
    assert time.process_time() - began < 20
