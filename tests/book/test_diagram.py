"""The architecture figure: what it says is what the network does, and nothing lies on anything else."""

from __future__ import annotations

import functools
import itertools
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib
import pytest
import torch
from PIL import Image, ImageFont
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fetalseg_book.diagram import Diagram, draw
from fetalseg_book.diagram.schematic import schematic
from fetalseg_book.diagram.svg import FILLS, INK, LINES, PAPER
from fetalseg_book.trace import trace
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import build_model

SVG = "{http://www.w3.org/2000/svg}"
CASES = [
    ("proposed", (256, 256)),
    ("proposed", (512, 1024)),
    ("no_aspp", (256, 256)),
    ("no_se", (256, 256)),
    ("mobilenet_unet", (64, 96)),
    ("bilinear_up", (256, 256)),
    ("frozen_bn_drift", (256, 256)),
    ("unet", (256, 256)),
]
NAMES = [f"{variant}-{height}x{width}" for variant, (height, width) in CASES]
every_case = pytest.mark.parametrize(("variant", "size"), CASES, ids=NAMES)

# From the section on the forward pass of the architecture note, heights and widths first.
NOTE_SHAPES = {
    "enc0": "256×256×32",
    "enc1": "128×128×16",
    "enc2": "64×64×24",
    "enc3": "32×32×32",
    "enc4": "16×16×96",
    "enc5": "8×8×1280",
    "bottleneck": "8×8×512",
    "dec5": "16×16×256",
    "dec4": "32×32×128",
    "dec3": "64×64×64",
    "dec2": "128×128×32",
    "dec1": "256×256×32",
    "head": "256×256×1",
}


@functools.cache
def drawn(variant: str, size: tuple[int, int] = (256, 256)) -> Diagram:
    return draw(variant, size=size)


@functools.cache
def parsed(variant: str, size: tuple[int, int] = (256, 256)) -> Picture:
    return Picture(ET.fromstring(drawn(variant, size).svg))


@dataclass(frozen=True)
class Area:
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Area, *, slack: float = 0.5) -> bool:
        return (
            min(self.right, other.right) - max(self.left, other.left) > slack
            and min(self.bottom, other.bottom) - max(self.top, other.top) > slack
        )

    def holds(self, other: Area) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


class Picture:
    """What a parser finds in the SVG, without the library that wrote it."""

    def __init__(self, root: ET.Element) -> None:
        self.root = root
        groups = list(root.iter(f"{SVG}g"))
        self.boxes = [g for g in groups if g.get("class", "").startswith("box ")]
        self.frames = [g for g in groups if g.get("class") == "frame"]
        self.arrows = [g for g in groups if g.get("class", "").startswith("arrow ")]
        self.signs = [g for g in groups if g.get("class", "").startswith("sign ")]
        self.free_texts = root.findall(f"{SVG}text")

    def part(self, path: str) -> ET.Element:
        (found,) = (g for g in (*self.boxes, *self.frames, *self.arrows) if g.get("data-part") == path)
        return found

    def count(self, name: str) -> int:
        return sum(g.get("class") == name for g in (*self.boxes, *self.arrows, *self.signs))


def area_of(group: ET.Element) -> Area:
    rect = group.find(f"{SVG}rect")
    assert rect is not None
    x, y, width, height = (float(rect.get(name, "nan")) for name in ("x", "y", "width", "height"))
    return Area(x, y, x + width, y + height)


@functools.cache
def font(bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), 100)


def text_area(text: ET.Element) -> Area:
    """From the baseline's descent to the capitals' height, in one of the widest common fonts."""
    size, x, y = (float(text.get(name, "nan")) for name in ("font-size", "x", "y"))
    width = font(text.get("font-weight") == "bold").getlength(text.text or "") * size / 100
    left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.get("text-anchor", "start")] * width
    return Area(left, y - 0.75 * size, left + width, y + 0.2 * size)


def segments(arrow: ET.Element) -> list[Area]:
    """The straight pieces of a line, as thick as they are drawn."""
    line = arrow.find(f"{SVG}polyline")
    assert line is not None
    points = [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]
    half = float(line.get("stroke-width", "nan")) / 2
    pieces = []
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        across, down = (half, 0) if x0 == x1 else (0, half)
        pieces.append(
            Area(min(x0, x1) - across, min(y0, y1) - down, max(x0, x1) + across, max(y0, y1) + down)
        )
    return pieces


def words(element: ET.Element) -> str:
    return " ".join(text.text or "" for text in element.iter(f"{SVG}text"))


class TestContent:
    @pytest.mark.parametrize(
        ("variant", "size"),
        [
            ("proposed", (256, 256)),
            ("proposed", (512, 1024)),
            ("mobilenet_unet", (64, 96)),
            ("unet", (256, 256)),
        ],
    )
    def test_every_stage_is_there_with_the_shape_that_a_real_image_gets(self, variant, size):
        model = build_model(variant, encoder_weights="random").eval()
        # A real pass in real memory: small, then scaled; the shapes of these networks grow with the image.
        small = (64, 64 * size[1] // size[0])
        factor = size[0] // small[0]
        shapes: dict[str, str] = {}

        def note(name):
            def hook(_module, _inputs, out):
                shapes[name] = f"{out.shape[2] * factor}×{out.shape[3] * factor}×{out.shape[1]}"

            return hook

        for name, stage in model.stages().items():
            stage.register_forward_hook(note(name))
        with torch.no_grad():
            model(torch.rand(1, 1, *small))

        picture = parsed(variant, size)
        for name, shape in shapes.items():
            group = picture.part(name)
            assert group.get("data-shape") == shape
            shown = words(group)
            if group in picture.frames:  # the ASPP's border has its words beside it
                shown = " ".join(t.text for t in picture.free_texts if area_of(group).holds(text_area(t)))
            assert name in shown
            assert shape in shown

    def test_shapes_are_the_notes(self):
        picture = parsed("proposed")
        assert {name: picture.part(name).get("data-shape") for name in NOTE_SHAPES} == NOTE_SHAPES

    def test_five_branches_with_their_rates_come_together_as_768_channels(self):
        picture = parsed("proposed")
        branches = [g for g in picture.boxes if (g.get("data-part") or "").startswith("bottleneck.")]
        rates = [re.findall(r"rate (\d+)", words(g)) for g in branches]
        assert rates == [[], ["6"], ["12"], ["18"], [], []]  # 1×1, three dilated, pooling; the projection
        assert [g.get("class") for g in branches] == ["box aspp"] * 5 + ["box conv"]
        assert "8×8×768" in words(picture.root)
        # An effective kernel of 3 + 2 (rate - 1), as the note computes it.
        assert [re.findall(r"spans (\d+)×", words(g)) for g in branches[1:4]] == [["13"], ["25"], ["37"]]

    def test_other_rates_are_drawn_as_they_are(self):
        assert re.findall(r"rate (\d+)", words(parsed("aspp_rates_1_2_3").root)) == ["1", "2", "3"]

    def test_concatenations_show_the_notes_channels(self):
        shown = words(parsed("proposed").root)
        for shape in ("16×16×352", "32×32×160", "64×64×88", "128×128×48", "256×256×64"):
            assert shape in shown

    def test_skips_join_the_stages_of_one_resolution(self):
        skips = {stage.path: stage.skip for stage in drawn("proposed").parts.decoder}
        assert skips == {"dec5": "enc4", "dec4": "enc3", "dec3": "enc2", "dec2": "enc1", "dec1": "enc0"}

    def test_the_backbone_reads_the_image_itself(self):
        sources = {stage.path: stage.source for stage in drawn("proposed").parts.encoder}
        assert (sources["enc0"], sources["enc1"], sources["enc2"]) == ("input", "input", "enc1")

    @pytest.mark.parametrize(
        ("variant", "kind", "present"),
        [
            ("proposed", "box se", True),
            ("no_se", "box se", False),
            ("proposed", "box aspp", True),
            ("no_aspp", "box aspp", False),
            ("proposed", "sign addition", True),
            ("no_residual", "sign addition", False),
            ("proposed", "arrow down", True),
            ("proposed", "arrow up", True),
            ("proposed", "arrow skip", True),
            ("unet", "sign concatenation", True),
        ],
    )
    def test_a_part_is_drawn_just_where_the_network_has_it(self, variant, kind, present):
        assert (parsed(variant).count(kind) > 0) is present

    def test_each_skip_and_step_is_drawn_once(self):
        picture = parsed("no_se")  # one dashed line a skip; one more line of each kind in the legend
        assert picture.count("arrow skip") == 5 + 1
        assert picture.count("arrow up") == 5 + 1
        assert picture.count("arrow down") == 5 + 1
        assert picture.count("sign concatenation") == 5 + 1 + 1  # decoder, ASPP, legend
        assert picture.count("sign addition") == 5 + 1 + 1  # decoder, inset, legend

    def test_the_unet_pools(self):
        assert words(parsed("unet").root).count("max pooling 2×2") == 4
        assert "stride" not in words(parsed("unet").root)

    @pytest.mark.parametrize(
        ("variant", "state"),
        [
            ("proposed", "frozen"),
            ("random_trainable_encoder", "trainable"),
            ("frozen_bn_drift", "frozen, BatchNorm drifts"),
        ],
    )
    def test_says_what_training_may_change_in_the_encoder(self, variant, state):
        assert state in [text.text for text in parsed(variant).free_texts]

    @pytest.mark.parametrize(
        ("variant", "weights"),
        [("proposed", "ImageNet weights"), ("random_trainable_encoder", "random weights")],
    )
    def test_says_where_the_encoder_begins(self, variant, weights):
        assert weights in words(parsed(variant).root)

    @pytest.mark.parametrize(
        ("variant", "title"),
        [
            ("proposed", "MobileNet ASPP Residual SE U-Net Architecture"),
            ("no_aspp", "MobileNet Residual SE U-Net Architecture"),
            ("mobilenet_unet", "MobileNet U-Net Architecture"),
            ("unet", "U-Net Architecture"),
        ],
    )
    def test_the_title_names_what_is_in_it(self, variant, title):
        assert title in [
            text.text for text in parsed(variant, dict(CASES).get(variant, (256, 256))).free_texts
        ]


class TestNumbers:
    def test_as_released_prints_the_published_counts(self):
        shown = words(parsed("as_released").root)
        assert "25,253,893 parameters (23,030,597 trainable, 2,223,296 frozen)" in shown

    @every_case
    def test_stages_add_up_to_the_network(self, variant, size):
        parts = drawn(variant, size).parts
        counted = [
            sum(getattr(stage, name) for stage in parts.stages) for name in ("parameters", "trainable")
        ]
        assert tuple(counted) == count_parameters(build_model(variant, encoder_weights="random"))
        for stage in parts.stages:
            assert sum(layer.parameters for layer in stage.layers) == stage.parameters
            assert sum(layer.flops for layer in stage.layers) == stage.flops

    def test_operations_are_those_of_a_real_pass(self):
        model = build_model("mobilenet_unet", encoder_weights="random").eval()
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(torch.rand(1, 1, 64, 96))
        stages = drawn("mobilenet_unet", (64, 96)).parts.stages
        assert sum(stage.flops for stage in stages) == counter.get_total_flops()

    def test_a_transposed_convolution_by_hand(self):
        up = drawn("proposed").parts.decoder[-1].up
        assert up.path == "dec5.up"
        assert up.parameters == 512 * 256 * 2 * 2 + 256
        assert up.flops == 2 * (8 * 8) * 512 * 256 * 2 * 2  # each input pixel meets every kernel once

    def test_se_widths_by_hand(self):
        widths = [words(parsed("proposed").part(f"dec{k}.skip_se")) for k in range(5, 0, -1)]
        # A sixteenth of the channels, at least one.
        expected = ["SE 96→6→96", "SE 32→2→32", "SE 24→1→24", "SE 16→1→16", "SE 32→2→32"]
        assert [text[: len(want)] for text, want in zip(widths, expected, strict=True)] == expected

    def test_tracing_leaves_the_model_alone(self):
        model = build_model("proposed", encoder_weights="random").train()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        modes = [module.training for module in model.modules()]
        trace(model, size=(64, 64))
        assert [module.training for module in model.modules()] == modes
        assert not any(module._forward_hooks for module in model.modules())
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


class TestGeometry:
    @every_case
    def test_boxes_are_disjoint_and_inside_the_picture(self, variant, size):
        picture = parsed(variant, size)
        whole = Area(0, 0, *(float(picture.root.get(side, "nan")) for side in ("width", "height")))
        areas = [area_of(box) for box in picture.boxes]
        assert all(whole.holds(area) for area in areas)
        for one, other in itertools.combinations(areas, 2):
            assert not one.overlaps(other)

    @every_case
    def test_text_stays_inside_its_box(self, variant, size):
        for box in parsed(variant, size).boxes:
            for text in box.iter(f"{SVG}text"):
                assert area_of(box).holds(text_area(text)), text.text

    @every_case
    def test_no_text_lies_on_another_or_on_a_box(self, variant, size):
        picture = parsed(variant, size)
        texts = [(text.text, text_area(text)) for text in picture.root.iter(f"{SVG}text")]
        for (one, area), (other, other_area) in itertools.combinations(texts, 2):
            assert not area.overlaps(other_area), (one, other)
        whole = Area(0, 0, *(float(picture.root.get(side, "nan")) for side in ("width", "height")))
        for text in picture.free_texts:
            assert whole.holds(text_area(text)), text.text
            for box in picture.boxes:
                assert not text_area(text).overlaps(area_of(box)), (text.text, box.get("data-part"))

    @every_case
    def test_free_text_does_not_cross_a_border(self, variant, size):
        picture = parsed(variant, size)
        for frame, text in itertools.product(picture.frames, picture.free_texts):
            area = text_area(text)
            assert area_of(frame).holds(area) or not area_of(frame).overlaps(area, slack=0), text.text

    @every_case
    def test_frames_do_not_overlap(self, variant, size):
        for one, other in itertools.combinations(parsed(variant, size).frames, 2):
            assert not area_of(one).overlaps(area_of(other))

    @every_case
    def test_arrows_cross_neither_text_nor_box(self, variant, size):
        picture = parsed(variant, size)
        texts = list(picture.root.iter(f"{SVG}text"))
        for arrow in picture.arrows:
            for piece in segments(arrow):
                for text in texts:
                    assert not piece.overlaps(text_area(text)), text.text
                for box in picture.boxes:  # touching the border is what an arrow is for
                    assert not piece.overlaps(area_of(box), slack=1.5), box.get("data-part")

    @every_case
    def test_boxes_get_narrower_and_taller_downwards(self, variant, size):
        parts = drawn(variant, size).parts
        for column in (parts.encoder, parts.decoder):  # both from the top
            areas = [area_of(parsed(variant, size).part(stage.path)) for stage in column]
            for above, below in itertools.pairwise(areas):
                assert above.bottom < below.top
                assert below.right - below.left < above.right - above.left
                assert below.bottom - below.top > above.bottom - above.top

    @every_case
    def test_input_is_top_left_and_output_top_right(self, variant, size):
        picture = parsed(variant, size)
        (image,) = (area_of(box) for box in picture.boxes if words(box).startswith("Input"))
        (output,) = (area_of(box) for box in picture.boxes if words(box).startswith("Output"))
        middle = float(picture.root.get("width", "nan")) / 2
        assert image.right < middle < output.left
        assert image.top == min(area_of(box).top for box in picture.boxes)
        assert output.top == area_of(picture.part("dec1")).top

    def test_skips_are_level(self):
        for arrow in parsed("proposed").arrows:
            if arrow.get("class") == "arrow skip":
                (piece,) = segments(arrow)
                assert piece.bottom - piece.top == pytest.approx(2.2)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


class TestColours:
    def test_kinds_of_boxes_differ_without_colour(self):
        for one, other in itertools.combinations(FILLS.values(), 2):
            assert contrast(one, other) > 1.2

    def test_ways_up_and_down_differ_without_colour(self):
        assert contrast(LINES["up"], LINES["down"]) > 2

    @pytest.mark.parametrize("kind", FILLS)
    def test_text_is_readable_on_its_box(self, kind):
        assert contrast(FILLS[kind], PAPER if kind == "se" else INK) > 4.5

    @pytest.mark.parametrize("kind", LINES)
    def test_lines_stand_out_from_the_paper(self, kind):
        assert contrast(LINES[kind], PAPER) > 3


class TestDocument:
    @every_case
    def test_stands_alone_on_any_page(self, variant, size):
        svg = drawn(variant, size).svg
        root = parsed(variant, size).root
        assert len(svg.encode()) < 300_000
        assert set(re.findall(r"https?://[^\s\"]+", svg)) == {"http://www.w3.org/2000/svg"}
        title, description, paper = list(root)[:3]
        assert title.tag == f"{SVG}title"
        assert variant in (title.text or "")
        assert description.tag == f"{SVG}desc"
        assert all(stage.path in (description.text or "") for stage in drawn(variant, size).parts.stages)
        assert paper.get("fill") == "#ffffff"
        assert (paper.get("width"), paper.get("height")) == (root.get("width"), root.get("height"))
        assert root.get("font-family") == "sans-serif"

    def test_is_the_same_each_time(self):
        assert draw("unet", size=(64, 64)).svg == draw("unet", size=(64, 64)).svg

    def test_svg_file(self, tmp_path):
        path = drawn("unet", (64, 64)).save(tmp_path / "figures" / "unet.svg")
        assert path.read_text(encoding="utf-8") == drawn("unet", (64, 64)).svg

    def test_png_file_shows_the_picture(self, tmp_path):
        pytest.importorskip("resvg_py", reason="PNG needs resvg_py")
        diagram = drawn("unet", (64, 64))
        image = Image.open(diagram.save(tmp_path / "unet.PNG")).convert("RGB")
        assert image.width == pytest.approx(
            2 * float(parsed("unet", (64, 64)).root.get("width", "nan")), abs=2
        )
        box = area_of(parsed("unet", (64, 64)).part("enc0"))
        assert image.getpixel((int(2 * box.left + 12), int(2 * box.top + 12))) == (0x9C, 0xC4, 0xE6)
        title = image.crop((0, 0, image.width, 80)).convert("L")
        assert title.getextrema()[0] < 60  # there are letters, so the font was found

    def test_png_without_the_package_says_what_to_do(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "resvg_py", None)
        with pytest.raises(ModuleNotFoundError, match=r"pip install resvg_py.*\.svg"):
            drawn("unet", (64, 64)).save(tmp_path / "unet.png")
        assert not list(tmp_path.iterdir())


class TestBadInput:
    @pytest.mark.parametrize(
        ("act", "error", "message"),
        [
            pytest.param(lambda: draw("propposed"), ValueError, "Did you mean 'proposed'", id="variant"),
            pytest.param(lambda: draw("unet", size=(100, 64)), ValueError, "multiples of 32", id="size"),
            pytest.param(
                lambda: drawn("unet").save("u.pdf"), ValueError, r"\.svg or \.png.*u\.pdf", id="pdf"
            ),
            pytest.param(
                lambda: drawn("unet").save("unet"), ValueError, r"\.svg or \.png", id="no extension"
            ),
            pytest.param(lambda: trace(nn.ReLU()), TypeError, "stages", id="no stages"),
        ],
    )
    def test_is_refused_with_a_reason(self, act, error, message):
        with pytest.raises(error, match=message):
            act()


class TestInteractive:
    def test_needs_no_network(self):
        html = drawn("proposed").html
        assert set(re.findall(r"https?://[^\s\"]+", html)) == {"http://www.w3.org/2000/svg"}
        assert not re.search(r"<link|<script[^>]+src|@import|url\(", html)

    @pytest.mark.parametrize("variant", ["proposed", "unet", "no_aspp"])
    def test_every_part_has_its_details_and_can_take_the_focus(self, variant):
        html = drawn(variant).html
        found = re.search(r'<script type="application/json">(.*?)</script>', html, flags=re.DOTALL)
        assert found is not None
        details = json.loads(found[1])
        root = ET.fromstring(html[html.index("<svg") : html.index("</svg>") + len("</svg>")])
        groups = {g.get("data-part"): g for g in root.iter(f"{SVG}g") if g.get("data-part")}
        assert groups.keys() == details.keys()
        for path, group in groups.items():
            assert group.get("tabindex") == "-1"
            assert "aria-label" not in group.attrib  # it would hide the title, which says more
            assert (group.findtext(f"{SVG}title") or "").startswith(f"{path}: ")
            assert details[path]["layers"]
        assert 'aria-live="polite"' in html

    def test_a_notebook_shows_it_by_itself(self):
        assert drawn("unet")._repr_html_() == drawn("unet").html

    def test_keyboard_and_pointer_in_a_browser(self, tmp_path):
        names = ("chromium", "chromium-browser", "google-chrome")
        browser = next(filter(None, map(shutil.which, names)), None)
        if browser is None:
            pytest.skip("no Chromium or Chrome to run the figure's script in")
        keys = ["ArrowDown", "ArrowRight", "End", "Home"]
        script = f"""<script>
          const figure = document.querySelector(".fetalseg-diagram"), seen = [];
          const log = () => seen.push([document.activeElement.dataset.part,
            figure.querySelectorAll('[tabindex="0"]').length, figure.querySelector(".panel").textContent]);
          figure.querySelector('[tabindex="0"]').focus(); log();
          for (const key of {json.dumps(keys)}) {{
            const pressed = new KeyboardEvent("keydown", {{ key, bubbles: true }});
            document.activeElement.dispatchEvent(pressed); log();
          }}
          figure.querySelector('[data-part="dec4"]').dispatchEvent(new Event("pointerenter")); log();
          const result = document.createElement("pre");
          result.textContent = JSON.stringify(seen); document.body.append(result);
        </script>"""
        page = tmp_path / "page.html"
        html = drawn("proposed").html
        page.write_text(f"<!doctype html><meta charset=utf-8><body>{html}{script}", encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
        command = [browser, *options, "--dump-dom", page.as_uri()]
        done = subprocess.run(command, capture_output=True, timeout=100, check=False)
        found = re.search(r"<pre>(.*)</pre>", done.stdout.decode())
        assert found is not None, done.stderr.decode()[-2000:]
        seen = json.loads(found[1].replace("&amp;", "&").replace("&gt;", ">").replace("&lt;", "<"))
        assert [part for part, _, _ in seen] == ["enc0", "enc1", "dec2.skip_se", "head", "enc0", "enc0"]
        assert {stops for _, stops, _ in seen} == {1}  # one part at a time in the tab order
        for part, _, panel in seen[:-1]:
            assert panel.startswith(part)
        assert seen[-1][2].startswith("dec4")  # the pointer shows without moving the focus


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("inverted-residual", {"64×64×24", "64×64×144"}),
        ("aspp", {"8×8×1280", "8×8×128", "8×8×256", "8×8×768", "8×8×512"}),
        ("se-residual", {"16×16×352", "16×16×256", "1×1×16"}),
        ("decoder-stage", {"8×8×512", "16×16×96", "16×16×256", "16×16×352"}),
    ],
)
def test_a_schematic_says_the_shapes_of_its_part(name: str, shapes: set[str]) -> None:
    svg = ET.fromstring(schematic(name).svg)
    texts = " ".join(text.text or "" for text in svg.iter(f"{SVG}text"))
    assert all(shape in texts for shape in shapes)
    assert all(svg.findtext(f"{SVG}{words}") for words in ("title", "desc"))


def test_an_unknown_schematic_is_refused() -> None:
    with pytest.raises(ValueError, match="name: expected one of"):
        schematic("attention")
