"""A quarter of the file: weights and maps as whole numbers of eight bits.

A real number ``r`` becomes ``round(r / scale) + zero``. A weight's scale is known: each output channel of a
convolution has its own. A map's scale has to be learned from images, before the file is written: that is the
calibration, and what makes this quantisation *static*.

Source: Jacob et al. 2018, doi:10.1109/CVPR.2018.00286.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
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

_BATCH = 4


def quantize(graph: ModelProto, calibration: Calibration) -> ModelProto:
    """The same graph with 8-bit convolutions, per output channel, as QDQ pairs.

    Weights keep to 7 of their 8 bits: an x86 processor without VNNI adds two products in 16 bits, which
    overflow with larger weights, silently. So the file computes the same everywhere.

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
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
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
