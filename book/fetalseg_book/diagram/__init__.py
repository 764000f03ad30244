"""The architecture figure, drawn from the built network: traced shapes, weights and FLOPs, nothing typed in.

``trace`` sends an empty image through the network, ``reading`` sorts what it met into ``parts``, ``compose``
lays them out as a ``scene`` of boxes and arrows, ``svg`` and ``interactive`` write that down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

import matplotlib

from fetalseg_book.diagram.compose import compose
from fetalseg_book.diagram.interactive import page
from fetalseg_book.diagram.parts import Parts
from fetalseg_book.diagram.reading import read
from fetalseg_book.diagram.scene import Scene
from fetalseg_book.diagram.svg import render
from fetalseg_lib.files import atomic_write, only_one
from fetalseg_lib.models import build_model

__all__ = ["Diagram", "draw", "write_diagram"]

PNG_ZOOM = 2.0
"""Pixels of a PNG for each px of the drawing: about 300 to the inch at a page's width."""


@dataclass(frozen=True)
class Diagram:
    """A drawn network: ``svg`` for a paper, ``html`` for a page; a notebook shows the latter by itself."""

    parts: Parts
    scene: Scene

    @cached_property
    def svg(self) -> str:
        """The figure as an SVG document with its title and description."""
        return render(self.scene)

    @cached_property
    def html(self) -> str:
        """The figure as an HTML element in which every part tells its layers, parameters and FLOPs."""
        return page(self.parts, self.scene)

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
    return Diagram(parts=parts, scene=compose(parts, variant=variant))


def write_diagram(variant: str, path: str | Path, *, size: tuple[int, int] = (256, 256)) -> Path:
    """Draw a variant into a file; raises what :func:`draw` and :meth:`Diagram.save` raise."""
    return draw(variant, size=size).save(path)


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
