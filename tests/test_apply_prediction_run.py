"""Predict with a network that calls head what is bright: then the truth is what the test has drawn."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import kill_tasks
import numpy as np
import pytest
import torch
from PIL import Image

from fetalseg_book.studies.demonstration import make_demonstration
from fetalseg_lib import NOTICE
from fetalseg_lib.apply import trained as trained_module
from fetalseg_lib.apply.gestation import gestational_age
from fetalseg_lib.apply.images import ImageTable
from fetalseg_lib.apply.prediction import run
from fetalseg_lib.apply.prediction.run import Job, predict_files
from fetalseg_lib.apply.prediction.table import Row
from fetalseg_lib.apply.trained import TrainedNetwork, read_network
from fetalseg_lib.cli import main
from fetalseg_lib.data.training_range import TrainingRange
from fetalseg_lib.geometry import Ellipse, rasterize
from fetalseg_lib.growth import CHARTS
from fetalseg_lib.models import build_model
from fetalseg_lib.training.checkpoint import save_weights

HEAD = Ellipse(center_x=150, center_y=95, semi_major=90, semi_minor=70, angle=0.3)
SHAPE = (200, 300)
MM = 0.4
HC_MM = HEAD.circumference * MM
INTERGROWTH = CHARTS["intergrowth"]
RANGE = TrainingRange(
    images=99,
    low={
        "aspect_ratio": 1.4,
        "mean_gray": 20,
        "contrast": 20,
        "dark_share": 0,
        "pixel_size_mm": 0.1,
        "hc_mm": 90,
    },
    high={
        "aspect_ratio": 1.6,
        "mean_gray": 120,
        "contrast": 120,
        "dark_share": 0.9,
        "pixel_size_mm": 0.5,
        "hc_mm": 300,
    },
)


def weights(path: Path, **metadata: str) -> Path:
    """A U-Net of width 1 whose only open way is the topmost skip: logit = 40 (grey - 1/2)."""
    model = build_model("unet", base_width=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for block in (model.enc0, model.dec1.block):
            for convolution, norm in ((block[0][0], block[0][1]), (block[1][0], block[1][1])):
                # Of the two inputs of the decoder's first convolution, the skip is the last.
                convolution.weight[0, -1, 1, 1] = 1
                norm.weight[0] = 1
        model.head.weight[0] = 40
        model.head.bias[0] = -20
    config = {"variant": "unet", "network": {"base_width": 1}, "image_size": [256, 256], "data": "phantom"}
    save_weights(model, path, {"config": json.dumps(config), **metadata})
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return weights(tmp_path_factory.mktemp("weights") / "weights.safetensors")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedNetwork:
    path = tmp_path_factory.mktemp("weights") / "ranged.safetensors"
    return read_network(weights(path, training_range=RANGE.to_json()))


def drawn(*heads: Ellipse, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    inside = np.any([rasterize(head, shape) for head in heads], axis=0) if heads else np.zeros(shape, bool)
    return np.where(inside, 200, 30).astype(np.uint8)


def write(path: Path, image: np.ndarray) -> Path:
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


def predict(
    trained: TrainedNetwork,
    files: Sequence[Path],
    out: Path,
    *,
    pixel_size_mm: float | None = MM,
    **options: Path,
) -> list[Row]:
    sizes = ImageTable(every=pixel_size_mm)
    job = Job(trained=trained, chart=INTERGROWTH, pixel_sizes=sizes, table=out, **options)
    return predict_files(job, files, batch_size=3, progress=False)


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# What is measured


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
def test_a_drawn_head_is_measured_in_every_format(
    suffix: str, trained: TrainedNetwork, tmp_path: Path
) -> None:
    file = write(tmp_path / f"head{suffix}", drawn(HEAD))
    (row,) = predict(trained, [file], tmp_path / "out.csv")
    assert float(row["hc_mm"]) == pytest.approx(HC_MM, rel=0.005)
    assert float(row["bpd_mm"]) == pytest.approx(2 * 70 * MM, rel=0.01)
    assert float(row["center_x_px"]) == pytest.approx(150, abs=0.5)
    assert float(row["center_y_px"]) == pytest.approx(95, abs=0.5)
    assert float(row["angle_rad"]) == pytest.approx(0.3, abs=0.03)
    assert (row["flags"], row["error"], row["pixel_size_from"]) == ("", "", "--pixel-size")
    age = gestational_age(HC_MM, chart=INTERGROWTH)
    for column, weeks in (
        ("ga_weeks", age.weeks),
        ("ga_low_weeks", age.low_weeks),
        ("ga_high_weeks", age.high_weeks),
    ):
        assert float(row[column]) == pytest.approx(weeks, abs=0.2)
    assert (row["ga_chart"], row["ga_level"]) == ("INTERGROWTH-21st", "0.9")


def test_without_a_pixel_size_lengths_are_in_pixels_and_there_is_no_age(
    trained: TrainedNetwork, tmp_path: Path
) -> None:
    (row,) = predict(
        trained, [write(tmp_path / "a.png", drawn(HEAD))], tmp_path / "o.csv", pixel_size_mm=None
    )
    assert float(row["hc_px"]) == pytest.approx(HEAD.circumference, rel=0.005)
    for column in ("hc_mm", "bpd_mm", "ofd_mm", "ga_weeks", "ga_chart", "pixel_width_mm", "pixel_size_from"):
        assert row[column] == "", column
    assert row["ga_note"] == "no pixel size: lengths in px only"


def test_a_head_outside_the_chart_gets_no_age(trained: TrainedNetwork, tmp_path: Path) -> None:
    (row,) = predict(
        trained, [write(tmp_path / "a.png", drawn(HEAD))], tmp_path / "o.csv", pixel_size_mm=0.12
    )
    assert float(row["hc_mm"]) == pytest.approx(HC_MM * 0.12 / MM, rel=0.005)
    assert row["ga_weeks"] == ""
    assert row["ga_note"] == "outside the chart, which tells 14 to 40 weeks"


def test_dicom_brings_its_own_pixel_size_with_sides_of_their_own(
    trained: TrainedNetwork, tmp_path: Path
) -> None:
    pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = (
        pydicom.uid.UltrasoundImageStorage,
        pydicom.uid.generate_uid(),
    )
    dataset.set_pixel_data(drawn(HEAD), "MONOCHROME2", 8)
    dataset.PixelSpacing = [0.5, 0.25]
    dataset.save_as(tmp_path / "head.dcm", enforce_file_format=True)
    (row,) = predict(trained, [tmp_path / "head.dcm"], tmp_path / "o.csv", pixel_size_mm=9)
    assert float(row["hc_mm"]) == pytest.approx(HEAD.scaled(x=0.25, y=0.5).circumference, rel=0.005)
    assert (row["pixel_height_mm"], row["pixel_width_mm"], row["pixel_size_from"]) == ("0.5", "0.25", "file")


def test_each_frame_of_a_clip_gets_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed (extra dicom)")
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = pydicom.uid.UltrasoundMultiFrameImageStorage
    dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    dataset.set_pixel_data(np.stack([drawn(), drawn(HEAD), drawn(CUT)]), "MONOCHROME2", 8)
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "clip.dcm", enforce_file_format=True)
    write(tmp_path / "in" / "a.png", drawn(HEAD))
    kill_tasks.save_random_weights(tmp_path / "weights")
    common = ["predict", str(tmp_path / "in"), "--checkpoint", str(tmp_path / "weights"), "-o"]
    for option, expected in (
        (["all"], ["a.png", "clip.dcm#1", "clip.dcm#2", "clip.dcm#3"]),
        (["2"], ["a.png", "clip.dcm#2"]),
    ):
        out = tmp_path / f"{option[0]}.csv"
        assert main([*common, str(out), "--frame", *option]) == 0
        rows = list(csv.DictReader(out.open(encoding="utf-8")))
        assert [Path(row["file"]).name for row in rows] == expected
        assert len({row["picture"] for row in rows}) == len(rows)
    assert main([*common, str(tmp_path / "o.csv"), "--frame", "4"]) == 1
    assert main([*common, str(tmp_path / "p.csv")]) == 1
    printed = capsys.readouterr().err
    assert "it has no frame 4, only 3. Give --frame from 1 to 3" in printed
    assert "clip of 3 frames, expected one. Choose one by `fetalseg predict --frame N`" in printed
    assert main([*common, str(tmp_path / "q.csv"), "--frame", "0"]) == 2
    write(tmp_path / "in" / "clip.dcm#2.png", drawn(HEAD)).rename(tmp_path / "in" / "clip.dcm#2")
    named = [str(path) for path in (tmp_path / "in").iterdir()]
    assert main(["predict", *named, *common[2:], str(tmp_path / "r.csv"), "--frame", "all"]) == 2


# What is flagged

CUT = Ellipse(center_x=20, center_y=95, semi_major=90, semi_minor=70, angle=0)
SMALL = Ellipse(center_x=265, center_y=180, semi_major=14, semi_minor=11, angle=0)


@pytest.mark.parametrize(
    ("image", "flags"),
    [
        pytest.param(drawn(HEAD), "", id="good"),
        pytest.param(drawn(), "no head (empty); outside the training range: standard deviation", id="empty"),
        pytest.param(drawn(CUT), "cut by the border", id="cut"),
        pytest.param(drawn(HEAD, SMALL), "several components (2)", id="two"),
        pytest.param(np.full(SHAPE, 200, np.uint8), "no head (too few points); outside", id="all head"),
        pytest.param(drawn(HEAD)[:, 50:250], "outside the training range: width over height 1", id="square"),
        pytest.param(drawn(HEAD) + 55, "outside the training range: mean grey 1", id="bright"),
        pytest.param(
            drawn(Ellipse(center_x=150, center_y=95, semi_major=25, semi_minor=20, angle=0)) // 2 + 60,
            "outside the training range: standard deviation of the greys",
            id="flat",
        ),
        pytest.param(
            drawn(Ellipse(center_x=150, center_y=95, semi_major=35, semi_minor=27, angle=0)),
            "outside the training range: head circumference in mm 7",
            id="small",
        ),
    ],
)
def test_what_is_to_be_distrusted_is_flagged(
    image: np.ndarray, flags: str, trained: TrainedNetwork, tmp_path: Path
) -> None:
    (row,) = predict(trained, [write(tmp_path / "a.png", image)], tmp_path / "o.csv")
    assert row["flags"].startswith(flags)
    assert bool(row["flags"]) == bool(flags)
    assert ("no head" in row["flags"]) == (row["hc_mm"] == "")


def test_a_pixel_size_that_no_training_image_has_is_flagged(trained: TrainedNetwork, tmp_path: Path) -> None:
    file = write(tmp_path / "a.png", drawn(HEAD))
    (row,) = predict(trained, [file], tmp_path / "o.csv", pixel_size_mm=0.6)
    assert "pixel size in mm 0.6 (training 0.1 to 0.5)" in row["flags"]


# The command


def names_in_use() -> list[bytes]:
    usual = [
        b"with space",
        b"'single' \"double\"",
        b"a,b;c",
        b"=1+1",
        b"-x",
        b"+x",
        b"@SUM(1)",
        b"$(touch x)",
    ]
    if sys.platform != "linux":
        return usual
    other = [
        b"new\nline",
        b"\x1b[31mred",
        b"tab\tcr\r",
        b"not utf-8 \xff",
        "😀 \u202egnp".encode(),
        b"n" * 251,
    ]
    return usual + other


def test_a_folder_of_odd_names_and_broken_files_is_finished_and_told(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    content = cv2.imencode(".png", drawn(HEAD))[1].tobytes()
    for name in names_in_use():
        Path(os.fsdecode(b"in/" + name + b".png")).write_bytes(content)
    (tmp_path / "in" / "broken.png").write_bytes(content[:100])
    (tmp_path / "in" / "=broken.jpg").write_bytes(b"")
    command = ["predict", "in", "--pixel-size", str(MM), "-o", "o.csv", "--overlay", "ov", "--masks", "masks"]
    assert main([*command, "--checkpoint", str(checkpoint)]) == 1
    printed = capsys.readouterr()
    broken = [line for line in printed.err.splitlines() if line.startswith("fetalseg: ")]
    assert len(broken) == 2
    assert "in/=broken.jpg: it is no PNG, JPEG, TIFF, BMP or DICOM file" in broken[0]
    assert "in/broken.png: it cannot be decoded" in broken[1]
    for text in (printed.out, "\n".join(broken)):
        assert text.replace("\n", "").isprintable()
    total = len(names_in_use()) + 2
    assert f"{total - 2} of {total} images read" in printed.out
    assert NOTICE in printed.out.lower()

    text = (tmp_path / "o.csv").read_text(encoding="utf-8")
    assert text.count("\n") == total + 1
    assert text.replace("\n", "").isprintable()
    rows = read(tmp_path / "o.csv")
    assert {row["notice"] for row in rows} == {NOTICE}
    assert [bool(row["error"]) for row in rows].count(True) == 2
    for folder in ("ov", "masks"):
        assert {path.name for path in (tmp_path / folder).iterdir()} == {
            row["picture"] for row in rows if not row["error"]
        }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "masks", "o.csv", "ov"]


def test_a_name_alone_that_is_a_formula_does_not_become_one(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [write(tmp_path / name, drawn(HEAD)) for name in ("=1+1.png", "@a.png", "-b.png", "+c.png")]
    named = [file.name for file in files]
    assert main(["predict", "-o", "o.csv", "--checkpoint", str(checkpoint), "--", *named]) == 0
    for row, name in zip(read(tmp_path / "o.csv"), named, strict=True):
        assert row["file"] == f"'{name}"
        for column, cell in row.items():
            number = column.endswith(("_px", "_mm", "_rad"))
            assert cell[:1] not in set("=+-@") or number, column


def test_pictures_show_mask_and_ellipse_and_carry_the_notice(trained: TrainedNetwork, tmp_path: Path) -> None:
    image = drawn(HEAD, shape=(400, 600))
    file = write(tmp_path / "a.png", image)
    (row,) = predict(trained, [file], tmp_path / "o.csv", overlays=tmp_path / "ov", masks=tmp_path / "m")
    mask = cv2.imread(str(tmp_path / "m" / row["picture"]), cv2.IMREAD_UNCHANGED)
    assert mask.shape == image.shape
    assert set(np.unique(mask)) == {0, 255}
    truth = image > 100
    assert (2 * ((mask > 0) & truth).sum()) / ((mask > 0).sum() + truth.sum()) > 0.98
    overlay = cv2.imread(str(tmp_path / "ov" / row["picture"]))[..., ::-1]
    assert overlay.shape[0] > 400
    assert overlay.shape[1:] == (600, 3)
    for x, y in HEAD.points(12).round().astype(int):
        assert (overlay[y - 2 : y + 3, x - 2 : x + 3] == (230, 159, 0)).all(axis=-1).any()
    inside = overlay[95, 150].astype(int)
    assert inside[0] > inside[2], "the mask is tinted"
    assert tuple(overlay[10, 10]) == (30, 30, 30), "the image around it is not"
    assert overlay[400:].max() > 200, "there are words below"
    for folder in ("ov", "m"):
        with Image.open(tmp_path / folder / row["picture"]) as picture:
            assert picture.text["Comment"] == NOTICE  # type: ignore[attr-defined]


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (2000, 3)])
def test_images_of_any_shape_are_predicted_and_drawn(
    shape: tuple[int, int], trained: TrainedNetwork, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.png", np.full(shape, 30, np.uint8))
    (row,) = predict(trained, [file], tmp_path / "o.csv", overlays=tmp_path / "ov", masks=tmp_path / "m")
    assert (row["error"], row["hc_mm"]) == ("", "")
    assert (row["image_height_px"], row["image_width_px"]) == tuple(map(str, shape))


UNUSABLE = {
    "in": "nothing.safetensors: expected a trained network with the package",
    "in --checkpoint nowhere": "nowhere: expected a file of weights",
    "in --checkpoint pickle": "expected a safetensors file, got a pickle",
    "empty --checkpoint GOOD": "no image found",
    "in --checkpoint GOOD --pixel-size 0": "--pixel-size: expected a positive length",
    "in --checkpoint GOOD --pixel-size nan": "--pixel-size: expected a positive length",
    "in --checkpoint GOOD --pixel-size 0,2": "--pixel-size: expected a length in mm or a CSV",
    "in --checkpoint GOOD --pixel-size own.csv": "no column 'filename'",
    "in --checkpoint GOOD --batch-size 0": "--batch-size: expected at least 1",
    "in --checkpoint GOOD --overlay in": "expected a folder of their own",
    "in --checkpoint GOOD --overlay x --masks ./x": "expected another folder than --overlay",
    "in --checkpoint GOOD -o own.csv": "own.csv: expected a table of `fetalseg predict`",
    "in --checkpoint GOOD -o in/x.png/o.csv": "x.png",
}


@pytest.mark.parametrize("options", UNUSABLE)
def test_unusable_arguments_give_one_line_and_change_nothing(
    options: str,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trained_module, "DEMONSTRATION", Path("nothing.safetensors"))
    for folder in ("in", "empty"):
        (tmp_path / folder).mkdir()
    write(tmp_path / "in" / "x.png", drawn(HEAD))
    torch.save({"a": 1}, tmp_path / "pickle")
    (tmp_path / "own.csv").write_text("name,hc\n1,2\n", encoding="utf-8")
    given = [str(checkpoint) if option == "GOOD" else option for option in options.split()]
    assert main(["predict", "-o", "o.csv", *given]) == 2
    printed = capsys.readouterr().err.splitlines()[-1]
    assert printed.startswith("fetalseg: ")
    assert UNUSABLE[options] in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "in", "own.csv", "pickle"]
    assert (tmp_path / "own.csv").read_text(encoding="utf-8") == "name,hc\n1,2\n"


def test_without_a_checkpoint_the_network_of_the_package_is_asked(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = make_demonstration(checkpoint, out=tmp_path / "demonstration.safetensors")
    monkeypatch.setattr(trained_module, "DEMONSTRATION", shipped)
    file = write(tmp_path / "a.png", drawn(HEAD))
    assert main(["predict", str(file), "--pixel-size", str(MM), "-o", str(tmp_path / "o.csv")]) == 0
    (row,) = read(tmp_path / "o.csv")
    assert float(row["hc_mm"]) == pytest.approx(HC_MM, rel=0.02)
    assert row["weights_sha256"] == read_network(shipped).sha256


def test_what_a_training_range_is_not_known_for_is_said(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "a.png", drawn(HEAD))
    assert main(["predict", str(file), "-o", str(tmp_path / "o.csv"), "--checkpoint", str(checkpoint)]) == 0
    printed = capsys.readouterr().out
    assert "no image is held against them" in printed
    assert "Without a pixel size lengths are in pixels" in printed
    assert " px" in printed


def test_a_table_gives_each_image_its_pixel_size(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png", "c.png"):
        write(tmp_path / name, drawn(HEAD))
    (tmp_path / "sizes.csv").write_text("filename,pixel size(mm)\na.png,0.2\nb.png,0.4\n", encoding="utf-8")
    command = ["predict", "a.png", "b.png", "c.png", "--pixel-size", "sizes.csv", "-o", "o.csv"]
    assert main([*command, "--checkpoint", str(checkpoint)]) == 0
    a, b, c = read(tmp_path / "o.csv")
    assert float(b["hc_mm"]) == pytest.approx(2 * float(a["hc_mm"]), abs=0.01)
    assert (c["hc_mm"], c["pixel_size_from"]) == ("", "")
    assert "Without a pixel size" in capsys.readouterr().out


# Going on


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = []
    for number in range(7):
        head = Ellipse(center_x=150, center_y=95, semi_major=90 - 3 * number, semi_minor=70, angle=0.1)
        found.append(write(tmp_path / f"{number}.png", drawn(head)))
    found[4].write_bytes(b"broken")
    return found


def test_threads_side_by_side_give_the_table_of_one(
    files: list[Path], trained: TrainedNetwork, tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            predict(trained, files, tmp_path / f"{threads}.csv", overlays=tmp_path / f"o{threads}")
    finally:
        torch.set_num_threads(before)
    one, two = ((tmp_path / f"{threads}.csv").read_bytes() for threads in (1, 2))
    assert one == two
    pictures = [{file.name: file.read_bytes() for file in (tmp_path / f"o{n}").iterdir()} for n in (1, 2)]
    assert pictures[0] == pictures[1]
    assert len(pictures[0]) == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")
def test_a_run_killed_at_any_write_goes_on_to_the_same_table(
    files: list[Path], trained: TrainedNetwork, tmp_path: Path
) -> None:
    """A child is killed with SIGKILL at its first flush to the disk, the next at its second, and so on."""
    undisturbed = tmp_path / "whole.csv"
    predict(trained, files, undisturbed, overlays=tmp_path / "whole")
    out = tmp_path / "killed.csv"
    kills = 0
    while not out.exists():
        child = os.fork()
        if child == 0:
            _die_at_flush(1 + kills)
            predict(trained, files, out, overlays=tmp_path / "killed")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            kills += 1
        assert kills < 40, "it never ends"
    assert kills >= 8
    assert out.read_bytes() == undisturbed.read_bytes()
    assert not (tmp_path / "killed.csv.unfinished").exists()
    for picture in (tmp_path / "whole").iterdir():
        assert (tmp_path / "killed" / picture.name).read_bytes() == picture.read_bytes()


def _die_at_flush(number: int) -> None:
    """Kill this process at its n-th fsync."""
    flush, count = os.fsync, 0

    def counted(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        flush(descriptor)

    os.fsync = counted


def test_half_a_row_is_not_read(files: list[Path], trained: TrainedNetwork, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "o.csv"
    predict(trained, files, whole)
    text = whole.read_bytes()
    for cut in (1, 100, len(text) // 2, len(text) - 1):
        (tmp_path / "o.csv.unfinished").write_bytes(text[:cut])
        predict(trained, files, out)
        assert out.read_bytes() == text
        out.unlink()


def test_what_is_done_is_not_done_again_but_what_changed_is(
    files: list[Path], trained: TrainedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = []

    def counted(*arguments: object, **options: object) -> object:
        batches.append(len(arguments[1]))  # type: ignore[arg-type]
        return predict_images(*arguments, **options)  # type: ignore[arg-type]

    predict_images = run.predict_images
    monkeypatch.setattr(run, "predict_images", counted)
    out = tmp_path / "o.csv"
    predict(trained, files, out)
    assert batches == [3, 2, 1]
    predict(trained, files, out)
    assert batches == [3, 2, 1], "nothing is new"
    files[6].write_bytes(files[0].read_bytes())
    rows = predict(trained, files, out)
    assert batches[3:] == [1], "one file has changed"
    assert rows[6]["hc_mm"] == rows[0]["hc_mm"]
    files[4].write_bytes(files[0].read_bytes())
    assert not predict(trained, files, out)[4]["error"]
    assert batches[4:] == [3], "the broken file was mended"
    predict(trained, files, out, overlays=tmp_path / "ov")
    assert batches[5:] == [3, 3, 1], "pictures are wanted"
    predict(trained, files, out, pixel_size_mm=0.2)
    assert batches[8:] == [3, 3, 1], "pixels have another size"


def test_a_table_of_other_images_is_not_overwritten(
    files: list[Path], trained: TrainedNetwork, tmp_path: Path
) -> None:
    out = tmp_path / "o.csv"
    predict(trained, files[:2], out)
    before = out.read_bytes()
    with pytest.raises(ValueError, match=r"holds 1 images that are not asked for now, the first is .*0.png"):
        predict(trained, files[1:], out)
    assert out.read_bytes() == before
    assert len(predict(trained, files, out)) == 7, "more images are welcome"


def test_what_is_left_of_a_table_of_other_images_is_not_lost(
    files: list[Path], trained: TrainedNetwork, tmp_path: Path
) -> None:
    out, left = tmp_path / "o.csv", tmp_path / "o.csv.unfinished"
    predict(trained, files[:2], out)
    out.rename(left)  # as a kill at the last moment leaves it
    before = left.read_bytes()
    with pytest.raises(ValueError, match=r"unfinished: holds 1 images that are not asked for now"):
        predict(trained, files[1:], out)
    left.write_text("notes,of my own\n1,2\n")
    with pytest.raises(ValueError, match=r"unfinished: expected a table of `fetalseg predict`"):
        predict(trained, files[1:], out)
    assert left.read_text() == "notes,of my own\n1,2\n"
    left.write_bytes(before)
    assert len(predict(trained, files, out)) == 7


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_a_second_run_on_the_same_table_is_refused(
    files: list[Path], trained: TrainedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "o.csv"

    def meanwhile(*_: object, **__: object) -> object:
        monkeypatch.undo()
        with pytest.raises(ValueError, match="another process is writing it"):
            predict(trained, files, out)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "predict_images", meanwhile)
    with pytest.raises(KeyboardInterrupt):
        predict(trained, files, out)
    assert len(predict(trained, files, out)) == 7


def test_a_full_disk_is_an_error_and_loses_nothing(
    files: list[Path], trained: TrainedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, calls = tmp_path / "o.csv", 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            predict(trained, files, out)
    assert not out.exists()
    rows = predict(trained, files, out)
    assert math.isclose(float(rows[0]["hc_mm"]), HEAD.circumference * MM, rel_tol=0.02)
