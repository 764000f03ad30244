"""The explorers: what they say against something independent; their scripts in a real browser, offline."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from fetalseg_book.explorers import overlay, pos_weight, receptive_field
from fetalseg_lib.geometry import Ellipse
from fetalseg_lib.training.losses import DiceBCELoss

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
Open = Callable[[str], Any]


@pytest.fixture(scope="module")
def open_page() -> Iterator[Open]:
    """Opens an HTML fragment on a page that has no network, and fails on any error of its script."""
    if CHROMIUM is None:
        pytest.skip("no Chromium or Chrome to run the explorers' scripts in")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    errors: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(offline=True)

        def opened(html: str) -> Any:
            page = context.new_page()
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.set_content(f"<!doctype html><meta charset=utf-8><body>{html}")
            return page

        yield opened
        browser.close()
    assert not errors


def said(page: Any) -> str:
    text: str = page.locator(".view").text_content()
    return text


def numbers(path: str) -> list[float]:
    """The coordinates of a path."""
    return [float(number) for number in re.findall(r"-?[\d.]+", path)]


# pos_weight


@pytest.mark.parametrize("weight", [0.5, 1.0, 2.3, 200.0])
def test_the_best_outline_is_where_the_librarys_loss_has_its_minimum_at_one_half(weight: float) -> None:
    view = pos_weight.EdgeView(weight=weight, width_mm=0.6)
    drawings = 20_000
    share = 1 / (1 + math.exp(view.shift_mm / view.width_mm))  # who says head, where the outline lies
    votes = (torch.arange(drawings) < share * drawings).double()[:, None, None, None]
    logit = torch.zeros(1, 1, 1, 1, dtype=torch.float64, requires_grad=True)  # an answer of one half
    DiceBCELoss(dice_weight=0, bce_weight=1, pos_weight=weight)(logit.expand_as(votes), votes).backward()
    assert logit.grad is not None
    assert logit.grad.item() == pytest.approx(0, abs=weight / drawings)


def test_the_circumference_grows_as_that_of_an_ellipse_that_is_drawn_further_out() -> None:
    view = pos_weight.EdgeView(weight=50, width_mm=0.5)
    head = Ellipse(center_x=0, center_y=0, semi_major=32, semi_minor=25, angle=0.3)  # mm
    tangents = np.roll(head.points(20_000), -1, axis=0) - np.roll(head.points(20_000), 1, axis=0)
    normals = np.stack([tangents[:, 1], -tangents[:, 0]], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    outer = head.points(20_000) + view.shift_mm * normals
    length = np.linalg.norm(np.roll(outer, -1, axis=0) - outer, axis=1).sum()
    assert length - head.circumference == pytest.approx(view.hc_change_mm, abs=0.01)


def test_the_cheapest_place_of_the_landscape_is_the_best_outline() -> None:
    for weight in (0.3, 1, 20, 300):
        view = pos_weight.EdgeView(weight=weight, width_mm=0.8)
        points = [tuple(map(float, pair.split())) for pair in view.cost()[1:].split("L")]
        lowest = max(points, key=lambda point: point[1])[0]  # down is y upwards
        drawn = re.search(r'class="best" d="M([\d.]+)', pos_weight.explorer(view))
        assert drawn is not None
        assert lowest == pytest.approx(float(drawn[1]), abs=4)  # a step of the curve


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: pos_weight.EdgeView(weight=0), "weight: expected a finite number above 0, got 0"),
        (lambda: pos_weight.EdgeView(width_mm=math.nan), "width_mm: expected .* got nan"),
        (
            lambda: pos_weight.explorer(pos_weight.EdgeView(weight=1e4)),
            "view: expected a weight of 0.1 to 1000",
        ),
    ],
    ids=["no weight", "no width", "beyond the slider"],
)
def test_what_cannot_be_shown_is_refused(act: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()


def test_the_weight_moves_by_the_keyboard_and_the_page_says_what_python_says(open_page: Open) -> None:
    page = open_page(pos_weight.explorer(pos_weight.EdgeView(weight=10, width_mm=0.6)))
    weight = page.get_by_role("slider", name="Weight of a head pixel")
    assert said(page) == pos_weight.EdgeView(weight=10, width_mm=0.6).sentence
    weight.focus()
    page.keyboard.press("End")
    assert said(page) == pos_weight.EdgeView(weight=1000, width_mm=0.6).sentence
    page.keyboard.press("Home")
    found = pos_weight.EdgeView(weight=0.1, width_mm=0.6)
    assert said(page) == found.sentence
    assert page.get_by_role("img").get_attribute("aria-label") == found.sentence
    for name, path in (("answer", found.curve(weight=0.1)), ("cost", found.cost())):
        drawn = numbers(page.locator(f"path.{name}").get_attribute("d"))
        assert drawn == pytest.approx(numbers(path), abs=0.11)  # the last digit may be rounded otherwise


# The overlay


@pytest.fixture
def study(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with one head, and a study of two variants whose ellipses are known."""
    heads, published = tmp_path / "heads", tmp_path / "published"
    heads.mkdir()
    reference = Ellipse(center_x=50, center_y=40, semi_major=30, semi_minor=30, angle=0)
    Image.fromarray(np.zeros((40, 50), dtype=np.uint8)).save(heads / "a.jpg")
    head = overlay.Head(
        name="a.png", size="small", file="a.jpg", shape=(80, 100), pixel_size_mm=1, reference=reference
    )
    (heads / overlay.FACTS).write_text(json.dumps([asdict(head)]), encoding="utf-8")
    for variant, grown in (("one", 0), ("two", 2)):
        row = {f"ellipse_{name}": [value] for name, value in asdict(reference).items()}
        row["ellipse_semi_major"] = row["ellipse_semi_minor"] = [30 + grown]
        folder = published / variant / "seed-0"
        folder.mkdir(parents=True)
        pd.DataFrame({"name": ["a.png"], **row}).to_csv(folder / "per_image.csv", index=False)
    return heads, published


def test_the_slider_goes_from_the_annotation_to_each_variant(
    open_page: Open, study: tuple[Path, Path]
) -> None:
    page = open_page(overlay.explorer(*study, order=["one", "two"]))
    assert said(page) == f"The annotation of a.png: a head circumference of {60 * math.pi:.1f} mm."
    page.get_by_role("slider", name="Outline").focus()
    page.keyboard.press("End")
    assert "between +12.6 and +12.6 mm" in said(page)  # 2 px further out is 4π mm longer
    assert page.locator(".layer:not([hidden]) ellipse").get_attribute("rx") == "32.0"
    page.keyboard.press("ArrowLeft")
    assert said(page).startswith("one, 1 seeds: between +0.0 and +0.0 mm")


def test_images_are_chosen_by_size_and_not_by_success() -> None:
    sizes = pd.DataFrame({"name": [f"{k:02}" for k in range(11)], "hc_reference_mm": range(100, 210, 10)})
    assert overlay.choose(sizes) == {"small": "01", "middling": "05", "large": "09"}


# The receptive field


def test_the_kernel_moves_by_the_keyboard(open_page: Open) -> None:
    page = open_page(receptive_field.explorer(receptive_field.KernelView(side=8, rate=1, row=3, column=3)))
    page.get_by_role("slider", name="Rate").focus()
    page.keyboard.press("End")
    view = receptive_field.KernelView(side=8, rate=receptive_field.LARGEST_RATE, row=3, column=3)
    assert said(page) == view.sentence


@pytest.mark.parametrize(
    "html",
    [
        pos_weight.explorer(),
        receptive_field.explorer(),
    ],
    ids=["pos_weight", "receptive_field"],
)
def test_nothing_comes_from_the_network(html: str) -> None:
    assert not re.search(r"https?:|[\"'(]//|\bsrc=|@import|url\(", html)
