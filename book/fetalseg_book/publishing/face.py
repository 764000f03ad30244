"""The book's face: its mark, its logo and its cover, drawn from a phantom and from the shape of the network.

``python -m fetalseg_book.publishing.face book/_static results`` writes them, and a measured head of the test
images. The mark is a head as ultrasound shows
it, bright where the beam meets the skull squarely and faint at the sides, with the U of the network inside:
as many steps as the encoder has maps, in the colours of the architecture figure.
"""

from __future__ import annotations

import base64
import io
import sys
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath
from PIL import Image

from fetalseg_book.diagram import as_png
from fetalseg_book.diagram.svg import FILLS, INK, STROKES
from fetalseg_book.explorers import overlay
from fetalseg_book.explorers.overlay import Head
from fetalseg_book.facts.core import FREED, core
from fetalseg_book.figures.style import PREDICTION, REFERENCE
from fetalseg_lib.data import phantom
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.evaluation.biometry import measure_head
from fetalseg_lib.geometry import Ellipse
from fetalseg_lib.models.encoder import TAPS

NIGHT = "#10151c"
"""The ground of the cover, and of the dark logo."""
_LIGHT = "#f4f4f4"
_STEPS = len(TAPS) - 1
"""The maps of the encoder above the bottleneck."""


def mark(*, ink: str = INK) -> str:
    """The mark as the inside of an SVG, 64 units wide and high; ``ink`` is the colour of the skull."""
    near, far = _arc(-150, -35), _arc(25, 155)
    side = 'fill="none" stroke-linecap="round"'
    skull = (
        f'<g {side} transform="rotate(-8 32 32)"><ellipse cx="32" cy="32" rx="29" ry="24" stroke="{ink}" '
        f'stroke-width="1.6" stroke-opacity="0.45" stroke-dasharray="2.5 3.5"/>'
        f'<path d="{near}" stroke="{ink}" stroke-width="4"/>'
        f'<path d="{far}" stroke="{ink}" stroke-width="4"/></g>'
    )
    return skull + network(left=14, top=18, width=36, height=29)


def network(*, left: float, top: float, width: float, height: float) -> str:
    """The U: one box a map on the way down and up, the bottleneck between them, and SE on every skip."""
    row = height / (_STEPS + 1)
    thick = 0.62 * row
    boxes = []
    for step in range(_STEPS):
        y = top + step * row
        wide = width * (0.30 - 0.035 * step)
        inset = step * width * 0.045
        right = left + width - inset - wide
        boxes.append(_line(left + inset + wide, y + thick / 2, right, thick))
        boxes += [_box("conv", x, y, wide, thick) for x in (left + inset, right)]
        se = thick * 0.62
        boxes.append(_box("se", left + width / 2 - se / 2, y + (thick - se) / 2, se, se))
    boxes.append(_box("aspp", left + 0.3 * width, top + _STEPS * row, 0.4 * width, thick))
    return "".join(boxes)


def logo(*, dark: bool = False) -> str:
    """The mark with the name beside it, for a light or a dark page."""
    ink = _LIGHT if dark else INK
    letters = _letters("FetalSeg", size=34)
    body = f'{mark(ink=ink)}<path transform="translate(76 44)" fill="{ink}" d="{letters}"/>'
    return _svg(body, width=250, height=64, title="FetalSeg")


def favicon() -> str:
    """The mark alone, on a ground of its own so that it stands on any browser's tab."""
    ground = f'<rect width="64" height="64" rx="12" fill="{NIGHT}"/>'
    return _svg(ground + mark(ink=_LIGHT), width=64, height=64, title="FetalSeg")


def cover(sample: Sample, *, width: int = 1280, height: int = 640) -> str:
    """The cover: a phantom with its outline and its measured size, the network, and the book's question."""
    assert sample.mask is not None, "a phantom has a mask"
    found = measure_head(sample.mask, pixel_spacing_mm=(sample.pixel_size_mm, sample.pixel_size_mm))
    assert found.ellipse_px is not None, "a whole phantom can be measured"
    rows, columns = sample.shape
    scale = height / rows
    half = width / 2
    left = min(0.0, max(half - scale * columns, half / 2 - scale * found.ellipse_px.center_x))
    picture = (
        f'<clipPath id="left"><rect width="{half:g}" height="{height}"/></clipPath>'
        f'<g clip-path="url(#left)"><g transform="translate({left:.1f} 0) scale({scale:.4f})">'
        f'<image href="data:image/png;base64,{_base64(sample.image)}" width="{columns}" height="{rows}"/>'
        f"{_outline(found.ellipse_px, width=2.4 / scale)}</g></g>"
    )
    size = f"HC {found.hc_mm:.0f} mm"
    words = (
        f'<path fill="{_LIGHT}" transform="translate(690 190)" d="{_letters("FetalSeg", size=92)}"/>'
        f'<path fill="{_LIGHT}" transform="translate(694 262)" '
        f'd="{_letters("Find the head, measure it,", size=30, bold=False)}"/>'
        f'<path fill="{_LIGHT}" transform="translate(694 304)" '
        f'd="{_letters("and know what helped", size=30, bold=False)}"/>'
        f'<path fill="{PREDICTION}" transform="translate(24 {height - 28})" '
        f'd="{_letters(size, size=30)}"/>'
    )
    ground = f'<rect width="{width}" height="{height}" fill="{NIGHT}"/>'
    body = ground + picture + words + network(left=694, top=372, width=520, height=215)
    title = f"FetalSeg: a simulated head of {found.hc_mm:.0f} mm with its outline, and the network as a U"
    return _svg(body, width=width, height=height, title=title)


def measured_head(results: Path) -> tuple[Head, Ellipse]:
    """A test image of middling size, and what the first seed of the fine-tuned encoder measured on it."""
    published = core(results).folder
    head = next(h for h in overlay.read_heads(results / "hc18" / "overlay") if h.size == "middling")
    return head, overlay.measured(published, head.name, order=[FREED])[FREED][0]


def measured_picture(results: Path) -> str:
    """That image with both outlines, and both circumferences in words."""
    head, found = measured_head(results)
    rows, columns = head.shape
    data = base64.b64encode((results / "hc18" / "overlay" / head.file).read_bytes()).decode()
    lines = [
        (f"drawn by hand: {head.hc_mm:.1f} mm", REFERENCE),
        (f"network: {found.circumference * head.pixel_size_mm:.1f} mm", PREDICTION),
    ]
    words = "".join(
        f'<path fill="{colour}" transform="translate(16 {rows - 50 + 36 * k})" '
        f'd="{_letters(text, size=27)}"/>'
        for k, (text, colour) in enumerate(lines)
    )
    ellipses = "".join(
        f'<ellipse cx="{e.center_x + 0.5:.1f}" cy="{e.center_y + 0.5:.1f}" rx="{e.semi_major:.1f}" '
        f'ry="{e.semi_minor:.1f}" fill="none" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash}" '
        f'transform="rotate({np.degrees(e.angle):.2f} {e.center_x + 0.5:.1f} {e.center_y + 0.5:.1f})"/>'
        for e, colour, dash in ((head.reference, REFERENCE, "none"), (found, PREDICTION, "10"))
    )
    image = f'<image href="data:image/jpeg;base64,{data}" width="{columns}" height="{rows}"/>'
    return _svg(
        image + ellipses + words, width=columns, height=rows, title=f"Test image {head.name}, measured"
    )


def write_measured(folder: Path, results: Path) -> Path:
    """Write it as ``measured.jpg``; returns the file."""
    picture = Image.open(io.BytesIO(as_png(measured_picture(results)))).convert("RGB")
    rows, columns = measured_head(results)[0].shape
    small = picture.resize((columns, rows), Image.Resampling.LANCZOS)
    path = folder / "measured.jpg"  # greys of a photograph: a palette would show bands
    small.save(path, quality=82, optimize=True)
    return path


def write_face(folder: Path) -> list[Path]:
    """Write all of it into ``folder``; returns the files."""
    sample = phantom.generate(1, seed=12, size=(405, 600))[0]
    texts = {
        "logo.svg": logo(),
        "logo-dark.svg": logo(dark=True),
        "favicon.svg": favicon(),
    }
    paths = [folder / name for name in (*texts, "cover.png")]
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, texts.values(), strict=False):
        path.write_text(text + "\n", encoding="utf-8")
    large = Image.open(io.BytesIO(as_png(cover(sample)))).convert("RGB")
    small = large.resize((1280, 640), Image.Resampling.LANCZOS)
    # The few coloured pixels must keep their colours beside all the grey ones.
    small.quantize(160, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        paths[-1], optimize=True
    )
    return paths


def _svg(body: str, *, width: int, height: int, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img"><title>{escape(title)}</title>{body}</svg>'
    )


def _arc(start: float, end: float) -> str:
    """A piece of the skull, in degrees from the right, clockwise."""
    (x, y), (to_x, to_y) = (
        (32 + 29 * np.cos(np.radians(angle)), 32 + 24 * np.sin(np.radians(angle))) for angle in (start, end)
    )
    return f"M{x:.2f} {y:.2f}A29 24 0 0 1 {to_x:.2f} {to_y:.2f}"


def _box(style: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" rx="{height / 5:.2f}" '
        f'fill="{FILLS[style]}" stroke="{STROKES[style]}" stroke-width="{height / 14:.2f}"/>'
    )


def _line(x: float, y: float, to: float, thick: float) -> str:
    return f'<path d="M{x:.2f} {y:.2f}H{to:.2f}" stroke="#909090" stroke-width="{thick / 6:.2f}"/>'


def _outline(ellipse: Ellipse, *, width: float) -> str:
    turn = np.degrees(ellipse.angle)
    x, y = ellipse.center_x + 0.5, ellipse.center_y + 0.5
    return (
        f'<g fill="none" transform="rotate({turn:.2f} {x:.1f} {y:.1f})" stroke-width="{width:.2f}">'
        f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{ellipse.semi_major:.1f}" ry="{ellipse.semi_minor:.1f}" '
        f'stroke="{REFERENCE}"/>'
        f'<path d="M{x - ellipse.semi_major:.1f} {y:.1f}H{x + ellipse.semi_major:.1f}'
        f'M{x:.1f} {y - ellipse.semi_minor:.1f}V{y + ellipse.semi_minor:.1f}" '
        f'stroke="{PREDICTION}" stroke-dasharray="{4 * width:.1f}"/></g>'
    )


def _letters(text: str, *, size: float, bold: bool = True) -> str:
    """The outlines of the letters, so that the name looks the same on every machine."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    path = TextPath((0, 0), text, size=size, prop=font)
    kinds = {Outline.MOVETO: "M", Outline.LINETO: "L", Outline.CURVE3: "Q", Outline.CURVE4: "C"}
    pieces = []
    for points, code in path.iter_segments(curves=True, simplify=False):
        if code == Outline.CLOSEPOLY:
            pieces.append("Z")
            continue
        numbers = " ".join(f"{-value if k % 2 else value:.1f}" for k, value in enumerate(points))
        pieces.append(kinds[code] + numbers)
    return "".join(pieces)


def _base64(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


if __name__ == "__main__":
    for written in write_face(Path(sys.argv[1])):
        print(written)
    print(write_measured(Path(sys.argv[1]), Path(sys.argv[2])))
