"""The card beside an exported network: what the page must know of it, so that no number stands in a script.

A browser's runtime does not hand out the metadata of an ONNX file, so they are laid beside it.
"""

from __future__ import annotations

import json
from pathlib import Path

from fetalseg_lib.study.records import write_json

CARD = "network.json"
MAX_BYTES = 10_000_000
"""A reader with a phone waits for every one of them."""

OUTPUT = "probability"
_TEXTS = ("data", "licence", "precision", "variant", "version", "weights_sha256")


def write_card(exported: Path) -> Path:
    """Write ``network.json`` beside a file of ``fetalseg export``; return its path.

    Raises ``ValueError`` for an ONNX file of another make, and for one that is too large for the page.
    """
    import onnx

    size = exported.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"{exported}: expected at most {MAX_BYTES:,} bytes for the page, got {size:,}; "
            "export a smaller network, or with --precision float16"
        )
    model = onnx.load(str(exported), load_external_data=False)
    inputs, outputs = ([end.name for end in ends] for ends in (model.graph.input, model.graph.output))
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    wanted = {"image_size", "threshold", *_TEXTS}
    if len(inputs) != 1 or OUTPUT not in outputs or not wanted <= set(metadata):
        raise ValueError(f"{exported}: expected a file that `fetalseg export` wrote, got another")
    path = exported.with_name(CARD)
    card = {
        "file": exported.name,
        "bytes": size,
        "input": inputs[0],
        "output": OUTPUT,
        "image_size": json.loads(metadata["image_size"]),
        "threshold": float(metadata["threshold"]),
        "training_range": json.loads(metadata.get("training_range", "null")),
        **{name: metadata[name] for name in _TEXTS},
    }
    write_json(path, card)
    return path
