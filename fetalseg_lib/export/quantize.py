"""A quarter of the file: weights and maps as whole numbers of eight bits.

A real number ``r`` becomes ``round(r / scale) + zero``. A weight's scale is known: each output channel of a
convolution has its own. A map's scale has to be learned from images, before the file is written: that is the
calibration, and what makes this quantisation *static*.

Source: Jacob et al. 2018, doi:10.1109/CVPR.2018.00286.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.export.calibration import Calibration
from fetalseg_lib.export.graph import INPUT
from fetalseg_lib.export.runtime import onnx_module, runtime_module

if TYPE_CHECKING:
    from onnx import ModelProto

OPERATIONS = ("Conv", "ConvTranspose", "MaxPool", "Concat")
"""What is computed in whole numbers. The gates of squeeze and excitation, the addition of residuals, the grey
stem's normalisation and the sigmoid are cheap, and stay in float32."""

KEPT = ("/encoder/enc1/", "/encoder/enc2/", "/encoder/enc3/")
"""Stages that stay in float32, by a part of their nodes' names: the first of a pre-trained MobileNetV2, whose
channels differ so much in range that 256 steps for all of them are too few. In whole numbers these alone do
nearly all the harm; they hold two hundredths of the weights. Chosen on HC18's validation fold."""

_BATCH = 4


def quantize(graph: ModelProto, calibration: Calibration, *, kept: Sequence[str] = KEPT) -> ModelProto:
    """The same graph with 8-bit convolutions, per output channel, as QDQ pairs; all but the stages ``kept``.

    Weights are unsigned, with 128 for zero. Signed ones meet a trap: x86 processors without VNNI add two of
    their products in 16 bits, which overflow, silently, unless a bit of each weight is given up.

    Raises ``ModuleNotFoundError`` where the extra ``export`` is not installed.
    """
    quantization = runtime_module("quantization")
    onnx = onnx_module()

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc, name-defined]
        """Hands the images over, a batch at a time."""

        def __init__(self) -> None:
            self._batches = _batches(calibration.images)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self._batches, None)

    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "graph.onnx"
        quantization.quantize_static(
            onnx.shape_inference.infer_shapes(graph),
            path,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATIONS),
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QUInt8,
            extra_options={"WeightSymmetric": True},
            nodes_to_exclude=[
                node.name for node in graph.graph.node if any(stage in node.name for stage in kept)
            ],
        )
        quantized: ModelProto = onnx.load(path)
    return quantized


def _batches(images: NDArray[np.uint8]) -> Iterator[dict[str, NDArray[np.float32]]]:
    for start in range(0, len(images), _BATCH):
        yield {INPUT: images[start : start + _BATCH, None].astype(np.float32)}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice to simplify the graph first, which has been done."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
