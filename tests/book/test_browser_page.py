"""The network in the browser, in a real one: the same masks and numbers as the library, and nothing leaves.

The page is put together from its fragment, its scripts and a network of three layers with chosen weights, and
served from a folder. No book is built for it.
"""

from __future__ import annotations

import functools
import io
import json
import re
import runpy
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_files_as_people_have_them as people
import torch
from numpy.typing import NDArray
from PIL import Image

from fetalseg_book.publishing.browser.card import CARD, write_card
from fetalseg_book.publishing.browser.pictures import LIST
from fetalseg_book.publishing.browser.runtime import fetch_runtime
from fetalseg_lib.apply.gestation import gestational_age
from fetalseg_lib.apply.prediction.measure import find_flags
from fetalseg_lib.cli import main
from fetalseg_lib.data import phantom
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.evaluation.biometry import HeadMeasurement, measure_head
from fetalseg_lib.geometry import Ellipse, rasterize
from fetalseg_lib.growth import CHARTS
from fetalseg_lib.study.evaluate import to_native

onnx = pytest.importorskip("onnx", reason="the page's network is an ONNX file")
onnxruntime = pytest.importorskip("onnxruntime", reason="the page's network is compared with ONNX Runtime's")
playwright = pytest.importorskip("playwright.sync_api", reason="the page is tested in a browser")

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "book" / "_static" / "browser"
DEMONSTRATION = ROOT / "fetalseg_lib" / "models" / "pretrained" / "demonstration.safetensors"
RUNTIME = ROOT / "_build" / "browser" / "runtime"
with_policy = runpy.run_path(str(ROOT / "book" / "_ext" / "site_mends.py"))["mend"]
SIZE = (64, 96)
AGE = "Gestational age, with its 90 % interval"


def make_network(path: Path) -> None:
    """Blur, sharpen, sigmoid: bright regions are heads. Its input is as that of an exported network."""
    kernel = np.outer(*[np.hanning(9)[1:-1]] * 2).astype(np.float32)
    constants = {
        "kernel": (kernel / kernel.sum())[None, None],
        "white": np.float32(255),
        "half": np.float32(0.4),
    }
    constants["steep"] = np.float32(25)
    nodes = [
        ("Div", ["image", "white"], "unit"),
        ("Conv", ["unit", "kernel"], "blurred"),
        ("Sub", ["blurred", "half"], "centred"),
        ("Mul", ["centred", "steep"], "logits"),
        ("Sigmoid", ["logits"], "probability"),
    ]
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node(kind, given, [out], **({"pads": [3] * 4} if kind == "Conv" else {}))
            for kind, given, out in nodes
        ],
        "page",
        [onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["batch", 1, *SIZE])],
        [onnx.helper.make_tensor_value_info("probability", onnx.TensorProto.FLOAT, ["batch", 1, *SIZE])],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def bright(ellipse: Ellipse, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """A head as the network of these tests sees one, on speckle."""
    noise = np.random.default_rng(0).integers(0, 60, shape)
    return np.where(rasterize(ellipse, shape), 200 - noise, noise).astype(np.uint8)


def png(pixels: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


HEAD = Ellipse(center_x=120.3, center_y=88.8, semi_major=71, semi_minor=55, angle=0.35)
PICTURES: dict[str, NDArray[np.uint8]] = {
    "phantom": np.clip(phantom.generate(1, seed=4, size=(270, 400))[0].image * 2.0, 0, 255).astype(np.uint8),
    "odd size": bright(HEAD, (181, 253)),
    "smaller than the input": resize_image(bright(HEAD, (181, 253)), (45, 63)),
    "cut by the border": bright(
        Ellipse(center_x=30, center_y=70, semi_major=80, semi_minor=55, angle=1), (150, 220)
    ),
    "two heads": np.hstack([bright(HEAD, (181, 253))] * 2),
    "nothing": np.zeros((90, 120), np.uint8),
}


@pytest.fixture(scope="module")
def runtime() -> Path:
    try:
        fetch_runtime(ROOT / "book" / "browser", RUNTIME)
    except OSError as error:
        pytest.skip(str(error).splitlines()[0])
    return RUNTIME


def build_site(root: Path, runtime: Path) -> Path:
    """A folder of a book with this one page, yet without a network; returns the folder for that."""
    static = root / "_static" / "browser"
    shutil.copytree(SCRIPTS, static)
    (static / "runtime").symlink_to(runtime)
    (static / "network").mkdir()
    (static / "pictures").mkdir()
    (static / "pictures" / "head.png").write_bytes(png(PICTURES["odd size"]))
    known = {"file": "head.png", "title": "A bright head", "alt": "An ellipse.", "source": "Drawn."}
    ellipse = {"x": HEAD.center_x, "y": HEAD.center_y, "a": HEAD.semi_major, "b": HEAD.semi_minor}
    known |= {
        "pixel_size_mm": 0.5,
        "hc_mm": HEAD.circumference / 2,
        "ellipse": ellipse | {"angle": HEAD.angle},
    }
    (static / "pictures" / LIST).write_text(json.dumps({"pictures": [known]}))
    (root / "book").mkdir()
    fragment = (ROOT / "book" / "browser" / "app.html").read_text(encoding="utf-8")
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    head += "<style>* { box-sizing: border-box } label { display: inline-block }</style>"  # the theme's reset
    page = f"<!doctype html><head>{head}<title>Page</title></head>{fragment}"
    (root / "book" / "browser.html").write_text(with_policy(page), "utf-8")
    return static / "network"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, runtime: Path) -> Path:
    root = tmp_path_factory.mktemp("site")
    network = build_site(root, runtime)
    make_network(network / "network.onnx")
    card = {"file": "network.onnx", "bytes": 900, "input": "image", "output": "probability"}
    card |= {"image_size": list(SIZE), "threshold": 0.5, "data": "phantom", "training_range": None}
    (network / CARD).write_text(json.dumps(card))
    return root


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(root: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium or Chrome to run the page in")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


class Page:
    """The page as a reader meets it, and a record of all that it asked for."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.asked: list[tuple[str, str, bytes | None]] = []
        self.errors: list[str] = []
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(60_000)  # machines that test are slow
        self.tab = self.context.new_page()
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("console", self._note_refusal)

        def judge(route: Any) -> None:
            request = route.request
            self.asked.append((request.method, request.url, request.post_data_buffer))
            return route.continue_() if request.url.startswith(address) else route.abort()

        self.context.route("**/*", judge)
        self.tab.goto(f"{address}/book/browser.html")

    def _note_refusal(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.errors.append(message.text)

    def part(self, name: str) -> Any:
        return self.tab.locator(f'[data-part="{name}"]')

    def give(self, content: bytes, name: str = "scan.png") -> None:
        self.part("app").wait_for()
        self.part("file").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})

    def answer(self, content: bytes, name: str = "scan.png") -> None:
        self.give(content, name)
        self.part("results").wait_for()

    def problem(self, content: bytes, name: str = "scan.png") -> str:
        self.give(content, name)
        self.tab.locator("[role=alert]:not(:empty)").wait_for()
        assert not self.part("results").is_visible()
        return str(self.part("problem").inner_text())

    def mask(self) -> NDArray[np.bool_]:
        script = """(canvas) => {
          const { width, height } = canvas;
          const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
          return { width, height, rows: Array.from(data.filter((_, at) => at % 4 === 3)) };
        }"""
        found = self.part("mask").evaluate(script)
        return np.array(found["rows"]).reshape(found["height"], found["width"]) > 0

    def ellipse(self) -> dict[str, float]:
        line = self.tab.locator("ellipse.line")
        return {name: float(line.get_attribute(name)) for name in ("cx", "cy", "rx", "ry")}

    def numbers(self) -> dict[str, str]:
        names, values = (self.part("numbers").locator(kind).all_inner_texts() for kind in ("dt", "dd"))
        return dict(zip(names, values, strict=True))

    def call(self, module: str, body: str, given: Any) -> Any:
        """What a function of one of the page's modules returns."""
        script = f"async (given) => {{ const module = await import('/_static/browser/{module}'); {body} }}"
        return self.tab.evaluate(script, given)


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Iterator[Page]:
    opened = Page(browser, address)
    yield opened
    opened.context.close()
    assert opened.errors == []


@functools.cache
def session(path: Path) -> Any:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def by_the_library(pixels: NDArray[np.uint8], site: Path) -> tuple[NDArray[np.bool_], HeadMeasurement]:
    """Mask and head in px of the same network by ONNX Runtime in Python and the library's own steps."""
    folder = site / "_static" / "browser" / "network"
    height, width = json.loads((folder / CARD).read_text())["image_size"]
    small = resize_image(pixels, (height, width)).astype(np.float32)[None, None]
    (found,) = session(folder / "network.onnx").run(["probability"], {"image": small})
    probability = to_native(torch.from_numpy(found[0]), (pixels.shape[0], pixels.shape[1]))
    return probability > 0.5, measure_head(probability, pixel_spacing_mm=(1, 1))


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    both = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / both if both else 1.0


class TestSameAsTheLibrary:
    @pytest.mark.parametrize("name", PICTURES)
    def test_mask_ellipse_and_flags(self, page: Page, site: Path, name: str) -> None:
        page.answer(png(PICTURES[name]))
        mask, head = by_the_library(PICTURES[name], site)
        assert page.mask().shape == mask.shape
        assert dice(page.mask(), mask) >= 0.999
        flags = find_flags(mask, head.status, [])
        shown = page.part("flags").locator("li").all_inner_texts()
        assert shown == list(flags) if flags else "does not mean" in shown[0]
        if head.ellipse_px is None:
            assert page.numbers() == {}
            return
        found, expected = page.ellipse(), head.ellipse_px
        assert found["cx"] == pytest.approx(expected.center_x, abs=0.02)
        assert found["cy"] == pytest.approx(expected.center_y, abs=0.02)
        assert found["rx"] == pytest.approx(expected.semi_major, rel=1e-3)
        assert found["ry"] == pytest.approx(expected.semi_minor, rel=1e-3)
        assert page.numbers()["Head circumference"] == f"{expected.circumference:.0f} px"

    def test_the_pictures_try_what_they_are_named_for(self, site: Path) -> None:
        seen = {name: by_the_library(pixels, site) for name, pixels in PICTURES.items()}
        assert [str(head.status) for _, head in seen.values()][-3:] == ["cut by border", "measured", "empty"]
        assert 0.05 < seen["phantom"][0].mean() < 0.6

    @pytest.mark.parametrize("kind", ["JPEG", "BMP"])
    def test_other_kinds_of_files(self, page: Page, site: Path, kind: str) -> None:
        content = png(PICTURES["odd size"], kind)
        page.answer(content, name=f"scan.{kind.lower()}")
        pixels = np.array(Image.open(io.BytesIO(content)).convert("L"))
        assert dice(page.mask(), by_the_library(pixels, site)[0]) >= 0.999

    def test_colour_and_transparency_are_read_as_the_library_reads_them(
        self, page: Page, tmp_path: Path
    ) -> None:
        from fetalseg_lib.apply.reading.image_file import read_image

        rng = np.random.default_rng(5)
        path = tmp_path / "colour.png"
        path.write_bytes(png(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)))
        body = """
          const canvas = document.createElement("canvas");
          const { grey } = await module.readImage(new Blob([new Uint8Array(given)]), canvas);
          return Array.from(grey);"""
        found = page.call("image.js", body, list(path.read_bytes()))
        assert found == read_image(path).pixels.ravel().tolist()

    def test_a_wholly_transparent_picture_is_refused_as_by_the_library(
        self, page: Page, tmp_path: Path
    ) -> None:
        from fetalseg_lib.apply.reading.image_file import read_image
        from fetalseg_lib.data.sample import DataError

        path = tmp_path / "nothing.png"
        Image.new("RGBA", (20, 10), (200, 200, 200, 0)).save(path)
        body = """
          const canvas = document.createElement("canvas");
          const image = new Blob([new Uint8Array(given)]);
          return await module.readImage(image, canvas).then(() => "read", (error) => error.message);"""
        found = page.call("image.js", body, list(path.read_bytes()))
        assert "wholly transparent" in found
        with pytest.raises(DataError, match="wholly transparent"):
            read_image(path)

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_a_photograph_that_was_turned_stands_upright(
        self, page: Page, tmp_path: Path, orientation: int
    ) -> None:
        from fetalseg_lib.apply.reading.image_file import read_image

        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / "photograph.jpg"
        Image.fromarray(PICTURES["odd size"]).save(path, quality=100, exif=exif)
        body = """
          const canvas = document.createElement("canvas");
          const { grey, width, height } = await module.readImage(new Blob([new Uint8Array(given)]), canvas);
          return { grey: Array.from(grey), shape: [height, width] };"""
        found, expected = page.call("image.js", body, list(path.read_bytes())), read_image(path).pixels
        assert tuple(found["shape"]) == expected.shape
        difference = np.abs(np.array(found["grey"]).reshape(expected.shape) - expected.astype(int))
        assert difference.max() <= 2  # decoders round

    # A mean that ends in one half is rounded by the last bit of a float; OpenCV's bilinear by its registers.
    @pytest.mark.parametrize(
        ("shape", "size", "apart"),
        [
            ((270, 400), (128, 128), 0.001),
            ((181, 253), (64, 96), 0.001),
            ((128, 192), (64, 96), 0.001),
            ((192, 288), (64, 96), 0.001),
            ((64, 96), (64, 96), 0),
            ((45, 63), (64, 96), 0.01),
            ((45, 300), (64, 96), 0.01),
        ],
    )
    def test_resize_is_opencvs(
        self, page: Page, shape: tuple[int, int], size: tuple[int, int], apart: float
    ) -> None:
        pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
        given = {"grey": pixels.ravel().tolist(), "size": [*shape], "to": [*size]}
        body = """
          const [height, width] = given.size;
          const image = { grey: Uint8Array.from(given.grey), width, height };
          return Array.from(module.resizeImage(image, given.to[1], given.to[0]).grey);"""
        found = np.array(page.call("resize.js", body, given)).reshape(size)
        difference = np.abs(found - resize_image(pixels, size).astype(int))
        assert difference.max() <= 1
        assert (difference > 0).mean() <= apart

    @pytest.mark.parametrize("chart", CHARTS)
    def test_ages_are_the_librarys(self, page: Page, chart: str) -> None:
        lengths = [float(length) for length in np.linspace(60, 380, 161)]
        body = "return given[1].map((mm) => module.gestationalAge(mm, module.CHARTS[given[0]]));"
        for length, found in zip(lengths, page.call("growth.js", body, [chart, lengths]), strict=True):
            try:
                age = gestational_age(length, chart=CHARTS[chart], level=0.9)
            except ValueError:
                assert found is None
                continue
            expected = {"weeks": age.weeks, "low": age.low_weeks, "high": age.high_weeks}
            assert found == pytest.approx(expected, abs=1e-6)

    def test_ellipses_are_found_from_points_on_them(self, page: Page) -> None:
        rng = np.random.default_rng(3)
        body = "return given.map((points) => module.fitEllipse(points));"
        true = [
            Ellipse(
                center_x=rng.uniform(100, 700),
                center_y=rng.uniform(100, 400),
                semi_major=(major := rng.uniform(20, 300)),
                semi_minor=major * rng.uniform(0.4, 1),
                angle=rng.uniform(-1.5, 1.5),
            )
            for _ in range(100)
        ]
        fits = page.call("ellipse.js", body, [ellipse.points(60).tolist() for ellipse in true])
        for ellipse, fit in zip(true, fits, strict=True):
            found = Ellipse(
                center_x=fit["x"], center_y=fit["y"], semi_major=fit["a"], semi_minor=fit["b"], angle=0
            )
            assert found.circumference == pytest.approx(ellipse.circumference, rel=1e-7)
            assert fit["b"] / fit["a"] == pytest.approx(ellipse.semi_minor / ellipse.semi_major, abs=1e-6)
            turn = (fit["angle"] - ellipse.angle + np.pi / 2) % np.pi - np.pi / 2
            assert turn * (fit["a"] - fit["b"]) == pytest.approx(0, abs=1e-3)

    @pytest.mark.parametrize(
        "points", [[[0, 0], [1, 1], [2, 2], [3, 3], [4, 4], [5, 5]], [[1, 1]] * 9], ids=["line", "point"]
    )
    def test_no_ellipse_fits_a_line(self, page: Page, points: list[list[int]]) -> None:
        assert page.call("ellipse.js", "return module.fitEllipse(given);", points) is None


def with_size(width: int, height: int) -> bytes:
    """A PNG of one pixel that declares another size, with its checksum mended."""
    import zlib

    content = bytearray(png(np.zeros((1, 1), np.uint8)))
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


HALF = png(PICTURES["odd size"])
FLIPPED = bytearray(HALF)
FLIPPED[len(HALF) // 2] ^= 1
JPEG = png(PICTURES["odd size"], "JPEG")


plain = people.plain


class TestFilesAsPeopleHaveThem:
    """The rows of the table of kinds that go through this door; a new kind is one more row there."""

    @pytest.mark.parametrize(
        "kind", [kind for kind, (_, doors) in people.KINDS.items() if people.PAGE in doors]
    )
    def test_each_kind_is_answered(self, page: Page, plain: Path, tmp_path: Path, kind: str) -> None:
        spoil, answers = people.KINDS[kind]
        desk = shutil.copytree(plain, tmp_path / "desk")
        spoil(desk)
        for name in people.HEADS:
            expected = self.answer(page, plain / "images" / name, called=f"plain {name[0]}")
            assert expected["Head circumference"].endswith(" px")
            file = desk / "images" / name
            if answers[people.PAGE] == people.SAME:
                assert self.answer(page, file, called=f"{kind} {name[0]}") == expected
            else:
                assert answers[people.PAGE] in page.problem(file.read_bytes(), name=kind)

    def answer(self, page: Page, file: Path, *, called: str) -> dict[str, Any]:
        page.answer(file.read_bytes(), name=called)
        page.tab.wait_for_function(f"document.querySelector('[data-part=name]').textContent === '{called}'")
        return {**page.numbers(), **page.ellipse()}


class TestBadFiles:
    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            pytest.param(b"", "empty", id="empty"),
            pytest.param(b"HC was 172 mm\n", "no PNG, JPEG or BMP", id="text"),
            pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, JPEG or BMP", id="svg"),
            pytest.param(HALF[: len(HALF) // 2], "damaged or cut short", id="half a PNG"),
            pytest.param(bytes(FLIPPED), "damaged or cut short", id="one bit flipped"),
            pytest.param(HALF[:20], "start of the file is damaged", id="start of a PNG"),
            pytest.param(JPEG[: len(JPEG) // 2], "damaged or cut short", id="half a JPEG"),
            pytest.param(JPEG[:30], "start of the file is damaged", id="start of a JPEG"),
            pytest.param(with_size(100_000, 100_000), "100000 × 100000 pixels", id="enormous"),
            pytest.param(with_size(0, 10), "0 × 10 pixels", id="no width"),
            pytest.param(with_size(300, 200), "cannot be decoded", id="size that is not there"),
            pytest.param(b"RIFF\x9a\0\0\0WEBPVP8 " + bytes(50), "a WebP file.*save it anew", id="WebP"),
            pytest.param(b"GIF89a" + bytes(50), "a GIF file", id="GIF"),
            pytest.param(b"\0\0\0\x18ftypheic" + bytes(50), "a HEIC file", id="HEIC"),
            pytest.param(b"II*\0" + bytes(200), "TIFF.*fetalseg predict", id="TIFF"),
            pytest.param(bytes(128) + b"DICM" + bytes(50), "DICOM.*fetalseg predict", id="DICOM"),
            pytest.param(b"BM" + bytes(60), "0 × 0 pixels", id="BMP of zeros"),
        ],
    )
    def test_is_refused_in_words(self, page: Page, content: bytes, expected: str) -> None:
        assert re.search(expected, page.problem(content))

    def test_16_bits_are_refused(self, page: Page) -> None:
        buffer = io.BytesIO()
        Image.fromarray(np.full((20, 30), 4000, np.uint16)).save(buffer, "PNG")
        assert "16 bits" in page.problem(buffer.getvalue())

    def test_the_page_goes_on_afterwards(self, page: Page) -> None:
        page.problem(b"no image")
        page.answer(png(PICTURES["odd size"]))
        assert page.part("problem").inner_text() == ""

    def test_a_name_is_text_and_nothing_else(self, page: Page) -> None:
        name = "<img src=x onerror=alert(1)>😀" + "a" * 200 + ".png"
        assert name in page.problem(b"no image", name=name)
        page.answer(png(PICTURES["odd size"]), name=name)
        assert page.part("name").inner_text() == name
        assert page.part("name").locator("*").count() == 0


class TestNothingLeaves:
    def test_every_request_goes_to_the_origin_and_carries_nothing(self, browser: Any, address: str) -> None:
        page = Page(browser, address)
        page.answer(png(PICTURES["odd size"]))
        page.part("pictures").get_by_role("button").first.click()
        page.part("results").wait_for()
        assert len(page.asked) > 20  # scripts, runtime, network, pictures
        assert all(url.startswith((address, f"blob:{address}")) for _, url, _ in page.asked)
        assert {method for method, _, _ in page.asked} <= {"GET", "HEAD"}
        assert not any(body for _, _, body in page.asked)
        page.context.close()

    def test_neither_the_page_nor_its_worker_reaches_another_server(
        self, browser: Any, address: str, site: Path
    ) -> None:
        with served(site) as elsewhere:
            page = Page(browser, address)
            page.context.unroute_all()
            ask = f"fetch('{elsewhere}/', {{mode: 'no-cors'}}).then(() => 'reached', () => 'refused')"
            page.answer(png(PICTURES["odd size"]))
            (worker,) = page.tab.workers
            assert [worker.evaluate(ask), page.tab.evaluate(ask)] == ["refused"] * 2
            page.tab.goto(f"{address}/_static/")  # has no policy: so that is what refused
            assert page.tab.evaluate(ask) == "reached"
            page.context.close()

    def test_scripts_name_no_other_address(self) -> None:
        texts = [path.read_text(encoding="utf-8") for path in SCRIPTS.iterdir() if path.is_file()]
        texts.append((ROOT / "book" / "browser" / "app.html").read_text(encoding="utf-8"))
        for text in texts:
            assert not re.search(
                r"https?://|//cdn|sendBeacon|XMLHttpRequest|WebSocket|innerHTML|eval\(", text
            )
            assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text)  # no handlers inside HTML

    def test_works_with_the_connection_cut(self, browser: Any, address: str) -> None:
        page = Page(browser, address)
        page.answer(png(PICTURES["odd size"]))
        page.context.set_offline(True)
        page.answer(png(PICTURES["two heads"]), name="second.png")
        page.tab.locator('[data-part="name"]', has_text="second.png").wait_for()
        page.context.close()


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Page]:
    """A new page with the picture that comes with it; 0.5 mm a pixel."""
    new = Page(browser, address)
    new.part("pictures").get_by_role("button").first.click()
    new.part("results").wait_for()
    yield new
    new.context.close()
    assert new.errors == []


def millimetres(words: str) -> float:
    found = re.fullmatch(r"([\d.]+) mm", words)
    assert found, words
    return float(found[1])


def circumference(semi_axes: tuple[float, float]) -> float:
    """By the integral, not by the page's formula."""
    from scipy.special import ellipe

    small, large = sorted(semi_axes)
    return float(4 * large * ellipe(1 - (small / large) ** 2))


class TestReading:
    def test_the_first_picture_is_looked_at_without_asking(self, browser: Any, address: str) -> None:
        page = Page(browser, address)
        page.part("results").wait_for()
        assert page.part("name").inner_text() == "A bright head"
        page.context.close()

    def test_the_true_ellipse_is_drawn_where_it_is_known(self, opened: Page) -> None:
        reference = opened.tab.locator("ellipse.reference")
        assert float(reference.get_attribute("rx")) == HEAD.semi_major
        assert opened.part("referenceHint").is_visible()
        opened.answer(png(PICTURES["two heads"]))
        assert reference.get_attribute("visibility") == "hidden"
        assert not opened.part("referenceHint").is_visible()

    def test_a_known_head_is_read_in_mm_with_its_age(self, opened: Page) -> None:
        numbers = opened.numbers()
        assert millimetres(numbers["Head circumference"]) == pytest.approx(HEAD.circumference / 2, rel=0.01)
        age = gestational_age(millimetres(numbers["Head circumference"]), chart=CHARTS["intergrowth"])
        expected = f"{age.weeks:.1f} weeks ({age.low_weeks:.1f} to {age.high_weeks:.1f})"
        assert numbers[AGE] == expected
        assert f"{HEAD.circumference / 2:.1f} mm" in opened.part("truth").inner_text()

    @pytest.mark.parametrize(("written", "scale"), [("0.25", 0.25), ("0,3", 0.3), (" .5 ", 0.5)])
    def test_the_pixel_size_scales(self, opened: Page, written: str, scale: float) -> None:
        opened.part("size").fill(written)
        axes = opened.ellipse()
        found = millimetres(opened.numbers()["Head circumference"])
        assert found == pytest.approx(circumference((axes["rx"], axes["ry"])) * scale, abs=0.051)

    @pytest.mark.parametrize("written", ["", "0", "-1", "a", "1e9", "0.1.2"])
    def test_without_a_pixel_size_there_is_no_age(self, opened: Page, written: str) -> None:
        opened.part("size").fill(written)
        assert opened.numbers()["Head circumference"].endswith(" px")
        assert opened.numbers()[AGE] == "none without a pixel size"
        assert opened.part("sizeProblem").is_visible() is (written != "")

    def test_the_chart_is_a_choice(self, opened: Page) -> None:
        length = millimetres(opened.numbers()["Head circumference"])
        opened.part("chart").select_option("hadlock")
        age = gestational_age(length, chart=CHARTS["hadlock"])
        assert opened.numbers()[AGE] == f"{age.weeks:.1f} weeks ({age.low_weeks:.1f} to {age.high_weeks:.1f})"

    def test_a_new_picture_of_ones_own_forgets_the_pixel_size(self, opened: Page) -> None:
        opened.answer(png(PICTURES["two heads"]))
        assert opened.part("size").input_value() == ""
        assert opened.part("truth").inner_text() == ""

    def test_it_says_what_it_is(self, opened: Page) -> None:
        assert opened.tab.get_by_text("A teaching tool, not for clinical use.").count() == 2
        assert "simulated heads" in opened.part("network").inner_text()


class TestByHand:
    def test_keyboard_alone(self, browser: Any, address: str) -> None:
        page = Page(browser, address)
        page.part("pictures").get_by_role("button").first.wait_for()  # they come after the rest of the page
        focused = (
            "(document.activeElement.dataset.part ?? document.activeElement.dataset.handle ?? 'picture')"
        )
        page.tab.keyboard.press("Tab")
        page.tab.keyboard.press("Enter")
        page.part("results").wait_for()
        reached = []
        for _ in range(16):
            page.tab.keyboard.press("Tab")
            reached.append(page.tab.evaluate(focused))
        expected = ["file", "Centre", "End of the first axis", "Other end of the first axis"]
        expected += [
            "End of the second axis",
            "Other end of the second axis",
            "showMask",
            "reset",
            "gain",
            "shadow",
            "blur",
            "size",
            "chart",
        ]
        assert reached[: len(expected)] == expected
        page.context.close()

    def test_arrow_keys_move_the_handles_and_the_circumference_follows(self, opened: Page) -> None:
        opened.tab.get_by_label("Centre, at").focus()
        before = opened.ellipse()
        opened.tab.keyboard.press("ArrowRight")
        opened.tab.keyboard.press("Shift+ArrowUp")
        after = opened.ellipse()
        assert (after["cx"] - before["cx"], after["cy"] - before["cy"]) == pytest.approx((1, -10))
        assert (after["rx"], after["ry"]) == (before["rx"], before["ry"])
        opened.tab.locator('[data-handle="End of the second axis"]').focus()
        for _ in range(3):
            opened.tab.keyboard.press("Shift+ArrowDown")
        longer = opened.ellipse()
        assert longer["ry"] > after["ry"] + 20
        found = millimetres(opened.numbers()["Head circumference"])
        assert found == pytest.approx(circumference((longer["rx"], longer["ry"])) * 0.5, abs=0.051)
        assert opened.part("whose").inner_text() == "your ellipse"
        opened.part("reset").press("Enter")
        assert opened.ellipse() == before
        assert opened.part("whose").inner_text() == "the network's ellipse"

    def test_dragging(self, opened: Page) -> None:
        handle = opened.tab.locator('[data-handle="Centre"]')
        handle.scroll_into_view_if_needed()  # the mouse reaches only what is seen
        box, stage = handle.bounding_box(), opened.part("stage").bounding_box()
        scale = PICTURES["odd size"].shape[1] / stage["width"]
        before = opened.ellipse()
        x, y = box["x"] + box["width"] / 2 + 5, box["y"] + box["height"] / 2  # beside its middle
        opened.tab.mouse.move(x, y)
        opened.tab.mouse.down()
        opened.tab.mouse.move(x + 40, y - 20, steps=4)
        opened.tab.mouse.up()
        opened.tab.mouse.move(x + 90, y)  # let go
        after = opened.ellipse()
        assert after["cx"] - before["cx"] == pytest.approx(40 * scale, abs=0.5)
        assert after["cy"] - before["cy"] == pytest.approx(-20 * scale, abs=0.5)

    def test_without_a_head_the_reader_draws_one(self, opened: Page) -> None:
        opened.answer(png(PICTURES["nothing"]))
        assert opened.part("flags").inner_text() == "no head (empty)"
        assert opened.numbers() == {}
        opened.tab.get_by_label("Centre, at").focus()
        opened.tab.keyboard.press("ArrowLeft")
        assert opened.numbers()["Head circumference"].endswith(" px")

    def test_sliders_disturb_the_picture_and_the_network_looks_again(self, opened: Page) -> None:
        before = opened.mask().sum()
        opened.part("gain").fill("-2")  # a quarter as bright: this network sees no head then
        opened.part("flags").get_by_text("no head").wait_for()
        assert not opened.mask().any()
        opened.part("gain").fill("0")
        opened.part("flags").get_by_text("does not mean").wait_for()
        assert opened.mask().sum() == before

    def test_a_disturbed_picture_is_the_same_by_hand(self, page: Page) -> None:
        pixels = np.random.default_rng(2).integers(0, 256, (20, 40), dtype=np.uint8)
        body = """
          const image = { grey: Uint8Array.from(given[0]), width: 40, height: 20 };
          return Array.from(module.disturb(image, given[1]).grey);"""

        def page_says(**setting: float) -> NDArray[np.float64]:
            given = {"gain": 0, "shadow": 0, "blur": 0} | setting
            return np.array(page.call("disturb.js", body, [pixels.ravel().tolist(), given])).reshape(20, 40)

        assert (page_says() == pixels).all()
        assert np.abs(page_says(gain=-1) - pixels / 2).max() <= 0.5
        shadow = 1 - 0.8 * np.exp(-(((np.arange(40) / 40 - 0.5) / 0.1) ** 2) / 2)
        assert np.abs(page_says(shadow=0.8) - pixels * shadow).max() <= 0.51
        from scipy.ndimage import uniform_filter

        blurred = pixels.astype(float)  # away from the border, where fewer neighbours are there
        for _ in range(2):
            blurred = uniform_filter(blurred, 3)
        assert np.abs(page_says(blur=2.5) - blurred)[3:-3, 3:-3].max() <= 0.51

    def test_the_label_and_the_growth_chart_follow_the_ellipse(self, opened: Page) -> None:
        assert opened.part("label").inner_text() == opened.numbers()["Head circumference"]
        weeks = opened.numbers()[AGE].split(" ")[0]
        assert f"is at {weeks} weeks" in str(opened.part("growth").get_attribute("aria-label"))
        opened.part("size").fill("")
        assert "No head is on it" in str(opened.part("growth").get_attribute("aria-label"))

    def test_the_mask_can_be_hidden(self, opened: Page) -> None:
        opened.part("showMask").press("Space")
        assert not opened.part("mask").is_visible()

    def test_a_file_can_be_dropped(self, opened: Page) -> None:
        script = """([bytes, name]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
          const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
          return document.querySelector(".fetalseg-app").dispatchEvent(event);
        }"""
        taken = not opened.tab.evaluate(script, [list(png(PICTURES["two heads"])), "dropped.png"])
        assert taken
        opened.tab.locator('[data-part="name"]', has_text="dropped.png").wait_for()


class TestPhone:
    def test_nothing_is_wider_than_the_screen_and_fingers_find_the_handles(
        self, browser: Any, address: str
    ) -> None:
        page = Page(browser, address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        page.answer(png(PICTURES["cut by the border"]), name="a" * 200 + ".png")
        assert page.tab.evaluate("document.documentElement.scrollWidth") <= 390
        for handle in page.tab.locator(".handle").all():
            box = handle.bounding_box()
            assert min(box["width"], box["height"]) >= 44
        before = page.ellipse()
        page.tab.locator('[data-handle="Centre"]').press("ArrowRight")
        assert page.ellipse()["cx"] == pytest.approx(before["cx"] + 1)
        page.context.close()


class TestMissingParts:
    @pytest.mark.parametrize(
        ("missing", "expected"),
        [("runtime/*.wasm", "The runtime is not part"), ("network/network.json", "The network is not part")],
    )
    def test_is_told_to_the_reader(self, browser: Any, address: str, missing: str, expected: str) -> None:
        page = Page(browser, address)
        page.context.route(f"**/{missing}", lambda route: route.fulfill(status=404))
        page.tab.reload()
        page.tab.locator("[role=alert]:not(:empty)").wait_for()
        assert expected in page.part("problem").inner_text()
        assert not page.part("app").is_visible()
        page.context.close()

    def test_without_scripts_it_says_what_is_needed(self, browser: Any, address: str) -> None:
        page = Page(browser, address, java_script_enabled=False)
        assert "needs JavaScript" in page.part("waiting").inner_text()
        page.context.close()


class TestBundledNetwork:
    """The network that the book shows, as the book exports it."""

    def test_masks_are_those_of_python_and_the_first_answer_is_timed(
        self, browser: Any, runtime: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        if not DEMONSTRATION.is_file():
            pytest.skip(f"{DEMONSTRATION.name} does not come with the package yet")
        network = build_site(tmp_path, runtime)
        exported = network / "network.onnx"
        assert main(["export", str(DEMONSTRATION), "-o", str(exported), "--precision", "float16"]) == 0
        write_card(exported)
        real = np.array(Image.open(ROOT / "results" / "hc18" / "figures" / "half_size.png"))
        pictures = [phantom.generate(1, seed=4)[0].image, real, real[3:-8, 11:-2]]
        with served(tmp_path) as url:
            page = Page(browser, url)
            for number, pixels in enumerate(pictures):
                page.answer(png(pixels))
                if number == 0:
                    with capsys.disabled():
                        print(f"\nbrowser page: {page.part('state').inner_text()}")
                mask, head = by_the_library(pixels, tmp_path)
                assert 0.05 < mask.mean() < 0.95
                assert dice(page.mask(), mask) >= 0.999
                assert head.ellipse_px is not None
                found = page.ellipse()
                assert circumference((found["rx"], found["ry"])) == pytest.approx(
                    head.ellipse_px.circumference, rel=1e-3
                )
            page.context.close()


def test_how_long_the_first_answer_takes(
    browser: Any, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Page(browser, address)
    page.answer(png(PICTURES["phantom"]))
    words = page.part("state").inner_text()
    page.context.close()
    assert re.fullmatch(r"Ready. The network was loaded in [\d.]+ s and answered in [\d.]+ s.", words)
    with capsys.disabled():
        print(f"\nbrowser page: {words}")
