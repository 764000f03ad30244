"""Outlines on real heads: the annotation, and what each variant measured with each of its seeds.

The outlines are the ellipses of ``per_image.csv``, so nothing is computed here. The images are figures, half
the size of the originals and encoded anew, with their source beside them:
``python -m fetalseg_book.explorers.overlay RESULTS HC18_FOLDER -o FOLDER`` writes them, for a small, a
middling and a large head of the test fold.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from fetalseg_book.explorers.frame import framed, slider
from fetalseg_book.figures.figures import ellipse_of
from fetalseg_lib.data import hc18
from fetalseg_lib.data.layout import TRAINING
from fetalseg_lib.files import atomic_write
from fetalseg_lib.geometry import Ellipse
from fetalseg_lib.models import list_variants
from fetalseg_lib.study import records

FACTS = "heads.json"
_QUANTILES = {"small": 0.1, "middling": 0.5, "large": 0.9}


@dataclass(frozen=True, kw_only=True)
class Head:
    """A test image as a figure: ``shape`` is (H, W) of the original, in whose pixels the outlines are."""

    name: str
    size: str
    file: str
    shape: tuple[int, int]
    pixel_size_mm: float
    reference: Ellipse

    @property
    def hc_mm(self) -> float:
        """The annotated head circumference."""
        return self.reference.circumference * self.pixel_size_mm


def choose(per_image: pd.DataFrame) -> dict[str, str]:
    """The names of the images at three places of the order by reference HC, whatever was measured on them."""
    ranked = per_image.sort_values(["hc_reference_mm", "name"])["name"].tolist()
    return {size: ranked[round(share * (len(ranked) - 1))] for size, share in _QUANTILES.items()}


def write_heads(published: Path, root: Path, folder: Path) -> None:
    """Write the figures of the chosen images, and their annotation, into ``folder``."""
    per_image = pd.read_csv(next(iter(sorted(published.glob(f"*/seed-*/{records.PER_IMAGE}")))))
    heads = []
    folder.mkdir(parents=True, exist_ok=True)
    for size, name in choose(per_image).items():
        image, reference = hc18.read_pair(root / TRAINING.folder / name)
        height, width = image.shape
        half = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        file = f"overlay_{size}.jpg"
        with atomic_write(folder / file) as stream:
            Image.fromarray(half).save(stream, format="JPEG", quality=80, optimize=True)
        pixel_size = per_image.set_index("name")["pixel_size_mm"].astype(float)[name]
        heads.append(
            Head(
                name=name,
                size=size,
                file=file,
                shape=(height, width),
                pixel_size_mm=pixel_size,
                reference=reference,
            )
        )
    with atomic_write(folder / FACTS) as stream:
        stream.write((json.dumps([asdict(head) for head in heads], indent=2) + "\n").encode())


def read_heads(folder: Path) -> list[Head]:
    """The heads that :func:`write_heads` wrote. Raises ``FileNotFoundError`` where there are none."""
    return [
        Head(**{**entry, "shape": tuple(entry["shape"]), "reference": Ellipse(**entry["reference"])})
        for entry in json.loads((folder / FACTS).read_text(encoding="utf-8"))
    ]


def measured(published: Path, name: str, *, order: Sequence[str]) -> dict[str, list[Ellipse]]:
    """The ellipses (native px) that the seeds of each variant measured on an image, variants in ``order``."""
    found: dict[str, list[Ellipse]] = {}
    for variant in order:
        for file in sorted((published / variant).glob(f"seed-*/{records.PER_IMAGE}")):
            (row,) = (row for _, row in pd.read_csv(file).iterrows() if row["name"] == name)
            ellipse = ellipse_of(row)
            if ellipse is not None:
                found.setdefault(variant, []).append(ellipse)
    return found


def explorer(folder: Path, published: Path, *, order: Sequence[str]) -> str:
    """The heads of ``folder`` with the outlines of the study ``published``, as one HTML element."""
    views, pictures = [], []
    for number, head in enumerate(read_heads(folder)):
        outlines = measured(published, head.name, order=order)
        shown = {variant.name: variant.shown_as for variant in list_variants()}
        layers = {
            "annotation alone": [],
            **{shown.get(name, name): found for name, found in outlines.items()},
        }
        views.append(
            [{"name": variant, "says": _sentence(head, variant, found)} for variant, found in layers.items()]
        )
        pictures.append(_picture(folder, head, layers, shown=number == 0, says=views[-1][0]["says"]))
    names = [entry["name"] for entry in views[0]]
    options = "".join(
        f'<option value="{k}">{head.size} head, {head.hc_mm:.0f} mm</option>'
        for k, head in enumerate(read_heads(folder))
    )
    controls = f'<label>Image: <select name="image">{options}</select></label>' + slider(
        "layer", "Outline", value=0, least=0, most=len(names) - 1, step=1, shown=names[0]
    )
    body = (
        f"<form hidden>{controls}</form>{''.join(pictures)}"
        '<p class="key"><span class="one">━━</span> annotation &nbsp; <span class="two">╍╍</span> measured, '
        "one line for each seed</p>"
        f'<p class="view" aria-live="polite">{escape(views[0][0]["says"])}</p>'
    )
    script = f"  const views = {json.dumps(views, ensure_ascii=False)};\n{_SCRIPT}"
    return framed("overlay", body, style=_STYLE, script=script)


def _sentence(head: Head, variant: str, found: Sequence[Ellipse]) -> str:
    if not found:
        return f"The annotation of {head.name}: a head circumference of {head.hc_mm:.1f} mm."
    errors = np.array([ellipse.circumference * head.pixel_size_mm - head.hc_mm for ellipse in found])
    return (
        f"{variant}, {len(found)} seeds: between {errors.min():+.1f} and {errors.max():+.1f} mm from the "
        f"annotation, which is {head.hc_mm:.1f} mm."
    )


def _picture(
    folder: Path, head: Head, layers: Mapping[str, Sequence[Ellipse]], *, shown: bool, says: str
) -> str:
    height, width = head.shape
    data = base64.b64encode((folder / head.file).read_bytes()).decode()
    groups = "".join(
        f'<g class="layer"{"" if k == 0 else " hidden"}>{"".join(map(_ellipse, found))}</g>'
        for k, found in enumerate(layers.values())
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(says)}"'
        f"{'' if shown else ' hidden'}>"
        f'<image href="data:image/jpeg;base64,{data}" width="{width}" height="{height}"/>'
        f'<g class="truth">{_ellipse(head.reference)}</g>{groups}</svg>'
    )


def _ellipse(ellipse: Ellipse) -> str:
    x, y, turn = ellipse.center_x + 0.5, ellipse.center_y + 0.5, np.degrees(ellipse.angle)
    return (
        f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{ellipse.semi_major:.1f}" ry="{ellipse.semi_minor:.1f}" '
        f'transform="rotate({turn:.2f} {x:.1f} {y:.1f})"/>'
    )


_STYLE = """
.overlay svg { max-width: 40rem; background: #000; }
.overlay [hidden] { display: none; }
.overlay ellipse { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
.overlay .truth ellipse { stroke: #56b4e9; }
.overlay .layer ellipse { stroke: #e69f00; stroke-width: 1.5; stroke-dasharray: 6 4; }
.overlay select { color: var(--ink); background: var(--paper); border: 1px solid var(--line); }
.overlay .key, .overlay .view { text-align: center; }
.overlay .key .one { color: #2b87bd; }
.overlay .key .two { color: #b37700; }
"""

_SCRIPT = """
  const form = figure.querySelector("form"), pictures = [...figure.querySelectorAll("svg")];
  const {image, layer} = form.elements;
  const draw = () => {
    const at = Number(layer.value), view = views[Number(image.value)][at];
    pictures.forEach((picture, k) => picture.toggleAttribute("hidden", k !== Number(image.value)));
    for (const picture of pictures)
      picture.querySelectorAll(".layer").forEach((group, k) => group.toggleAttribute("hidden", k !== at));
    form.elements["layer-now"].value = view.name;
    layer.setAttribute("aria-valuetext", view.name);
    pictures[Number(image.value)].setAttribute("aria-label", view.says);
    figure.querySelector(".view").textContent = view.says;
  };
  form.addEventListener("input", draw);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  draw();
"""

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("published", type=Path, help="the study, as results/one_fold/published/hc18")
    parser.add_argument("root", type=Path, help="the folder of HC18")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    write_heads(options.published, options.root, options.out)
