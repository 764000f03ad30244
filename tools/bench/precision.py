"""What the hardware does to a head: the same images and weights, computed as on other hardware.

Nothing is timed, and no special hardware is needed: torch emulates bfloat16 where a processor lacks it,
and TF32 is float32 with ten of its bits::

    python -m tools.bench.precision -o results/hardware
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import torch
from torch import Tensor, nn

from fetalseg_lib.apply.trained import demonstration_weights, read_network
from fetalseg_lib.data import cache as cache_module
from fetalseg_lib.data import hc18, splits
from fetalseg_lib.data.cache import Cache
from fetalseg_lib.speed import memory_format
from fetalseg_lib.study import evaluate as evaluation
from fetalseg_lib.study import records
from fetalseg_lib.study.folds import cache_folder

TABLE, RECORD = "precision.csv", "precision.json"
_CPU = torch.device("cpu")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure HC18's test images with the package's network, and write the table and, last, the record."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.precision", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of HC18 (default: where it is looked for)")
    parser.add_argument("-o", "--out", type=Path, default=Path("results/hardware"))
    options = parser.parse_args(arguments)
    trained = read_network(demonstration_weights())
    cached = cache_module.build(
        hc18.load(options.data), image_size=trained.image_size, directory=cache_folder()
    )
    table = measure(trained.model, cached, splits.hc18_rows(cached.index, "test"))
    records.write_csv(options.out / TABLE, table)
    record = {
        "weights_sha256": trained.sha256,
        "tested_on_sha256": cached.content_sha256,
        "fold": "test",
        "images": len(table),
        "error_mm": float(_error(table, "float32")),
        "ways": {way: changes(table, way) for way in WAYS},
        "environment": records.describe_environment(),
    }
    records.write_json(options.out / RECORD, record)


def measure(model: nn.Module, cached: Cache, rows: Sequence[int]) -> pd.DataFrame:
    """Each image's circumference in mm: its ``reference``, in ``float32``, and in each of :data:`WAYS`."""
    plain = evaluation.evaluate(model, cached, rows, device=_CPU)
    table = plain[["name"]].assign(reference=plain["hc_reference_mm"], float32=plain["hc_mm"])
    for way, (context, options) in WAYS.items():
        with context(model):
            found = evaluation.evaluate(model, cached, rows, device=_CPU, **options)
        table[way] = found["hc_mm"]
    return table


def changes(table: pd.DataFrame, way: str) -> dict[str, Any]:
    """What a way of computing does to the heads, in mm: against float32, and against the reference.

    >>> heads = pd.DataFrame({"reference": [90.0, 80.0], "float32": [91.0, 80.0], "bfloat16": [91.5, 79.9]})
    >>> found = changes(heads, "bfloat16")
    >>> found["larger"], found["smaller"], round(found["mean_mm"], 2), round(found["largest_mm"], 2)
    (1, 1, 0.2, 0.5)
    """
    change = table[way] - table["float32"]
    return {
        "larger": int((change > 0).sum()),
        "smaller": int((change < 0).sum()),
        "mean_mm": float(change.mean()),
        "largest_mm": float(change.abs().max()),
        "error_mm": float(_error(table, way)),
    }


def _error(table: pd.DataFrame, way: str) -> float:
    return float((table[way] - table["reference"]).abs().mean())


@contextmanager
def _tf32(model: nn.Module) -> Iterator[None]:
    """Convolutions whose factors have ten bits behind the point, as those of many GPUs; sums stay float32."""
    convolutions = [layer for layer in model.modules() if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))]
    before = [layer.weight.data for layer in convolutions]
    hooks = [
        layer.register_forward_pre_hook(lambda _, given: (_ten_bits(given[0]),)) for layer in convolutions
    ]
    try:
        for layer in convolutions:
            layer.weight.data = _ten_bits(layer.weight.data)
        yield
    finally:
        for layer, weight, hook in zip(convolutions, before, hooks, strict=True):
            layer.weight.data = weight
            hook.remove()


def _ten_bits(values: Tensor) -> Tensor:
    """Float32 rounded to the nearest with ten bits of fraction.

    >>> _ten_bits(torch.tensor([1 + 2**-10, 1 + 2**-12])).tolist()
    [1.0009765625, 1.0]
    """
    return ((values.contiguous().view(torch.int32) + 2**12) & -(2**13)).view(torch.float32)


def _other_layout(_model: nn.Module) -> AbstractContextManager[Any]:
    def other(device: torch.device) -> torch.memory_format:
        last = memory_format(device) == torch.channels_last
        return torch.contiguous_format if last else torch.channels_last

    return mock.patch.object(evaluation, "memory_format", other)


@contextmanager
def _two_threads(_model: nn.Module) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1 if before > 1 else 2)
    try:
        yield
    finally:
        torch.set_num_threads(before)


WAYS: dict[str, tuple[Callable[[nn.Module], AbstractContextManager[Any]], dict[str, Any]]] = {
    "bfloat16": (lambda _: nullcontext(), {"precision": "bfloat16"}),
    "tf32": (_tf32, {}),
    "other_layout": (_other_layout, {}),
    "other_threads": (_two_threads, {}),
    "one_image_a_batch": (lambda _: nullcontext(), {"batch_size": 1}),
}
"""Ways to compute that hardware or an option may choose, each as a context and options of the evaluation."""


if __name__ == "__main__":
    main()
