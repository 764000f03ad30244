"""Export: build the graph, make it small, compare it with the network, and only then leave the file."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fetalseg_lib.apply.export.calibration import Calibration
from fetalseg_lib.apply.export.graph import build_graph
from fetalseg_lib.apply.export.metadata import describe, write_metadata
from fetalseg_lib.apply.export.quantize import halve, quantize
from fetalseg_lib.apply.export.runtime import OnnxNetwork
from fetalseg_lib.apply.trained import read_network
from fetalseg_lib.data import phantom
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.files import atomic_write, only_one

if TYPE_CHECKING:
    from onnx import ModelProto

Precision = Literal["float32", "float16", "int8"]
"""How a file keeps its weights, and int8 its maps too."""

LOGITS_WITHIN = 1e-4
"""Between a float32 file and the network computed in float64, the largest difference of a logit. PyTorch in
float32 is no measure of that: it rounds as much as the file does, and in another order."""

SPREAD_WITHIN = {"float16": 0.02, "int8": 0.3}
"""Of the smaller precisions: the difference's standard deviation as a share of the logits' own. More is a
broken file. Whether int8 is good enough is another question, which the test images answer."""


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
        graph = convert(
            trained.model, image_size=trained.image_size, precision=precision, calibration=calibration
        )
        largest, spread = compare(trained.model, graph, _phantoms(trained.image_size))
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
    go in one by one and all together, so that a batch of another size is compared as well.
    """
    batch = torch.from_numpy(images[:, None]).float() / 255  # (N, 1, H, W)
    exported = OnnxNetwork(graph)
    exact = copy.deepcopy(network).double().eval()
    with torch.inference_mode():
        expected = exact(batch.double())
        singly = torch.cat([exported(image[None]) for image in batch])
        differences = torch.stack([exported(batch) - expected, singly - expected])
    return float(differences.abs().max()), float(differences.std() / expected.std())


def _phantoms(image_size: tuple[int, int]) -> NDArray[np.uint8]:
    drawn = phantom.generate(3, seed=3, size=(270, 400))
    return np.stack([resize_image(sample.image, image_size) for sample in drawn])


def _refuse(out: Path, precision: Precision, largest: float, spread: float) -> None:
    """A difference that is not a number passes no test either."""
    if precision == "float32":
        fits, found, allowed = largest <= LOGITS_WITHIN, f"logits {largest:.2g} apart", f"{LOGITS_WITHIN:g}"
    else:
        share = SPREAD_WITHIN[precision]
        fits, found, allowed = spread <= share, f"logits that stray by {spread:.1%}", f"{share:.0%}"
    if not fits:
        raise ParityError(
            f"{out}: expected a {precision} file that agrees with the network within {allowed}, got {found}; "
            "nothing was written"
            + ("; calibrate on images like those to come" if precision == "int8" else "")
        )
