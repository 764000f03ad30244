"""Make the trained network that comes with the package: a run's weights in half precision, with a record.

So that a reader can measure a head without training first::

    python -m fetalseg_book.studies.demonstration results/.../weights.safetensors

Kernels are halved; vectors, which hold batch normalisation's wide ranges, take no room and stay as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors
from torch import Tensor

from fetalseg_lib import NOTICE
from fetalseg_lib.apply.trained import DEMONSTRATION, read_network
from fetalseg_lib.names import with_ending
from fetalseg_lib.study import records
from fetalseg_lib.training.checkpoint import read_metadata, save_tensors

MOST_BYTES = 10_000_000
"""A package, and a page that loads the network, should stay light."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the file and, last, its record."""
    parser = argparse.ArgumentParser(
        prog="python -m fetalseg_book.studies.demonstration", description=__doc__
    )
    parser.add_argument("weights", type=Path, help="a run's weights.safetensors")
    parser.add_argument("-o", "--out", type=Path, default=DEMONSTRATION, help="default: the package's own")
    options = parser.parse_args(arguments)
    print(make_demonstration(options.weights, out=options.out))


def make_demonstration(weights: Path, *, out: Path = DEMONSTRATION) -> Path:
    """Write a run's weights in half precision to ``out``, and beside it the record, ending in ``.json``.

    The record says which run it was, and how it did on its test images where the run's other files are still
    beside ``weights``. Raises ``ValueError`` for a file too large to come with the package and for weights
    that half precision cannot hold, and what :func:`~fetalseg_lib.apply.trained.read_network` raises.
    """
    trained = read_network(weights)
    metadata = read_metadata(weights)
    config = json.loads(metadata["config"])
    # Of a file of encoder weights only the name goes along: its folder is one machine's own.
    config["encoder_weights"] = Path(str(config.get("encoder_weights", ""))).name
    state = _stored(weights)
    half = {name: value.half() if _is_kernel(value) else value for name, value in state.items()}
    if broken := [name for name, value in half.items() if not value.isfinite().all()]:
        raise ValueError(
            f"{weights}: expected weights that float16 can hold, but {broken[0]} has larger ones"
        )
    expected = sum(value.numel() * value.element_size() for value in half.values())
    if expected > MOST_BYTES:
        raise ValueError(
            f"{weights}: {config['variant']} would take {expected / 1e6:.1f} MB in half precision, and "
            f"at most {MOST_BYTES / 1e6:.0f} MB can come with the package; choose a smaller network"
        )
    save_tensors(half, out, {**metadata, "config": json.dumps(config, sort_keys=True)})
    record = {
        "about": NOTICE,
        "config": config,
        "config_hash": metadata.get("hash"),
        "made_from_sha256": trained.sha256,
        "test": _test(weights),
        "environment": records.describe_environment(),
        "bytes": out.stat().st_size,
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
    }
    records.write_json(with_ending(out, ".json", instead_of=(".safetensors",)), record)
    return out


def _stored(weights: Path) -> dict[str, Tensor]:
    with safetensors.safe_open(weights, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping


def _is_kernel(value: Tensor) -> bool:
    return value.is_floating_point() and value.ndim > 1


def _test(weights: Path) -> dict[str, Any] | None:
    """What the run's own record says of its test images."""
    metrics = weights.with_name(records.METRICS)
    return records.read_json(metrics).get("test") if metrics.is_file() else None


if __name__ == "__main__":
    main()
