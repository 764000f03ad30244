"""Measure phantoms against the real images of HC18's training fold, and write numbers and figures.

The images are on no reader's machine, so this is done once and the files are committed::

    FETALSEG_HC18=... python -m fetalseg_book.studies.realism -o results/phantom/realism.json
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from fetalseg_book.studies.dataset import STATED
from fetalseg_book.studies.realism.figures import write_figures
from fetalseg_book.studies.realism.measures import measure, phantom_images, real_images
from fetalseg_book.studies.realism.summary import give_away, summarize
from fetalseg_book.studies.spread import spread_rows
from fetalseg_lib.data import hc18, phantom
from fetalseg_lib.models.encoder import MobileNetV2Encoder
from fetalseg_lib.models.weights import resolve_encoder_weights
from fetalseg_lib.study.records import write_json

SEED = 18
FOLD = "train"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the JSON file, and the figures beside it."""
    parser = argparse.ArgumentParser(prog="python -m fetalseg_book.studies.realism", description=__doc__)
    parser.add_argument("--root", type=Path, help="the HC18 folder (default: FETALSEG_HC18, else data/hc18)")
    parser.add_argument("-n", "--images", type=int, default=300, help="images of each kind")
    parser.add_argument("--weights", default="imagenet", help="the encoder's weights: a name or a file")
    parser.add_argument("-o", "--out", type=Path, default=Path("results/phantom/realism.json"))
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    samples = hc18.load(options.root)
    rows = spread_rows(samples, options.images, fold=FOLD)
    phantoms = phantom.generate(len(rows), seed=SEED)
    fingerprint = phantoms.fingerprint()  # of the code that draws them, before it can change
    weights = resolve_encoder_weights(options.weights)
    encoder = MobileNetV2Encoder(weights, stem="sum")
    pictures = {"real": list(real_images(samples, rows)), "phantom": list(phantom_images(phantoms))}
    tables = {kind: measure(pictures[kind]) for kind in pictures}
    facts = summarize(pictures, tables) | {
        "told_apart": give_away(pictures, tables, encoder),
        "encoder_weights": weights.record,
        "fold": FOLD,
        "phantoms": fingerprint,
        "real_data": {name: STATED[name] for name in ("title", "doi", "licence")},
    }
    write_json(options.out, facts)
    write_figures(pictures, facts, encoder, options.out.parent / "figures")
    logging.getLogger(__name__).info("wrote %s and the figures beside it", options.out)


if __name__ == "__main__":
    main()
