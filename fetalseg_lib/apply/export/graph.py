"""From a network to an ONNX graph that computes the same, with its normalisation and its sigmoid inside."""

from __future__ import annotations

import copy
import io
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from fetalseg_lib.apply.export.runtime import package
from fetalseg_lib.models.stem import GreyStem

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
"""Of ONNX; what the runtimes of the last years all read."""

INPUT = "image"
LOGITS = "logits"
OUTPUTS = ("probability", LOGITS)


class FromGreyLevels(nn.Module):
    """A network behind the two steps that belong to it: grey levels to [0, 1], logits to probabilities.

    ``B 1 H W`` of grey levels 0 to 255 → (probability, logits), ``B 1 H W`` each.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """``B 1 H W`` → two of ``B 1 H W``."""
        logits = self.network(image / 255)  # (B, 1, H, W)
        return torch.sigmoid(logits), logits


def build_graph(network: nn.Module, *, image_size: tuple[int, int]) -> ModelProto:
    """The graph of a network for images of ``image_size`` (H, W), in batches of any size.

    Input ``image``: float32 ``B 1 H W`` of grey levels 0 to 255; outputs ``probability`` and ``logits``. The
    network stays as it is. Raises ``ModuleNotFoundError`` without the extra ``export``.
    """
    onnx, _ = package("onnx"), package("onnxruntime")  # a missing package is known before any work
    plain = copy.deepcopy(network).to(device="cpu", memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    fold_stem(plain)
    # Two images: with one, the tracer could take the batch's size for a constant 1.
    example = torch.zeros(2, 1, *image_size)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # Tracing fixes the sides that the input's check asks for, as the file does anyway. The tracer is the
        # older of torch's two exporters: the newer takes twenty times as long for a graph that does the same.
        warnings.filterwarnings("ignore", "Converting a tensor to a Python")
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            FromGreyLevels(plain).eval(),
            (example,),
            buffer,  # type: ignore[arg-type]  # torch writes to streams too
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "batch"} for name in (INPUT, *OUTPUTS)},
            opset_version=OPSET,
            dynamo=False,
        )
    return _simplified(onnx.load_from_string(buffer.getvalue()))


def fold_stem(network: nn.Module) -> None:
    """Take the batch normalisation behind a grey stem into it, in place; in eval mode it computes the same.

    Exporters fold a convolution and its normalisation by themselves, but not over the stem's tint.
    """
    for block in network.modules():
        if not isinstance(block, nn.Sequential) or len(block) < 2:
            continue
        stem, norm = block[0], block[1]
        if not (isinstance(stem, GreyStem) and isinstance(norm, nn.BatchNorm2d)):
            continue
        assert norm.running_mean is not None
        assert norm.running_var is not None
        with torch.no_grad():
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            stem.weight.mul_(scale[:, None, None, None])
            stem.tint.mul_(scale[:, None, None]).add_((norm.bias - norm.running_mean * scale)[:, None, None])
        block[1] = nn.Identity()


def _simplified(graph: ModelProto) -> ModelProto:
    """Compute beforehand what is constant, drop what does nothing, and add no runtime's own operations."""
    runtime, onnx = package("onnxruntime"), package("onnx")
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        options.optimized_model_filepath = str(path)
        runtime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        simplified: ModelProto = onnx.load(path)
    used = {node.domain for node in simplified.graph.node}
    kept = [opset for opset in simplified.opset_import if opset.domain in used]
    del simplified.opset_import[:]
    simplified.opset_import.extend(kept)
    return simplified
