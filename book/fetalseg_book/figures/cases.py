"""The worst, middle and best images of a run, with both outlines: what the numbers look like.

``python -m fetalseg_book.figures.cases RUN_FOLDER -o FIGURE.png`` reads the run's ``per_image.csv`` and the
images that it names, and writes beside the figure a text file with the words that stand for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fetalseg_book.figures.figures import ellipse_of, overlay
from fetalseg_book.figures.style import use_style
from fetalseg_lib.data.sample import Sample
from fetalseg_lib.files import atomic_write
from fetalseg_lib.names import with_ending
from fetalseg_lib.study import records
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.folds import prepare_data


def select(per_image: pd.DataFrame, *, count: int = 3) -> pd.DataFrame:
    """The worst, the middle and the best images by Dice, ``count`` of each, worst first.

    Adds the column ``case``. Raises ``ValueError`` where there are too few images to tell them apart.

    >>> images = pd.DataFrame({"name": list("abcde"), "dice": [0.9, 0.5, 0.7, 0.8, 0.6]})
    >>> select(images, count=1)[["case", "name"]].to_numpy().tolist()
    [['worst', 'b'], ['middle', 'c'], ['best', 'a']]
    """
    ranked = per_image.sort_values("dice", kind="stable").reset_index(drop=True)
    if not 1 <= count <= len(ranked) // 3:
        raise ValueError(f"count: expected 1 to {len(ranked) // 3} of {len(ranked)} images, got {count}")
    middle = (len(ranked) - count) // 2
    starts = {"worst": 0, "middle": middle, "best": len(ranked) - count}
    chosen = [ranked.iloc[start : start + count].assign(case=case) for case, start in starts.items()]
    return pd.concat(chosen, ignore_index=True)


def draw(cases: pd.DataFrame, samples: Mapping[str, Sample]) -> Figure:
    """One panel a case, a row of panels for the worst, the middle and the best."""
    columns = int(cases["case"].value_counts().max())
    figure, grid = plt.subplots(3, columns, figsize=(2.7 * columns, 6.1), squeeze=False)
    for axes, (_, row) in zip(grid.flat, cases.iterrows(), strict=True):
        sample = samples[row["name"]]
        assert sample.mask is not None, "a test image has a mask"
        title = f"{row['case']}: {sample.name}\nDice {row['dice']:.3f}, HC {row['hc_error_mm']:+.1f} mm"
        overlay(axes, sample.image, reference=sample.mask, prediction=ellipse_of(row), title=title)
    return figure


def describe(cases: pd.DataFrame) -> str:
    """The figure in words: each group's Dice and circumference errors."""
    parts = []
    for case, rows in cases.groupby("case", sort=False):
        parts.append(
            f"{case} images with Dice {rows['dice'].min():.3f} to {rows['dice'].max():.3f} and head "
            f"circumference errors of {', '.join(f'{error:+.1f}' for error in rows['hc_error_mm'])} mm"
        )
    return f"Annotation and measured ellipse on test images, in three rows: {'; '.join(parts)}."


def write(folder: Path, path: Path, *, profile: str | None = None) -> None:
    """Draw the cases of the finished run in ``folder`` to ``path`` (PNG), and their words to ``path.txt``.

    ``profile`` names the run's profile or its ``.yaml`` file; by default the name in the run's record.
    """
    metrics = records.read_json(folder / records.METRICS)
    identity = {name: metrics[name] for name in ("variant", "seed", "data")}
    config = configure(**identity, profile=profile or metrics["profile"])
    per_image = pd.read_csv(folder / records.PER_IMAGE)
    cases = select(per_image, count=min(3, len(per_image) // 3))
    samples = config.dataset.samples()
    names = list(prepare_data(config).cache.index["name"])
    use_style()
    figure = draw(cases, {name: samples[names.index(name)] for name in cases["name"]})
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=85, pil_kwargs={"optimize": True})
    plt.close(figure)
    with atomic_write(with_ending(path, ".txt", instead_of=(".png",))) as file:
        file.write(f"{describe(cases)}\n".encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--profile", help="name or .yaml file, where it is not one of the package's own")
    options = parser.parse_args()
    write(options.folder, options.out, profile=options.profile)
