"""Facts of HC18 that the book states, measured on the images and kept as a file of numbers.

The images are on no reader's machine, so their numbers and a few figures are made once and committed::

    FETALSEG_HC18=... python -m fetalseg_book.studies.dataset --out results/hc18
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import binary_fill_holes
from tqdm import tqdm

from fetalseg_book.studies.same_frames import same_frames
from fetalseg_lib.data import hc18, splits
from fetalseg_lib.data.hc18 import HC18, read_pair
from fetalseg_lib.data.layout import TEST, annotation_name
from fetalseg_lib.data.read import read_gray
from fetalseg_lib.geometry import rasterize
from fetalseg_lib.study.records import write_json

FACTS = "dataset.json"

STATED = {
    "title": "Automated measurement of fetal head circumference using 2D ultrasound images",
    "doi": "10.5281/zenodo.1327317",
    "licence": "CC BY 4.0",
    "women": 551,
}
"""What the images cannot tell: from the Zenodo record, and the women from hc18.grand-challenge.org."""

HC_BANDS_MM = (0, 100, 245, 400)
HISTOGRAM_STEP_MM = 20
_FAILED_FILL = 0.9


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure HC18 and write ``dataset.json`` and the figures."""
    from fetalseg_book.figures.dataset_figures import write_figures

    parser = argparse.ArgumentParser(prog="python -m fetalseg_book.studies.dataset", description=__doc__)
    parser.add_argument("--root", type=Path, help="the HC18 folder (default: FETALSEG_HC18, else data/hc18)")
    parser.add_argument("-o", "--out", type=Path, default=Path("results/hc18"))
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    samples = hc18.load(options.root)
    images = measure_images(samples, progress=True)
    facts = STATED | summarize(images, splits.load("hc18"), same_frames(samples))
    if (samples.root / TEST.index).is_file():
        facts["n_hidden_test_images"] = len(hc18.load_test(samples.root))
    facts["csv_sha256"] = samples.fingerprint()["csv_sha256"]
    write_json(options.out / FACTS, facts)
    write_figures(samples, images, facts, options.out / "figures")
    logging.getLogger(__name__).info("wrote %s and its figures", options.out / FACTS)


def measure_images(samples: HC18, *, progress: bool = False) -> pd.DataFrame:
    """Measure every image and outline at native resolution, one row each.

    Columns: ``name, exam, pixel_size_mm, hc_mm, height, width``; ``outline_px``, ``filled_px`` and
    ``mask_px``, the pixels of the outline, of the outline with its holes filled and of the fitted ellipse;
    ``cut`` (whether the outline meets the image border); ``axis_ratio`` and ``refit_hc_mm`` of the ellipse.
    """
    rows = [
        _measure(samples.root / samples.part.folder / str(record["name"])) | record
        for record in tqdm(samples.table.to_dict("records"), desc="measuring", disable=not progress)
    ]
    images = pd.DataFrame(rows)
    images["refit_hc_mm"] = images.pop("refit_hc_px") * images["pixel_size_mm"]
    return images


def summarize(images: pd.DataFrame, split: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, Any]:
    """Reduce the tables of images, folds and same frames to the numbers that the book names.

    Raises ``ValueError`` where ``split`` does not give every image a fold.
    """
    size = images["height"] * images["width"]
    exams = images.groupby("exam").size().value_counts().sort_index()
    refit = (images["refit_hc_mm"] - images["hc_mm"]).abs()
    usual = (images["height"] == 540) & (images["width"] == 800)
    failed = images[images["filled_px"] < _FAILED_FILL * images["mask_px"]]
    second_looks = pairs[~pairs["same_outline"]]
    return {
        "n_images": len(images),
        "n_exams": int(images["exam"].nunique()),
        "exams_by_images": {str(n): int(count) for n, count in exams.items()},
        "n_other_size": int((~usual).sum()),
        "pixel_size_mm": _describe(images["pixel_size_mm"]),
        "hc_mm": _describe(images["hc_mm"]),
        "hc_bands": _bands(images),
        "hc_pixel_size_correlation": float(images["hc_mm"].corr(images["pixel_size_mm"])),
        "last_fifth_min_hc_mm": float(images["hc_mm"].iloc[len(images) * 4 // 5 :].min()),
        "hc_exam_rank_correlation": float(images["hc_mm"].corr(images["exam"], method="spearman")),
        "outline_fraction": float(images["outline_px"].sum() / size.sum()),
        "outline_background_to_foreground": float(size.sum() / images["outline_px"].sum() - 1),
        "mask_fraction": float(images["mask_px"].sum() / size.sum()),
        "mask_background_to_foreground": float(size.sum() / images["mask_px"].sum() - 1),
        "n_cut": int(images["cut"].sum()),
        "hole_filling_failures": [
            {"name": str(row["name"]), "kept": float(row["filled_px"] / row["mask_px"])}
            for _, row in failed.iterrows()
        ],
        "refit_hc_error_mm": {"mean": float(refit.mean()), "max": float(refit.max())},
        "same_frames": pairs.to_dict("records"),
        "second_looks": second_looks.to_dict("records"),
        "histogram_edges_mm": _edges(images).tolist(),
        "folds": _folds(images, split),
    }


def _measure(path: Path) -> dict[str, Any]:
    image, ellipse = read_pair(path)
    outline = read_gray(path.with_name(annotation_name(path.name))) > 127
    height, width = image.shape
    border = np.concatenate([outline[0], outline[-1], outline[:, 0], outline[:, -1]])
    return {
        "height": height,
        "width": width,
        "outline_px": int(outline.sum()),
        "filled_px": int(binary_fill_holes(outline).sum()),
        "mask_px": int(rasterize(ellipse, (height, width)).sum()),
        "cut": bool(border.any()),
        "axis_ratio": ellipse.semi_minor / ellipse.semi_major,
        "refit_hc_px": ellipse.circumference,
    }


def _describe(values: pd.Series) -> dict[str, float]:
    return {name: float(getattr(values, name)()) for name in ("min", "median", "mean", "max", "std")}


def _bands(images: pd.DataFrame) -> list[dict[str, float | int]]:
    """Small, middle and large heads: how many, how they were zoomed, and their shape."""
    return [
        {
            "from_mm": lower,
            "to_mm": upper,
            "n": len(rows),
            "pixel_size_mm_mean": float(rows["pixel_size_mm"].mean()),
            "pixel_size_mm_std": float(rows["pixel_size_mm"].std()),
            "axis_ratio_mean": float(rows["axis_ratio"].mean()),
            "axis_ratio_std": float(rows["axis_ratio"].std()),
        }
        for lower, upper in pairwise(HC_BANDS_MM)
        if len(rows := images[images["hc_mm"].between(lower, upper, inclusive="left")])
    ]


def _edges(images: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
    step = HISTOGRAM_STEP_MM
    return np.arange(images["hc_mm"].min() // step * step, images["hc_mm"].max() + step, step).astype(int)


def _folds(images: pd.DataFrame, split: pd.DataFrame) -> dict[str, dict[str, Any]]:
    joined = images.merge(split[["filename", "fold"]], left_on="name", right_on="filename", how="left")
    if joined["fold"].isna().any():
        missing = joined.loc[joined["fold"].isna(), "name"].tolist()
        raise ValueError(f"split: expected a fold for every image, got none for {missing[:3]}")
    return {
        fold: {
            "images": len(rows),
            "exams": int(rows["exam"].nunique()),
            "hc_mm": _describe(rows["hc_mm"]),
            "histogram": np.histogram(rows["hc_mm"], bins=_edges(images))[0].tolist(),
        }
        for fold in splits.FOLDS
        if len(rows := joined[joined["fold"] == fold])
    }


if __name__ == "__main__":
    main()
