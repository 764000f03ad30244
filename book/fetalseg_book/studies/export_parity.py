"""What export costs in accuracy: PyTorch and the exported files on the same test images, side by side.

An int8 file is fit to be given away only where it keeps the promise of :data:`DICE_WITHIN` and
:data:`HC_WITHIN_MM`, on HC18's test fold and nowhere else::

    python -m fetalseg_book.studies.export_parity WEIGHTS -o results/export/proposed
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import torch
from torch import Tensor, nn

from fetalseg_lib.apply.export.quantize import calibrate_on
from fetalseg_lib.apply.export.runtime import OnnxNetwork
from fetalseg_lib.apply.export.write import Precision, export_network
from fetalseg_lib.apply.trained import read_network
from fetalseg_lib.data import cache as cache_module
from fetalseg_lib.data import hc18, splits
from fetalseg_lib.data.cache import Cache
from fetalseg_lib.study import records
from fetalseg_lib.study.evaluate import evaluate
from fetalseg_lib.study.folds import cache_folder
from fetalseg_lib.training.checkpoint import read_metadata

DICE_WITHIN = 0.1
"""Points (hundredths) by which the mean Dice of an int8 file may differ from the network's."""

HC_WITHIN_MM = 0.1
"""The same for the mean absolute error of the circumference."""

_COLUMNS = ["name", "dice", "hc_mm", "hc_error_mm", "failed"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parity:
    """Every image by every way of computing, and what follows from it."""

    per_image: pd.DataFrame
    record: Mapping[str, Any]

    def write(self, stem: Path) -> tuple[Path, Path]:
        """Write ``stem.csv`` and, last, ``stem.json``."""
        table, summary = stem.with_name(f"{stem.name}.csv"), stem.with_name(f"{stem.name}.json")
        records.write_csv(table, self.per_image)
        records.write_json(summary, self.record)
        return table, summary


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a run's weights and write the two files."""
    parser = argparse.ArgumentParser(
        prog="python -m fetalseg_book.studies.export_parity", description=__doc__
    )
    parser.add_argument("weights", type=Path, help="a run's weights.safetensors")
    parser.add_argument("-o", "--out", type=Path, required=True, help="OUT.csv and OUT.json are written")
    parser.add_argument("--data", type=Path, help="folder of HC18 (default: where it is looked for)")
    options = parser.parse_args(arguments)
    found = measure_parity(options.weights, data_root=options.data)
    for path in found.write(options.out):
        print(path)
    for precision in get_args(Precision):
        print(f"{precision}: {json.dumps(found.record['precisions'][precision])}")


def measure_parity(weights: Path, *, data_root: Path | None = None) -> Parity:
    """Export in every precision, and measure all of HC18's test fold with each and with PyTorch in float32.

    Raises ``ValueError`` for another folder than HC18, and what
    :func:`~fetalseg_lib.apply.export.write.export_network` raises.
    """
    trained = read_network(weights)
    size = trained.image_size
    cached = cache_module.build(hc18.load(data_root), image_size=size, directory=cache_folder())
    rows = splits.hc18_rows(cached.index, "test")
    calibration = calibrate_on("hc18", image_size=size, data_root=data_root)
    reference, expected = _measure(trained.model, cached, rows)
    tables, precisions = {"pytorch": reference}, {}
    with tempfile.TemporaryDirectory() as folder:
        for precision in get_args(Precision):
            done = export_network(
                weights,
                Path(folder) / f"{precision}.onnx",
                precision=precision,
                calibration=calibration if precision == "int8" else None,
            )
            tables[precision], logits = _measure(OnnxNetwork(done.path), cached, rows)
            precisions[precision] = {
                "megabytes": done.megabytes,
                "largest_logit_difference": float((logits - expected).abs().max()),
                **differences(reference, tables[precision]),
            }
    per_image = pd.concat(
        [table[_COLUMNS].assign(computed_by=name) for name, table in tables.items()], ignore_index=True
    )
    record = {
        "trained": json.loads(read_metadata(weights)["config"]),
        "weights_sha256": trained.sha256,
        "tested_on_sha256": cached.content_sha256,
        "fold": "test",
        "calibration": calibration.description,
        "pytorch": records.summarize(reference),
        "precisions": precisions,
        "environment": records.describe_environment(),
    }
    return Parity(per_image=per_image, record=record)


def differences(reference: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    """How far two tables of the same images are apart, and whether that keeps int8's promise.

    The first three are differences of the means, in points and mm. The last four look at each image: errors
    that go both ways cancel in a mean, and not in these.

    >>> one = pd.DataFrame({"dice": [0.9, 0.8], "hc_mm": [100, 200], "hc_error_mm": [1, -1]})
    >>> two = one.assign(dice=[0.91, 0.79], hc_mm=[101, 201], hc_error_mm=[2, 0])
    >>> differences(one, two)["hc_abs_error_difference_mm"], differences(one, two)["hc_change_mm_mean"]
    (0.0, 1.0)
    """
    points = 100 * (other["dice"] - reference["dice"])
    error = other["hc_error_mm"].abs().mean() - reference["hc_error_mm"].abs().mean()
    change = (other["hc_mm"] - reference["hc_mm"]).abs()
    return {
        "dice_difference_points": float(points.mean()),
        "hc_abs_error_difference_mm": float(error),
        "hc_error_difference_mm": float((other["hc_error_mm"] - reference["hc_error_mm"]).mean()),
        "dice_change_points_mean": float(points.abs().mean()),
        "dice_change_points_largest": float(points.abs().max()),
        "hc_change_mm_mean": float(change.mean()),
        "hc_change_mm_largest": float(change.max()),
        "kept": bool(abs(points.mean()) <= DICE_WITHIN and abs(error) <= HC_WITHIN_MM),
    }


def _measure(network: nn.Module, cached: Cache, rows: Sequence[int]) -> tuple[pd.DataFrame, Tensor]:
    """The table of :func:`~fetalseg_lib.study.evaluate.evaluate`, and the logits that it came from."""
    kept: list[Tensor] = []
    hook = network.register_forward_hook(lambda _module, _inputs, logits: kept.append(logits.clone()))
    try:
        table = evaluate(network, cached, rows, device=torch.device("cpu"), precision="float32")
    finally:
        hook.remove()
    return table, torch.cat(kept)


if __name__ == "__main__":
    main()
