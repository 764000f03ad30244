"""How many images a second ``fetalseg predict`` measures, its start not counted, with pictures and without.

Simulated images of HC18's size are written as PNG and predicted by the network of the package, round by
round on one thread and on as many as the machine has. Nothing else should run meanwhile::

    python -m tools.bench.predict -o results/hardware
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import pandas as pd
import torch

from fetalseg_lib.apply.images import ImageTable
from fetalseg_lib.apply.prediction.run import Job, predict_files
from fetalseg_lib.apply.trained import TrainedNetwork, demonstration_weights, read_network
from fetalseg_lib.data import phantom
from fetalseg_lib.growth import CHARTS
from fetalseg_lib.study import records

SIZE = (540, 800)
MM = 0.14


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write ``prediction.csv``, and print it."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.predict", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/hardware"))
    parser.add_argument("--images", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        table = measure(Path(folder), images=options.images, rounds=options.rounds)
    records.write_csv(options.out / "prediction.csv", table, digits=4)
    print(table.to_string(index=False))


def measure(folder: Path, *, images: int, rounds: int) -> pd.DataFrame:
    """Images a second by number of threads, with overlays and without: the median of the rounds."""
    files = [folder / f"{number}.png" for number in range(images)]
    for file, sample in zip(files, phantom.generate(images, seed=0, size=SIZE), strict=True):
        cv2.imwrite(str(file), sample.image)
    trained = read_network(demonstration_weights())
    before = torch.get_num_threads()
    ways = [(threads, drawn) for threads in sorted({1, os.cpu_count() or 1}) for drawn in (False, True)]
    paces: dict[tuple[int, bool], list[float]] = {way: [] for way in ways}
    _pace(trained, files[:16], folder / "warm", drawn=True)
    for number in range(rounds):
        for threads, drawn in ways:
            torch.set_num_threads(threads)
            out = folder / f"{number} {threads} {drawn}"
            paces[threads, drawn].append(_pace(trained, files, out, drawn=drawn))
    torch.set_num_threads(before)
    rows = [
        {"threads": threads, "overlays": drawn, "images_per_s": pd.Series(found).median(), "images": images}
        for (threads, drawn), found in paces.items()
    ]
    return pd.DataFrame(rows)


def _pace(trained: TrainedNetwork, files: Sequence[Path], out: Path, *, drawn: bool) -> float:
    out.mkdir()
    job = Job(
        trained=trained,
        chart=CHARTS["intergrowth"],
        pixel_sizes=ImageTable(every=MM),
        table=out / "table.csv",
        overlays=out / "overlays" if drawn else None,
    )
    start = time.perf_counter()
    predict_files(job, files, progress=False)
    return len(files) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
