"""The card beside an exported network: what the page must know of it, so that no number stands in a script."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from fetalseg_lib.evaluation.biometry import THRESHOLD
from fetalseg_lib.study.records import write_json
from fetalseg_lib.study.trained import read_network

CARD = "network.json"
MAX_BYTES = 10_000_000
"""A reader with a phone waits for every one of them."""


def write_card(weights: Path, exported: Path) -> Path:
    """Write ``network.json`` beside the ONNX file ``exported`` that was made from ``weights``; return its path.

    Raises ``ValueError`` where the ONNX file has more than one input or output or is too large for the page,
    and as :func:`~fetalseg_lib.study.trained.read_network`.
    """
    trained = read_network(weights)
    size = exported.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"{exported}: expected at most {MAX_BYTES:,} bytes, got {size:,}; take a smaller network"
        )
    name_in, name_out = _ends(exported)
    card = {
        "file": exported.name,
        "bytes": size,
        "input": name_in,
        "output": name_out,
        "image_size": list(trained.image_size),
        "threshold": THRESHOLD,
        "data": trained.data,
        "training_range": None if trained.training_range is None else asdict(trained.training_range),
        "weights_sha256": trained.sha256,
    }
    path = exported.with_name(CARD)
    write_json(path, card)
    return path


def _ends(exported: Path) -> tuple[str, str]:
    """The names of the network's one input and one output."""
    import onnx

    graph = onnx.load(str(exported), load_external_data=False).graph
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise ValueError(
            f"{exported}: expected one input and one output, got {len(graph.input)} and {len(graph.output)}"
        )
    return graph.input[0].name, graph.output[0].name
