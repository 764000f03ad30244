"""The architecture figure, drawn from the built network: traced shapes, weights and FLOPs, nothing typed in.

``reading`` sorts what an empty image met on its way into parts, ``words`` says them, ``figure`` lays them out
as a U and ``schematic`` shows single ones, ``svg`` is the sheet that they draw on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

import matplotlib
from jinja2 import Environment, FileSystemLoader

from fetalseg_book.diagram.figure import compose
from fetalseg_book.diagram.reading import Parts, read
from fetalseg_book.diagram.words import flops_text, shape_text
from fetalseg_lib.files import atomic_write, only_one
from fetalseg_lib.models import build_model

__all__ = ["Diagram", "draw"]

PNG_ZOOM = 2.0
"""Pixels of a PNG for each px of the drawing: about 300 to the inch at a page's width."""


@dataclass(frozen=True)
class Diagram:
    """A drawn network: ``svg`` for a paper, ``html`` for a page; a notebook shows the latter by itself."""

    parts: Parts
    variant: str

    @cached_property
    def svg(self) -> str:
        """The figure as an SVG document with its title and description."""
        return compose(self.parts, variant=self.variant)

    @cached_property
    def html(self) -> str:
        """The figure as an HTML element in which every part tells its layers, parameters and FLOPs.

        One part at a time is in the tab order; the arrow keys go to the nearest part in their direction, Home
        and End to the first and the last. The panel below speaks politely (``aria-live``). Without scripts
        the figure stands as it is, with the totals below and a tooltip on each part.
        """
        # "<" could end the script element early; JSON has another spelling for it.
        data = json.dumps(details(self.parts), ensure_ascii=False).replace("<", "\\u003c")
        drawing = compose(self.parts, variant=self.variant, interactive=True)
        templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
        return templates.get_template("page.html").render(parts=self.parts, drawing=drawing, details=data)

    def _repr_html_(self) -> str:
        return self.html

    def save(self, path: str | Path) -> Path:
        """Write the figure as ``.svg`` or ``.png`` and return the path; missing folders are made.

        Raises ``ValueError`` for another extension, and ``ModuleNotFoundError`` where a PNG is wanted and the
        package ``resvg_py`` is missing.
        """
        path = Path(path)
        kind = path.suffix.lower()
        if kind not in (".svg", ".png"):
            raise ValueError(f"path: expected a name that ends in .svg or .png, got {path.name!r}")
        with only_one(path), atomic_write(path) as file:
            file.write(self.svg.encode() if kind == ".svg" else as_png(self.svg))
        return path


def draw(variant: str = "proposed", *, size: tuple[int, int] = (256, 256)) -> Diagram:
    """Build the network of a variant, trace an image of ``size`` (rows, columns) through it and draw it.

    The encoder's weights are drawn at random: the figure shows shapes, not values.

    Raises ``ValueError`` for an unknown variant or a size that the network does not take.

    >>> diagram = draw("unet", size=(64, 96))
    >>> "64×96×32" in diagram.svg
    True
    """
    parts = read(build_model(variant, encoder_weights="random"), size=size)
    return Diagram(parts=parts, variant=variant)


def details(parts: Parts) -> dict[str, dict[str, object]]:
    """What the panel says of each part, in the order of the data's way."""
    return {
        part.path: {
            "title": f"{part.path}: {part.note}",
            "summary": (
                f"output {shape_text(part.shape)} · {part.parameters:,} parameters, {part.state} · "
                f"{flops_text(part.flops)}"
            ),
            "layers": [
                [layer.text, shape_text(layer.output), f"{layer.parameters:,}", flops_text(layer.flops)]
                for layer in part.layers
            ],
        }
        for part in parts.shown
    }


def as_png(svg: str) -> bytes:
    """An SVG as PNG, rendered with the font that the layout measured: the same on every machine."""
    try:
        resvg = import_module("resvg_py")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "path: a PNG needs the package resvg_py (pip install resvg_py); an .svg needs nothing",
            name=error.name,
        ) from error
    fonts = Path(matplotlib.get_data_path(), "fonts", "ttf")
    png: bytes = resvg.svg_to_bytes(
        svg_string=svg,
        zoom=PNG_ZOOM,
        skip_system_fonts=True,
        font_files=[str(fonts / "DejaVuSans.ttf"), str(fonts / "DejaVuSans-Bold.ttf")],
        sans_serif_family="DejaVu Sans",
    )
    return png
