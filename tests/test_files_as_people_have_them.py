"""Files as people have them: each kind through every door by which such a file comes in.

A kind is a row: what it does to plain files, and what each door is to answer, ``SAME`` where the very numbers
of the plain files come out, else words of the error. A new kind is one more row.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_apply_prediction_run import drawn, weights

from fetalseg_lib.cli import main
from fetalseg_lib.data import phantom
from fetalseg_lib.data.layout import TRAINING
from fetalseg_lib.geometry import Ellipse, rasterize
from fetalseg_lib.study import records
from fetalseg_lib.study import run as run_module

SHAPE = (120, 180)
HEADS = {
    "left/scan.png": Ellipse(center_x=88, center_y=60, semi_major=52, semi_minor=41, angle=0.2),
    "right/scan.png": Ellipse(center_x=92, center_y=58, semi_major=46, semi_minor=36, angle=-0.3),
}
SIZES = {"left/scan.png": "0.2", "right/scan.png": "0.4"}
SAME = "the numbers of the plain files"

Numbers = Mapping[str, float]
Answer = tuple[int, Numbers, str]
"""Exit status, lengths in mm by image, and what stands on the terminal."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients' images of one name, masks, COCO's JSON, sizes; a folder in HC18's layout; a network."""
    desk = tmp_path_factory.mktemp("plain")
    for name, head in HEADS.items():
        for folder, pixels in (
            ("images", drawn(head, shape=SHAPE)),
            ("masks", np.where(rasterize(head, SHAPE), 255, 0).astype(np.uint8)),
        ):
            (desk / folder / name).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(desk / folder / name), pixels)
    write_sizes(desk, SIZES)
    coco = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(HEADS)],
        "annotations": [
            {
                "image_id": number,
                "category_id": 1,
                "segmentation": [(head.points(200) + 0.5).ravel().tolist()],
            }
            for number, head in enumerate(HEADS.values())
        ],
        "categories": [{"id": 1, "name": "head"}],
    }
    (desk / "coco.json").write_text(json.dumps(coco), encoding="utf-8")
    phantom.write_folder(phantom.generate(14, seed=1, size=(96, 128)), desk / "heads")
    weights(desk / "network.safetensors")
    return desk


def write_sizes(
    desk: Path, sizes: Mapping[str, str], *, separator: str = ",", encoding: str = "utf-8"
) -> None:
    with (desk / "sizes.csv").open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows([("filename", "pixel size(mm)"), *sizes.items()])


# The doors


def predict(desk: Path, _patch: pytest.MonkeyPatch) -> tuple[int, Numbers]:
    out, network = desk / "out.csv", desk / "network.safetensors"
    options = ["--pixel-size", str(desk / "sizes.csv"), "-o", str(out), "--checkpoint", str(network)]
    status = main(["predict", str(desk / "images"), *options, "--masks", str(desk / "drawn")])
    rows = pd.read_csv(out).to_dict("records") if out.exists() else []
    assert len({row["picture"] for row in rows}) == len(rows)
    return status, {_relative(row["file"], desk): row["hc_mm"] for row in rows if row["hc_mm"] > 0}


def import_masks(desk: Path, _patch: pytest.MonkeyPatch) -> tuple[int, Numbers]:
    return _import(desk, "import-masks", str(desk / "images"), str(desk / "masks"))


def import_coco(desk: Path, _patch: pytest.MonkeyPatch) -> tuple[int, Numbers]:
    return _import(desk, "import-coco", str(desk / "coco.json"), str(desk / "images"))


def _import(desk: Path, *command: str) -> tuple[int, Numbers]:
    out = desk / "imported"
    status = main([*command, "--pixel-size", str(desk / "sizes.csv"), "-o", str(out)])
    if not out.exists():
        return status, {}
    sources = pd.read_csv(out / "sources.csv").set_index("filename")["source"]
    table = pd.read_csv(out / TRAINING.index).set_index("filename")["head circumference (mm)"]
    return status, {_relative(sources[name], desk): float(hc) for name, hc in table.items()}


def _relative(file: str, desk: Path) -> str:
    return Path(file).relative_to(desk / "images").with_suffix(".png").as_posix()


def data_check(desk: Path, _patch: pytest.MonkeyPatch) -> tuple[int, Numbers]:
    return main(["data", "check", str(desk / "heads")]), {}


def train(desk: Path, patch: pytest.MonkeyPatch) -> tuple[int, Numbers]:
    """Up to the images that the network would be given; the training itself has other tests."""
    found: dict[str, float] = {}

    def stop_at_the_data(config: Any, *, root: Path, data_root: Path | None) -> Path:
        index = run_module.prepare_data(config, data_root=data_root, cache=desk / "cache").cache.index
        found.update(zip(index["name"], index["hc_mm"], strict=True))
        records.write_json(desk / records.METRICS, {})
        return desk

    patch.setattr(run_module, "run", stop_at_the_data)
    return main(["train", "--data", str(desk / "heads"), "--profile", "smoke"]), found


IMAGES = (predict, import_masks, import_coco)
FOLDERS = (data_check, train)
PAGE = "the page in the browser"
"""A door too, through which tests/book/test_browser_page.py goes: it has the browser."""


# The kinds


def each(folder: str, change: Callable[[Path], object]) -> Callable[[Path], None]:
    def spoil(desk: Path) -> None:
        for path in sorted((desk / folder).rglob("*.png")):
            change(path)

    return spoil


def no_folders(desk: Path) -> None:
    write_sizes(desk, {"scan.png": "0.2"})


def one_folder_and_a_name(desk: Path) -> None:
    write_sizes(desk, {"scan.png": "0.4", "left/scan.png": "0.2"})


def backslashes(desk: Path) -> None:
    write_sizes(desk, {f".\\{name}".replace("/", "\\"): size for name, size in SIZES.items()})
    path = desk / "coco.json"
    content = json.loads(path.read_text())
    for image in content["images"]:
        image["file_name"] = image["file_name"].replace("/", "\\")
    path.write_text(json.dumps(content))


def whole_paths(desk: Path) -> None:
    write_sizes(desk, {str(desk / "images" / name): size for name, size in SIZES.items()})


def german_excel(desk: Path) -> None:
    """Semicolons, decimal commas, a byte-order mark: what saving a table as CSV gives in half of Europe."""
    commas = {name: size.replace(".", ",") for name, size in SIZES.items()}
    write_sizes(desk, commas, separator=";", encoding="utf-8-sig")
    path = desk / "heads" / TRAINING.index
    text = path.read_text().replace(",", ";").replace(".", ",").replace(",png", ".png")
    path.write_text(text, encoding="utf-8-sig")


def tabs(desk: Path) -> None:
    write_sizes(desk, SIZES, separator="\t")
    path = desk / "heads" / TRAINING.index
    path.write_text(path.read_text().replace(",", "\t"))


def commas_for_both(desk: Path) -> None:
    rows = "".join(f"{name},{size.replace('.', ',')}\n" for name, size in SIZES.items())
    (desk / "sizes.csv").write_text(f"filename,pixel size(mm)\n{rows}")
    path = desk / "heads" / TRAINING.index
    header, _, rest = path.read_text().partition("\n")
    path.write_text(f"{header}\n{rest.replace('.', ',').replace(',png', '.png')}")


def one_folder_too_deep(desk: Path) -> None:
    folder = desk / "heads" / TRAINING.folder
    folder.rename(desk / "inner")
    folder.mkdir()
    (desk / "inner").rename(folder / TRAINING.folder)


def transparent(path: Path) -> None:
    grey = Image.open(path).convert("L")
    Image.merge("LA", (grey, Image.new("L", grey.size, 0))).save(path)


def saved_as(kind: str, mode: str = "L") -> Callable[[Path], None]:
    """The same greys in another kind of file under the old name: the content tells what it is."""
    return lambda path: Image.open(path).convert(mode).save(path, kind, lossless=True)


def sixteen_bits(path: Path) -> None:
    cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * 257)


def half_of_it(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def mask_in_alpha(path: Path) -> None:
    mask = Image.open(path).convert("L")
    Image.merge("LA", (Image.new("L", mask.size, 255), mask)).save(path)


def inverted(path: Path) -> None:
    cv2.imwrite(str(path), 255 - cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def called_mask(path: Path) -> None:
    path.rename(path.with_stem(f"{path.stem}_mask"))


def called_otherwise(path: Path) -> None:
    path.rename(path.with_stem(f"{path.stem} by hand"))


def another_image_of_the_name(path: Path) -> None:
    Image.open(path).convert("L").save(path.with_suffix(".bmp"))


def ids_as(kind: Callable[[int], object]) -> Callable[[Path], None]:
    def spoil(desk: Path) -> None:
        path = desk / "coco.json"
        content = json.loads(path.read_text())
        for annotation in content["annotations"]:
            annotation["image_id"] = kind(annotation["image_id"])
            annotation["category_id"] = kind(annotation["category_id"])
        path.write_text(json.dumps(content))

    return spoil


def one_id_twice(desk: Path) -> None:
    path = desk / "coco.json"
    path.write_text(path.read_text().replace('"id": 1, "file_name"', '"id": 0, "file_name"'))


# kind: (what it does to the plain files, what each door that it concerns answers)
Door = Callable[[Path, pytest.MonkeyPatch], tuple[int, Numbers]]
KINDS: dict[str, tuple[Callable[[Path], None], dict[Door | str, str]]] = {
    "plain": (lambda desk: None, dict.fromkeys((*IMAGES, *FOLDERS, PAGE), SAME)),
    "grey in colours": (each("images", saved_as("PNG", "RGB")), dict.fromkeys((*IMAGES, PAGE), SAME)),
    "a channel of nothing transparent": (
        each("images", saved_as("PNG", "LA")),
        dict.fromkeys((*IMAGES, PAGE), SAME),
    ),
    "a palette": (each("images", saved_as("PNG", "P")), dict.fromkeys((*IMAGES, PAGE), SAME)),
    "BMP called PNG": (each("images", saved_as("BMP")), dict.fromkeys((*IMAGES, PAGE), SAME)),
    "TIFF called PNG": (each("images", saved_as("TIFF")), dict.fromkeys(IMAGES, SAME) | {PAGE: "TIFF"}),
    "16 bits": (each("images", sixteen_bits), dict.fromkeys(IMAGES, SAME) | {PAGE: "16 bits"}),
    "WebP called PNG": (
        each("images", saved_as("WEBP", "RGB")),
        dict.fromkeys((*IMAGES, PAGE), "a WebP file"),
    ),
    "GIF called PNG": (each("images", saved_as("GIF")), dict.fromkeys((*IMAGES, PAGE), "a GIF file")),
    "half of a file": (
        each("images", half_of_it),
        dict.fromkeys(IMAGES, "it cannot be decoded") | {PAGE: "cut short"},
    ),
    "an empty file": (
        each("images", lambda path: path.write_bytes(b"")),
        dict.fromkeys(IMAGES, "or its start is damaged") | {PAGE: "empty"},
    ),
    "two files of one name, one row": (no_folders, dict.fromkeys(IMAGES, "left/scan.png alike")),
    "two files of one name, one row has a folder": (one_folder_and_a_name, dict.fromkeys(IMAGES, SAME)),
    "Windows paths": (backslashes, dict.fromkeys(IMAGES, SAME)),
    "whole paths": (whole_paths, dict.fromkeys(IMAGES, SAME)),
    "semicolons, decimal commas, a byte-order mark": (
        german_excel,
        dict.fromkeys((*IMAGES, *FOLDERS), SAME),
    ),
    "tabs": (tabs, dict.fromkeys((*IMAGES, *FOLDERS), SAME)),
    "commas as decimal points and between cells": (
        commas_for_both,
        dict.fromkeys(IMAGES, "line 2 has 3 cells, the header 2")
        | dict.fromkeys(FOLDERS, "line 2 has 5 cells, the header 3"),
    ),
    "unpacked one folder too deep": (
        one_folder_too_deep,
        dict.fromkeys(FOLDERS, "the images lie one folder too deep"),
    ),
    "wholly transparent images": (
        each("images", transparent),
        dict.fromkeys(IMAGES, "it is wholly transparent, so there is nothing to see")
        | {PAGE: "It is wholly transparent, so there is nothing to see"},
    ),
    "masks in the alpha channel": (
        each("masks", mask_in_alpha),
        {import_masks: "the mask lies in its transparency"},
    ),
    "inverted masks": (each("masks", inverted), {import_masks: "it is inverted: the image's border is head"}),
    "masks called *_mask": (each("masks", called_mask), {import_masks: SAME}),
    "masks called anyhow": (each("masks", called_otherwise), {import_masks: "there is no mask scan.*"}),
    "two images for one mask": (
        each("images", another_image_of_the_name),
        {import_masks: "left/scan.bmp, "},
    ),
    "COCO's ids as text": (ids_as(str), {import_coco: SAME}),
    "COCO's ids as floats": (ids_as(float), {import_coco: SAME}),
    "COCO's ids of other images": (ids_as(lambda n: n + 7), {import_coco: "has 0 heads for it"}),
    "one of COCO's ids twice": (one_id_twice, {import_coco: "has 2 images with its id 0"}),
}


@pytest.fixture(scope="module")
def answers_to_plain() -> dict[Door, Numbers]:
    """What a door gave for the plain files: each is asked once."""
    return {}


@pytest.mark.parametrize(
    ("kind", "door"),
    [
        pytest.param(kind, door, id=f"{kind}-{door.__name__}")
        for kind, (_, doors) in KINDS.items()
        for door in doors
        if not isinstance(door, str)
    ],
)
def test_every_door_answers(
    kind: str,
    door: Door,
    plain: Path,
    answers_to_plain: dict[Door, Numbers],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil, answers = KINDS[kind]
    if door not in answers_to_plain:
        _, answers_to_plain[door] = door(shutil.copytree(plain, tmp_path / "plain"), monkeypatch)
    expected = answers_to_plain[door]
    desk = shutil.copytree(plain, tmp_path / "desk")
    capsys.readouterr()
    spoil(desk)
    status, found = door(desk, monkeypatch)
    printed = "".join(capsys.readouterr())
    if answers[door] == SAME:
        assert status == 0, printed
        assert found == pytest.approx(expected, rel=1e-9)
        assert bool(found) or door is data_check
    else:
        assert status in (1, 2)
        assert answers[door] in printed
        assert found == {}
        most = 1 if door in FOLDERS else len(HEADS) + 1  # a line for each image, and one for all
        assert printed.count(answers[door]) <= most


def test_the_plain_files_give_what_was_drawn(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = shutil.copytree(plain, tmp_path / "desk")
    truth = {name: head.circumference * float(SIZES[name]) for name, head in HEADS.items()}
    for door in IMAGES:
        assert door(desk, monkeypatch)[1] == pytest.approx(truth, rel=0.02), door.__name__
