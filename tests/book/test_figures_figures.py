import base64
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from IPython.display import SVG, Image
from matplotlib.figure import Figure
from PIL import Image as Picture

from fetalseg_book.figures import figures
from fetalseg_book.figures.style import light_png, light_svg, show
from fetalseg_book.figures.train import training_curves
from fetalseg_lib.geometry import Ellipse

ELLIPSE = {"center_x": 30.0, "center_y": 20.0, "semi_major": 15.0, "semi_minor": 10.0, "angle": 0.3}


@pytest.fixture(autouse=True)
def closed_figures() -> object:
    yield
    plt.close("all")


def test_the_kept_epoch_is_the_one_with_the_best_validation_dice() -> None:
    history = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "train_loss": [3.0, 2, 1],
            "validation_loss": [3.0, 2, 1],
            "validation_dice": [0.5, 0.9, 0.8],
        }
    )
    figure, words = training_curves(history)
    _, right = figure.axes
    (kept,) = [line for line in right.lines if line.get_label() == "kept"]
    assert [float(kept.get_xdata()[0]), float(kept.get_ydata()[0])] == [2.0, 0.9]
    assert "highest in epoch 2 with 90.0 %" in words


def test_an_unmeasured_head_has_no_ellipse() -> None:
    row = pd.Series({f"ellipse_{name}": value for name, value in ELLIPSE.items()})
    assert figures.ellipse_of(row) == Ellipse(**ELLIPSE)
    assert figures.ellipse_of(row * np.nan) is None


def test_an_overlay_shows_the_whole_image_and_both_outlines() -> None:
    image = np.zeros((40, 60), np.uint8)
    mask = np.zeros((40, 60), bool)
    mask[10:30, 15:45] = True
    _, axes = plt.subplots()
    figures.overlay(axes, image, reference=mask, prediction=Ellipse(**ELLIPSE), title="a head")
    (outline,) = axes.lines
    assert np.ptp(outline.get_xdata()) > 2 * ELLIPSE["semi_minor"]
    assert axes.get_xlim() == (-0.5, 59.5)
    assert axes.get_ylim() == (39.5, -0.5)


def test_a_figure_without_words_is_not_shown() -> None:
    with pytest.raises(ValueError, match="alt: expected a sentence"):
        show(plt.figure(), alt=" ")


class TestWeight:
    """Noise packs worst of all, so a sheet of it must become a picture, and a drawing must stay one."""

    @staticmethod
    def shown(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> object:
        seen: list[object] = []
        monkeypatch.setattr("IPython.display.display", lambda what, **_: seen.append(what))
        show(figure, alt="A figure of a test")
        (only,) = seen
        return only

    def test_a_light_figure_is_a_drawing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        figure, axes = plt.subplots()
        axes.plot([0, 1])
        assert isinstance(self.shown(figure, monkeypatch), SVG)

    def test_a_grey_image_in_a_drawing_keeps_its_pixels_and_loses_weight(self) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (80, 120), dtype=np.uint8)
        figure, axes = plt.subplots()
        axes.imshow(noise, cmap="gray")
        usual = io.StringIO()
        figure.savefig(usual, format="svg")
        light = light_svg(figure)
        assert len(light) < 0.9 * len(usual.getvalue())
        before, after = (self.embedded(text) for text in (usual.getvalue(), light))
        assert after.mode == "L"
        np.testing.assert_array_equal(np.asarray(after), np.asarray(before.convert("RGB"))[..., 0])

    def test_a_coloured_image_in_a_drawing_keeps_its_colours(self) -> None:
        figure, axes = plt.subplots()
        axes.imshow(np.random.default_rng(0).random((20, 30, 3)))
        assert len(self.embedded(light_svg(figure)).getcolors(10**6) or []) > 100

    @staticmethod
    def embedded(drawing: str) -> Picture.Image:
        """The only image in an SVG."""
        (data,) = re.findall(r'base64,([^"]+)', drawing)
        return Picture.open(io.BytesIO(base64.b64decode(data)))

    def test_a_heavy_figure_is_a_light_picture_of_the_same_size(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (9, 216, 320), dtype=np.uint8)
        figure = figures.contact_sheet(list(noise), columns=3)
        monkeypatch.setattr("fetalseg_book.figures.style.PICTURE_BYTES", 150_000)
        picture = self.shown(figure, monkeypatch)
        assert isinstance(picture, Image)
        assert len(picture.data) <= 150_000
        cut = figure.get_tightbbox().width + 2 * plt.rcParams["savefig.pad_inches"]  # no white margin is kept
        assert picture.width == pytest.approx(96 * cut, rel=0.03)

    def test_too_heavy_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        figure = figures.contact_sheet([np.zeros((8, 8), np.uint8)])
        monkeypatch.setattr("fetalseg_book.figures.style.PICTURE_BYTES", 100)
        with pytest.raises(ValueError, match="show fewer images"):
            light_png(figure)
