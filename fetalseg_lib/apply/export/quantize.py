"""Half the file: weights in float16, the arithmetic as before. A quarter: all in eight bits.

A real number ``r`` becomes ``round(r / scale) + zero``. A weight's scale is known, one for each output
channel of a convolution; a map's is learned from images before the file is written: the calibration. Source:
Jacob et al. 2018, doi:10.1109/CVPR.2018.00286.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from fetalseg_lib.apply.export.graph import INPUT, LOGITS
from fetalseg_lib.apply.export.runtime import open_session, package
from fetalseg_lib.data import hc18, phantom, splits
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.data.sample import Sample

if TYPE_CHECKING:
    from onnx import ModelProto

OPERATIONS = ("Conv", "ConvTranspose", "MaxPool", "Concat")
"""What is computed in whole numbers; gates, residuals, the grey stem and the sigmoid are cheap in float32."""

KEPT = ("/encoder/enc1/", "/encoder/enc2/", "/encoder/enc3/")
"""Stages that stay in float32, by a part of their nodes' names: the first of a pre-trained MobileNetV2, whose
channels differ too much in range for 256 steps, and which hold few weights. Chosen on the validation fold."""

NEAR = 2.0
"""Logits within it are near the outline: a probability of 12 to 88 %."""

_BATCH = 4


Source = Literal["hc18", "phantom"]
"""Whose images calibrate: HC18's validation fold, or phantoms where nobody has HC18."""

IMAGES = 96
"""Enough for every range to settle, and a minute's work; HC18's validation fold has a few more."""

_PHANTOM_SEED, _PHANTOM_SIZE = 4, (270, 400)


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Images uint8 ``N H W`` at the network's size, and in words where they are from.

    Raises ``ValueError`` where there is no image.
    """

    images: NDArray[np.uint8]
    source: str

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.images.dtype != np.uint8 or not len(self.images):
            raise ValueError(
                "calibration: expected at least one image, uint8 N H W, "
                f"got {self.images.dtype} of shape {self.images.shape}"
            )

    @property
    def description(self) -> str:
        """The source, how many images, and twelve digits that name them."""
        digest = hashlib.sha256(self.images.tobytes()).hexdigest()[:12]
        return f"{self.source}, {len(self.images)} images, sha256 {digest}"


def calibrate_on(
    source: Source, *, image_size: tuple[int, int], data_root: Path | None = None, images: int = IMAGES
) -> Calibration:
    """Read or draw up to ``images`` images of a source at the network's ``image_size`` (H, W).

    HC18's are of the validation fold, and lie where ``data_root`` or
    :func:`~fetalseg_lib.data.hc18.find_root` says. Raises ``ValueError`` for another source,
    :class:`~fetalseg_lib.data.sample.DataError` where HC18 is not there.
    """
    if images < 1:
        raise ValueError(f"images: expected at least 1, got {images}")
    if source == "hc18":
        samples, words = _validation(images, data_root), "HC18, validation fold"
    elif source == "phantom":
        samples, words = phantom.generate(images, seed=_PHANTOM_SEED, size=_PHANTOM_SIZE), "phantoms"
    else:
        raise ValueError(f"calibration: expected hc18 or phantom, got {source!r}")
    small = [resize_image(sample.image, image_size) for sample in samples]
    return Calibration(images=np.stack(small), source=words)


def _validation(most: int, data_root: Path | None) -> Iterable[Sample]:
    loaded = hc18.load(data_root)
    try:
        rows = splits.hc18_rows(loaded.table, "validation")
    except ValueError as error:
        raise ValueError(f"{loaded.root}: {error}; calibrate on phantoms instead") from error
    # Evenly spread: names rise with the head's size, so the first would be small.
    chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)
    return (loaded[rows[place]] for place in chosen)


def quantize(graph: ModelProto, calibration: Calibration, *, kept: Sequence[str] = KEPT) -> ModelProto:
    """The same graph with 8-bit convolutions, per output channel, as QDQ pairs.

    The stages ``kept`` and the last convolution stay in float32, and the bias of the latter is corrected
    (:func:`correct_bias`). Weights are unsigned, with 128 for zero: the products of signed ones overflow,
    silently, on x86 processors without VNNI. Raises ``ModuleNotFoundError`` without the extra ``export``.
    """
    quantization = package("onnxruntime.quantization")
    onnx = package("onnx")

    batches = _batches(calibration.images)
    reader = SimpleNamespace(get_next=lambda: next(batches, None))
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "graph.onnx"
        quantization.quantize_static(
            onnx.shape_inference.infer_shapes(graph),
            path,
            reader,
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

    Rounding may push all logits the same way: then every outline moves outward, or inward, and every
    circumference with it. Where the last operation has no bias, nothing changes. Source: Nagel et al.
    2019, doi:10.1109/ICCV.2019.00141 (there of every layer).
    """
    onnx = package("onnx")
    head = next(node for node in quantized.graph.node if LOGITS in node.output)
    if head.op_type != "Conv" or len(head.input) < 3:
        return
    expected, found = (_logits(each, calibration) for each in (graph, quantized))
    near = np.abs(expected) < NEAR
    stored = next(tensor for tensor in quantized.graph.initializer if tensor.name == head.input[2])
    if near.any():
        bias = onnx.numpy_helper.to_array(stored) - (found - expected)[near].mean()
        stored.CopyFrom(onnx.numpy_helper.from_array(bias.astype(np.float32), stored.name))


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

    A runtime casts them once, when it opens the file: on a processor, and so in a browser, half-precision
    arithmetic is no faster and rounds every map besides. Vectors (biases, scales) stay: they take no room and
    hold the wide ranges. Raises ``ValueError`` where a weight is too large for half precision (65504).
    """
    onnx = package("onnx")
    halved = copy.deepcopy(graph)
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
    return halved
