"""The pictures that come with the browser page: phantoms, made at every build, and a real head, made once."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from fetalseg_lib.data import hc18, phantom, splits
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.evaluation.biometry import measure_head
from fetalseg_lib.files import atomic_write
from fetalseg_lib.names import visible, with_ending
from fetalseg_lib.study.records import write_json

LIST = "pictures.json"

ATTRIBUTION = (
    "From “Automated measurement of fetal head circumference using 2D ultrasound images” "
    "(van den Heuvel et al., doi:10.5281/zenodo.1327317), licence CC BY 4.0. Changes: half the size."
)


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """A phantom of the page: its age in whole weeks, what is special about it, and its severity."""

    weeks: int
    seed: int
    title: str
    severity: phantom.Severity | None = None


_CHOICES = (
    _Choice(weeks=16, seed=2, title="A phantom of 16 weeks"),
    _Choice(weeks=27, seed=1, title="A phantom of 27 weeks"),
    _Choice(
        weeks=22, seed=3, title="A hard phantom: shadows", severity=phantom.Severity(shadow=1.0, depth=0.3)
    ),
)


def write_pictures(folder: Path, *, real: Path | None = None) -> None:
    """Write the phantoms, the real picture that the JSON file ``real`` describes, and their list."""
    listed = [_write_phantom(choice, folder) for choice in _CHOICES]
    if real is not None:
        shown = json.loads(real.read_text(encoding="utf-8"))
        shutil.copy(real.with_name(shown["file"]), folder)
        listed.append(shown)
    write_json(folder / LIST, {"pictures": listed})


def write_half_size(name: str, path: Path, *, root: Path | None = None) -> None:
    """Write HC18's image ``name`` at half its size to ``path`` (PNG), and what is known of it beside it.

    Only images of the training fold are taken, so that no test image is ever looked at. The JSON beside it is
    an entry of ``pictures.json``; the ``.txt`` says the picture in words. Raises ``ValueError`` for other
    names.
    """
    split = splits.load("hc18").set_index("filename")["fold"]
    if split.get(name) != "train":
        raise ValueError(f"name: expected an image of HC18's training fold, got {visible(name)}")
    samples = hc18.load(root)
    sample = samples[list(samples.table["name"]).index(name)]
    assert sample.hc_mm is not None, "a training image has a circumference"
    height, width = sample.image.shape[0] // 2, sample.image.shape[1] // 2
    _write_png(path, resize_image(sample.image, (height, width)), comment=f"{name}. {ATTRIBUTION}")
    alt = f"A real ultrasound image of a fetal head: {name} of HC18, at half its size."
    entry = _entry(
        path.name,
        title="A real head, from HC18",
        alt=alt,
        source=f"{name}, of the training images. {ATTRIBUTION}",
        pixel_size_mm=sample.pixel_size_mm * sample.image.shape[1] / width,
        hc_mm=sample.hc_mm,
        ellipse=_truth(sample, width),
    )
    write_json(with_ending(path, ".json", instead_of=(".png",)), entry)
    with atomic_write(with_ending(path, ".txt", instead_of=(".png",))) as file:
        file.write(f"{alt} {ATTRIBUTION}\n".encode())


def _write_phantom(choice: _Choice, folder: Path) -> dict[str, Any]:
    weeks = float(choice.weeks)
    (sample,) = phantom.generate(1, seed=choice.seed, weeks=(weeks, weeks), severity=choice.severity)
    path = folder / f"phantom-{choice.weeks}-weeks.png"
    _write_png(path, sample.image, comment="A simulated head, made by fetalseg_lib.data.phantom.")
    assert sample.hc_mm is not None, "a phantom has a circumference"
    return _entry(
        path.name,
        title=choice.title,
        alt=f"A simulated ultrasound image of a head of {choice.weeks} weeks.",
        source="A simulated head: its circumference is known exactly.",
        pixel_size_mm=sample.pixel_size_mm,
        hc_mm=sample.hc_mm,
        ellipse=_truth(sample, sample.image.shape[1]),
    )


def _truth(sample: Sample, width: int) -> dict[str, float]:
    """The ellipse of the sample's own mask, in pixels of the picture when it is ``width`` pixels wide."""
    assert sample.mask is not None, "a sample of the page has a mask"
    ellipse = measure_head(sample.mask, pixel_spacing_mm=(1, 1)).ellipse_px
    assert ellipse is not None, "a head has an ellipse"
    scale = width / sample.image.shape[1]
    found = {
        "x": (ellipse.center_x + 0.5) * scale - 0.5,  # a pixel's centre is at a whole number
        "y": (ellipse.center_y + 0.5) * scale - 0.5,
        "a": ellipse.semi_major * scale,
        "b": ellipse.semi_minor * scale,
        "angle": ellipse.angle,
    }
    return {name: round(value, 3) for name, value in found.items()}


def _entry(
    file: str,
    *,
    title: str,
    alt: str,
    source: str,
    pixel_size_mm: float,
    hc_mm: float,
    ellipse: dict[str, float],
) -> dict[str, Any]:
    known = {"pixel_size_mm": round(pixel_size_mm, 6), "hc_mm": round(hc_mm, 2), "ellipse": ellipse}
    return {"file": file, "title": title, "alt": alt, "source": source, **known}


def _write_png(path: Path, pixels: NDArray[np.uint8], *, comment: str) -> None:
    note = PngImagePlugin.PngInfo()
    note.add_itxt("Comment", comment)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", pnginfo=note, optimize=True)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())
