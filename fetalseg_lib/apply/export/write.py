"""Export: build the graph, make it small, compare it with the network, and only then leave the file."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fetalseg_lib import NOTICE, __version__
from fetalseg_lib.apply.export.graph import build_graph
from fetalseg_lib.apply.export.quantize import Calibration, halve, quantize
from fetalseg_lib.apply.export.runtime import OnnxNetwork
from fetalseg_lib.apply.trained import TrainedNetwork, read_network
from fetalseg_lib.data import phantom
from fetalseg_lib.data.named import dataset_named
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.files import atomic_write, only_one
from fetalseg_lib.training.checkpoint import read_metadata

if TYPE_CHECKING:
    from onnx import ModelProto

Precision = Literal["float32", "float16", "int8"]
"""How a file keeps its weights, and int8 its maps too."""

LOGITS_WITHIN = 1e-4
"""Between a float32 file and the network computed in float64, the largest difference of a logit."""

SPREAD_WITHIN = {"float16": 0.02, "int8": 0.3}
"""Of the smaller precisions: the difference's standard deviation as a share of the logits' own. More is a
broken file; whether int8 is good enough, the test images answer."""


RESIZE = (
    "to image_size whatever the aspect: the mean of the covered area where neither side grows (OpenCV "
    "INTER_AREA), else bilinear with pixel centres at half (INTER_LINEAR); then rounded to whole grey levels"
)
NATIVE = "interpolate probability bilinearly, pixel centres at half, to the image's own size, then threshold"


class ParityError(ValueError):
    """An exported graph that does not compute what the network computes; no file is left."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """A written file: its size and how far its logits are from the network's, on a few phantoms.

    ``largest`` is the largest difference, ``spread`` the difference's standard deviation as a share of the
    logits' own.
    """

    path: Path
    precision: Precision
    megabytes: float
    largest: float
    spread: float


def export_network(
    weights: Path, out: Path, *, precision: Precision = "float32", calibration: Calibration | None = None
) -> Export:
    """Write a run's weights as an ONNX file that carries its pre-processing; input and outputs are float32.

    ``calibration`` are int8's images. The graph is compared with the network before ``out`` appears, which
    happens whole or not at all. Raises ``ValueError`` for an unusable argument, :class:`ParityError` where
    the two differ, and what :func:`~fetalseg_lib.apply.trained.read_network` raises.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"precision: expected {', '.join(get_args(Precision))}; got {precision!r}")
    if (precision == "int8") != (calibration is not None):
        raise ValueError("calibration: expected images for int8, and for no other precision")
    if out.suffix != ".onnx" or out.is_dir():
        raise ValueError(f"{out}: expected the name of a file that ends in .onnx")
    trained = read_network(weights)
    if calibration is not None and calibration.images.shape[1:] != trained.image_size:
        raise ValueError(
            f"calibration: expected images of {trained.image_size}, got {calibration.images.shape[1:]}"
        )
    # Opened first: a folder that cannot be written is known at once.
    with only_one(out), atomic_write(out) as file:
        size = trained.image_size
        graph = convert(trained.model, image_size=size, precision=precision, calibration=calibration)
        drawn = phantom.generate(3, seed=3, size=(270, 400))
        images = np.stack([resize_image(sample.image, size) for sample in drawn])
        largest, spread = compare(trained.model, graph, images)
        _refuse(out, precision, largest, spread)
        words = None if calibration is None else calibration.description
        write_metadata(graph, describe(weights, trained, precision=precision, calibration=words))
        file.write(graph.SerializeToString(deterministic=True))
    megabytes = out.stat().st_size / 1e6
    return Export(path=out, precision=precision, megabytes=megabytes, largest=largest, spread=spread)


def convert(
    network: nn.Module,
    *,
    image_size: tuple[int, int],
    precision: Precision = "float32",
    calibration: Calibration | None = None,
) -> ModelProto:
    """The graph of any network on grey images in a precision; neither compared nor written."""
    graph = build_graph(network, image_size=image_size)
    if precision == "float16":
        return halve(graph)
    if precision == "int8":
        assert calibration is not None
        return quantize(graph, calibration)
    return graph


def compare(network: nn.Module, graph: ModelProto, images: NDArray[np.uint8]) -> tuple[float, float]:
    """How far the graph's logits are from the network's on images ``N H W``: largest difference, and spread.

    The network computes in float64, so that the graph's rounding counts and PyTorch's does not. The images
    go in one by one and all together.
    """
    batch = torch.from_numpy(images[:, None]).float() / 255  # (N, 1, H, W)
    exported = OnnxNetwork(graph)
    exact = copy.deepcopy(network).double().eval()
    with torch.inference_mode():
        expected = exact(batch.double())
        singly = torch.cat([exported(image[None]) for image in batch])
        differences = torch.stack([exported(batch) - expected, singly - expected])
    return float(differences.abs().max()), float(differences.std() / expected.std())


def _refuse(out: Path, precision: Precision, largest: float, spread: float) -> None:
    """A difference that is not a number passes no test either."""
    if precision == "float32":
        fits, found, allowed = largest <= LOGITS_WITHIN, f"logits {largest:.2g} apart", f"{LOGITS_WITHIN:g}"
    else:
        share = SPREAD_WITHIN[precision]
        fits, found, allowed = spread <= share, f"logits that stray by {spread:.1%}", f"{share:.0%}"
    if not fits:
        mend = "; calibrate on images like those to come" if precision == "int8" else ""
        raise ParityError(
            f"{out}: expected a {precision} file that agrees with the network within {allowed}, got {found}; "
            f"nothing was written{mend}"
        )


def describe(
    weights: Path, trained: TrainedNetwork, *, precision: str, calibration: str | None
) -> dict[str, str]:
    """What a file says of itself, as text; ``image_size`` (H, W) and ``training_range`` are JSON.

    A training range or a calibration that is not known has no key.
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
