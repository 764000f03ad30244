"""What an exported file says of itself: a network without its pre-processing is not the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from fetalseg_lib import NOTICE, __version__
from fetalseg_lib.apply.trained import TrainedNetwork
from fetalseg_lib.data.named import dataset_named
from fetalseg_lib.training.checkpoint import read_metadata

if TYPE_CHECKING:
    from onnx import ModelProto

RESIZE = (
    "to image_size whatever the aspect: the mean of the covered area where neither side grows (OpenCV "
    "INTER_AREA), else bilinear with pixel centres at half (INTER_LINEAR); then rounded to whole grey levels"
)
NATIVE = "interpolate probability bilinearly, pixel centres at half, to the image's own size, then threshold"


def describe(
    weights: Path, trained: TrainedNetwork, *, precision: str, calibration: str | None
) -> dict[str, str]:
    """Name, version, licence, what goes in and comes out, how an image is made ready, whose weights.

    All values are text; ``image_size`` (H, W) and ``training_range`` are JSON. A training range or a
    calibration that is not known has no key.
    """
    stored = read_metadata(weights)
    variant = str(json.loads(stored["config"])["variant"])
    known = {
        "config_hash": stored.get("hash"),
        "training_range": trained.training_range.to_json() if trained.training_range else None,
        "calibration": calibration,
        "attribution": dataset_named(trained.data).attribution,
    }
    return {
        "name": f"FetalSeg {variant}",
        "about": NOTICE,
        "version": __version__,
        "licence": "MIT",
        "input": "image: float32 B 1 H W, one grey channel, grey levels 0 to 255",
        "output": "probability: float32 B 1 H W in [0, 1], of the head; logits: the same before the sigmoid",
        "normalisation": "inside the network: image / 255 and all that follows; do not normalise before",
        "resize": RESIZE,
        "native": NATIVE,
        "threshold": "0.5",
        "image_size": json.dumps(trained.image_size),
        "variant": variant,
        "precision": precision,
        "data": trained.data,
        "weights_sha256": trained.sha256,
        **{key: value for key, value in known.items() if value is not None},
    }


def write_metadata(graph: ModelProto, values: dict[str, str]) -> None:
    """Put the values into a graph, in place of any that it has; equal values give equal bytes."""
    del graph.metadata_props[:]
    for key, value in sorted(values.items()):
        graph.metadata_props.add(key=key, value=value)
    graph.producer_name, graph.producer_version = "fetalseg", __version__
    graph.doc_string = f"{values['name']}: {NOTICE}"
