"""Test the network that comes with the package under each difficulty, on real images and on phantoms.

The real images are on no reader's machine, so this is done once and the files are committed::

    FETALSEG_HC18=... python -m fetalseg_book.studies.robustness -o results/robustness
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fetalseg_book.studies.dataset import STATED
from fetalseg_book.studies.robustness.degrade import IMAGE_KNOBS
from fetalseg_book.studies.robustness.measure import LEVELS, measure_phantoms, measure_real
from fetalseg_book.studies.spread import spread_rows
from fetalseg_lib.apply.trained import demonstration_weights, read_network
from fetalseg_lib.data import hc18, phantom
from fetalseg_lib.data.phantom import KNOBS
from fetalseg_lib.study import records
from fetalseg_lib.training.checkpoint import read_metadata

SEED = 31
FOLD = "test"
SIZE = (270, 400)
"""Of the phantoms: half of HC18's rows and columns, and still far more than the network sees."""
PER_IMAGE, RECORD = "per_image.csv", "robustness.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table of all images and, last, the record of what was tested."""
    parser = argparse.ArgumentParser(prog="python -m fetalseg_book.studies.robustness", description=__doc__)
    parser.add_argument("--root", type=Path, help="the HC18 folder (default: FETALSEG_HC18, else data/hc18)")
    parser.add_argument("--weights", type=Path, help="a run's weights (default: the package's network)")
    parser.add_argument("--images", type=int, default=60, help="real images")
    parser.add_argument("--phantoms", type=int, default=40)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/robustness"))
    options = parser.parse_args(arguments)
    weights = options.weights or demonstration_weights()
    trained = read_network(weights)
    samples = hc18.load(options.root)
    rows = spread_rows(samples, options.images, fold=FOLD)
    real = measure_real(trained, [samples[row] for row in rows], progress=True)
    simulated = measure_phantoms(trained, options.phantoms, seed=SEED, size=SIZE, progress=True)
    records.write_csv(options.out / PER_IMAGE, pd.concat([real, simulated], ignore_index=True))
    record = {
        "weights_sha256": trained.sha256,
        "trained": json.loads(read_metadata(weights)["config"]),
        "real": {"fold": FOLD, "images": len(rows), "knobs": list(IMAGE_KNOBS)},
        "phantom": {"images": options.phantoms, "knobs": list(KNOBS)}
        | dict(phantom.generate(options.phantoms, seed=SEED, size=SIZE).fingerprint()),
        "severities": [0.0, *LEVELS],
        "real_data": {name: STATED[name] for name in ("title", "doi", "licence")},
        "environment": records.describe_environment(),
    }
    records.write_json(options.out / RECORD, record)


if __name__ == "__main__":
    main()
