"""Half the file: weights in float16, the arithmetic as before. A quarter: all in eight bits.

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

from fetalseg_lib.apply.export.calibration import Calibration
from fetalseg_lib.apply.export.graph import INPUT, LOGITS
from fetalseg_lib.apply.export.runtime import onnx_module, open_session, runtime_module

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

OPERATIONS = ("Conv", "ConvTranspose", "MaxPool", "Concat")
"""What is computed in whole numbers. The gates of squeeze and excitation, the addition of residuals, the grey
stem's normalisation and the sigmoid are cheap, and stay in float32."""

KEPT = ("/encoder/enc1/", "/encoder/enc2/", "/encoder/enc3/")
"""Stages that stay in float32, by a part of their nodes' names: the first of a pre-trained MobileNetV2, whose
channels differ so much in range that 256 steps for all of them are too few. In whole numbers these alone do
nearly all the harm, and they hold few of the weights. Chosen on HC18's validation fold."""

NEAR = 2.0
"""Logits within it are near the outline: a probability of 12 to 88 %."""

_BATCH = 4


def quantize(graph: ModelProto, calibration: Calibration, *, kept: Sequence[str] = KEPT) -> ModelProto:
    """The same graph with 8-bit convolutions, per output channel, as QDQ pairs.

    The stages ``kept`` and the last convolution stay in float32, and the bias of the latter is corrected
    (:func:`correct_bias`). Weights are unsigned, with 128 for zero. Signed ones meet a trap: x86 processors
    without VNNI add two of their products in 16 bits, which overflow, silently, unless a bit of each weight
    is given up.

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
                node.name
                for node in graph.graph.node
                if LOGITS in node.output or any(stage in node.name for stage in kept)
            ],
        )
        quantized: ModelProto = onnx.load(path)
    correct_bias(quantized, graph, calibration)
    return quantized


def correct_bias(quantized: ModelProto, graph: ModelProto, calibration: Calibration) -> None:
    """Take from the last convolution's bias what rounding adds to all logits near the outline, in place.

    Rounding does not only scatter. It may push all logits the same way: then every outline moves outward, or
    inward, and every circumference with it. The mean difference on the calibration images is one number, and
    nearly all of the harm. Where the last operation has no bias, nothing changes.

    Source: Nagel et al. 2019, doi:10.1109/ICCV.2019.00141 (there of every layer).
    """
    onnx = onnx_module()
    head = _head(quantized)
    if head is None or len(head.input) < 3:
        return
    expected, found = (_logits(each, calibration) for each in (graph, quantized))
    near = np.abs(expected) < NEAR
    stored = next(tensor for tensor in quantized.graph.initializer if tensor.name == head.input[2])
    if near.any():
        bias = onnx.numpy_helper.to_array(stored) - (found - expected)[near].mean()
        stored.CopyFrom(onnx.numpy_helper.from_array(bias.astype(np.float32), stored.name))


def _head(graph: ModelProto) -> NodeProto | None:
    """The convolution that gives the logits, where it is the last operation."""
    last = next(node for node in graph.graph.node if LOGITS in node.output)
    return last if last.op_type == "Conv" else None


def _logits(graph: ModelProto, calibration: Calibration) -> NDArray[np.float32]:
    session = open_session(graph)
    return np.concatenate([session.run([LOGITS], batch)[0] for batch in _batches(calibration.images)])


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


def halve(graph: ModelProto) -> ModelProto:
    """The same graph with its kernels in half precision, each behind a cast to float32.

    A runtime casts them once, when it opens the file, and then computes as it does with float32: on a
    processor, and so in a browser, half-precision arithmetic is no faster and rounds every map besides.
    Vectors (biases, scales) stay as they are: they take no room, and they hold the wide ranges.

    Raises ``ValueError`` where a weight is too large for half precision (65504).
    """
    onnx = onnx_module()
    halved: ModelProto = onnx.ModelProto()
    halved.CopyFrom(graph)
    casts = []
    for stored in halved.graph.initializer:
        if stored.data_type != onnx.TensorProto.FLOAT or len(stored.dims) < 2:
            continue
        with np.errstate(over="ignore"):
            values = onnx.numpy_helper.to_array(stored).astype(np.float16)
        if not np.isfinite(values).all():
            raise ValueError(f"{stored.name}: expected weights that float16 can hold, got larger ones")
        name = stored.name
        stored.CopyFrom(onnx.numpy_helper.from_array(values, f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *halved.graph.node]
    del halved.graph.node[:]
    halved.graph.node.extend(nodes)
    result: ModelProto = halved
    return result
