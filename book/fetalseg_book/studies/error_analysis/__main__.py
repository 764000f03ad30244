"""Measure where and why networks fail, on the real images of HC18's test fold, and write what was found.

The images are on no reader's machine, so this is done once and the files are committed::

    FETALSEG_HC18=... python -m fetalseg_book.studies.error_analysis -o results/analysis
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from fetalseg_book.figures.display import write_file
from fetalseg_book.figures.style import use_style
from fetalseg_book.studies.dataset import STATED
from fetalseg_book.studies.error_analysis.figures import worst_images
from fetalseg_book.studies.error_analysis.gates import record_gates, replaced_gates, replacements
from fetalseg_book.studies.error_analysis.maps import (
    CASCADE,
    activation_maps,
    randomised,
    rank_agreement,
    shrink,
)
from fetalseg_book.studies.error_analysis.quality import measure_images
from fetalseg_book.studies.spread import spread_rows
from fetalseg_lib.apply.trained import TrainedNetwork, demonstration_weights, read_network
from fetalseg_lib.data import hc18
from fetalseg_lib.data.hc18 import HC18
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.evaluation.metrics import dice, overlap_counts
from fetalseg_lib.models.network import MobileNetASPPUNet
from fetalseg_lib.study import records, tables
from fetalseg_lib.study.evaluate import predict_native

IMAGES, GATES, SWAPS, MAPS, RECORD = "images.csv", "gates.csv", "gate_swaps.csv", "maps.csv", "analysis.json"
LAYERS = ("enc4", "bottleneck", "dec3")
DRAWS = 2
"""How many times the test of the maps draws weights anew."""

_CPU = torch.device("cpu")
_BATCH = 16


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the tables, the figure of the worst images and, last, the record."""
    parser = argparse.ArgumentParser(
        prog="python -m fetalseg_book.studies.error_analysis", description=__doc__
    )
    parser.add_argument("--root", type=Path, help="the HC18 folder (default: FETALSEG_HC18, else data/hc18)")
    parser.add_argument("--published", type=Path, default=Path("results/one_fold/published/hc18"))
    parser.add_argument("--images", type=int, default=96, help="test and training images for the gates")
    parser.add_argument("--mapped", type=int, default=24, help="test images for the maps")
    parser.add_argument("-o", "--out", type=Path, default=Path("results/analysis"))
    options = parser.parse_args(arguments)
    samples = hc18.load(options.root)
    trained = read_network(demonstration_weights())
    everyone = sorted(spread_rows(samples, len(samples), fold="test"))
    test = spread_rows(samples, options.images, fold="test")
    training = spread_rows(samples, options.images, fold="train")
    mapped = spread_rows(samples, options.mapped, fold="test")

    records.write_csv(options.out / IMAGES, measure_images(samples, everyone))
    (options.out / "figures").mkdir(parents=True, exist_ok=True)
    use_style()
    figure, alt = worst_images(tables.collect_per_image(options.published / "proposed"), samples)
    write_file(figure, options.out / "figures" / "worst.png", alt=alt)
    gates, swaps = measure_gates(trained, samples, test=test, training=training)
    records.write_csv(options.out / GATES, gates)
    records.write_csv(options.out / SWAPS, swaps)
    records.write_csv(options.out / MAPS, measure_maps(trained, samples, mapped))
    record = {
        "weights_sha256": trained.sha256,
        "images": {"test": len(everyone), "gates": len(test), "training": len(training), "maps": len(mapped)},
        "layers": list(LAYERS),
        "draws": DRAWS,
        "real_data": {name: STATED[name] for name in ("title", "doi", "licence")},
        "environment": records.describe_environment(),
    }
    records.write_json(options.out / RECORD, record)


def measure_gates(
    trained: TrainedNetwork, samples: HC18, *, test: Sequence[int], training: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The gates of each channel, and the Dice with other gates in their place.

    The first table has a row a channel: ``block``, ``channel``, ``mean`` and ``sd`` over the test images,
    and ``training_mean``. The second has a row an image and replacement: ``gates``, ``name``, ``exam``,
    ``dice``.
    """
    known = _inputs(trained, samples, training)
    means = {name: found.mean(axis=0) for name, found in record_gates(trained.model, known).items()}
    # Neighbours in the order of size are alike: "another image's" gates should be any other's.
    order = [int(row) for row in np.random.default_rng(0).permutation(test)]
    inputs = _inputs(trained, samples, order)
    found = record_gates(trained.model, inputs)
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "block": name,
                    "channel": np.arange(gates.shape[1]),
                    "mean": gates.mean(axis=0),
                    "sd": gates.std(axis=0),
                    "training_mean": means[name],
                }
            )
            for name, gates in found.items()
        ],
        ignore_index=True,
    )
    rows = []
    for what, replace in replacements(means).items():
        with replaced_gates(trained.model, replace):
            rows += [{"gates": what, **row} for row in _dices(trained, samples, order, inputs)]
    return table, pd.DataFrame(rows)


def measure_maps(trained: TrainedNetwork, samples: HC18, rows: Sequence[int]) -> pd.DataFrame:
    """How much maps change with the weights: ``layer``, ``against``, ``draw``, ``name`` and ``rho``.

    ``against`` is the last stage whose weights were drawn anew, from the head backwards; or ``"another
    image"``, ``"brightness"`` and ``"prediction"``, which the trained network's own map is compared with.
    """
    model = trained.model
    assert isinstance(model, MobileNetASPPUNet), "the package's network has these stages"
    images = torch.from_numpy(_inputs(trained, samples, rows)).unsqueeze(1).float() / 255
    with torch.inference_mode():
        probability = model.eval()(images).sigmoid()
    region = (probability > 0.5).clone()
    names = [str(samples.table["name"].iloc[row]) for row in rows]
    own = activation_maps(model, images, region, layers=LAYERS)
    found = []

    def note(against: str, draw: int, layer: str, rho: NDArray[np.float64]) -> None:
        values = {"layer": layer, "against": against, "draw": draw, "name": names, "rho": rho}
        found.append(pd.DataFrame(values))

    for layer, maps in own.items():
        size = (maps.shape[1], maps.shape[2])
        note("another image", 0, layer, rank_agreement(maps, np.roll(maps, len(maps) // 2, axis=0)))
        note("brightness", 0, layer, rank_agreement(maps, shrink(images, size)))
        note("prediction", 0, layer, rank_agreement(maps, shrink(probability.clone(), size)))
    for draw in range(DRAWS):
        for count in range(1, len(CASCADE) + 1):
            other = randomised(model, CASCADE[:count], seed=draw)
            for layer, maps in activation_maps(other, images, region, layers=LAYERS).items():
                note(CASCADE[count - 1], draw, layer, rank_agreement(own[layer], maps))
    return pd.concat(found, ignore_index=True)


def _inputs(trained: TrainedNetwork, samples: HC18, rows: Sequence[int]) -> NDArray[np.uint8]:
    return np.stack([resize_image(samples[int(row)].image, trained.image_size) for row in rows])


def _dices(
    trained: TrainedNetwork, samples: HC18, rows: Sequence[int], inputs: NDArray[np.uint8]
) -> Iterator[dict[str, object]]:
    for start in range(0, len(rows), _BATCH):
        batch = [samples[int(row)] for row in rows[start : start + _BATCH]]
        shapes = [sample.shape for sample in batch]
        given = inputs[start : start + _BATCH]
        found = predict_native(trained.model, given, shapes, device=_CPU, precision="float32")
        for sample, probability in zip(batch, found, strict=True):
            assert sample.mask is not None, "a test image has a mask"
            score = dice(overlap_counts(probability > 0.5, sample.mask))
            yield {"name": sample.name, "exam": sample.exam, "dice": score}


if __name__ == "__main__":
    main()
