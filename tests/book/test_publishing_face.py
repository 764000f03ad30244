"""The book's face: its committed files are what the code draws, and light enough for a page."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from fetalseg_book.publishing import face
from fetalseg_lib.models.encoder import TAPS

STATIC = Path(__file__).parents[2] / "book" / "_static"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("name", "drawn"),
    [("logo.svg", face.logo()), ("logo-dark.svg", face.logo(dark=True)), ("favicon.svg", face.favicon())],
)
def test_committed_drawings_are_those_of_the_code(name: str, drawn: str) -> None:
    assert (STATIC / name).read_text(encoding="utf-8") == drawn + "\n"


def test_the_u_has_the_encoders_maps_on_both_sides_and_se_between() -> None:
    boxes = list(ET.fromstring(face.logo()).iter(f"{SVG}rect"))
    fills = [box.get("fill") for box in boxes]
    above = len(TAPS) - 1
    assert [fills.count(face.FILLS[style]) for style in ("conv", "se", "aspp")] == [2 * above, above, 1]


def test_every_drawing_has_a_title_and_needs_no_font() -> None:
    for drawn in (face.logo(), face.logo(dark=True), face.favicon()):
        root = ET.fromstring(drawn)
        assert root[0].tag == f"{SVG}title"
        assert not list(root.iter(f"{SVG}text"))


def test_cover_is_a_light_picture_of_the_size_that_previews_want() -> None:
    path = STATIC / "cover.png"
    assert path.stat().st_size < 300_000
    image = Image.open(path)
    assert image.size == (1280, 640)
    left = np.asarray(image.convert("L"))[:, :600]
    assert left.std() > 20  # there is a head
