"""The ways to compute one network's forward pass, each as a function of a batch."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fetalseg_lib.apply.export.quantize import Calibration, calibrate_on
from fetalseg_lib.apply.export.runtime import open_session
from fetalseg_lib.apply.export.write import Precision, convert
from fetalseg_lib.training.device import autocast, has_bfloat16

if TYPE_CHECKING:
    from onnx import ModelProto

Batch = NDArray[np.float32]
"""Grey levels 0 to 255, ``B 1 H W``."""

Runner = Callable[[Batch], object]

_CPU = torch.device("cpu")

RUNTIMES = (
    "eager",
    "channels_last",
    "bfloat16",
    "onnxruntime_float32",
    "onnxruntime_int8",
    "openvino",
)


def left_out() -> dict[str, str]:
    """Which of the runtimes this machine cannot time, and why."""
    reasons = {}
    if not has_bfloat16(_CPU):
        reasons["bfloat16"] = "this processor does not multiply in bfloat16"
    if find_spec("openvino") is None:
        reasons["openvino"] = 'OpenVINO is not installed (the extra "openvino")'
    return reasons


def runner(network: nn.Module, runtime: str, *, image_size: tuple[int, int], threads: int) -> Runner:
    """A function that computes ``network``'s logits of a batch in one of :data:`RUNTIMES`.

    Raises ``ValueError`` for another runtime.
    """
    if runtime in ("eager", "channels_last", "bfloat16"):
        return _torch_runner(network, runtime)
    precision: Precision = "int8" if runtime == "onnxruntime_int8" else "float32"
    if runtime not in RUNTIMES:
        raise ValueError(f"runtimes: expected some of {', '.join(RUNTIMES)}; got {runtime!r}")
    calibration = _phantoms(image_size) if precision == "int8" else None
    graph = convert(network, image_size=image_size, precision=precision, calibration=calibration)
    if runtime == "openvino":
        return _openvino_runner(graph, threads)
    session = open_session(graph, threads=threads)
    return lambda batch: session.run(["logits"], {"image": batch})


@cache
def _phantoms(image_size: tuple[int, int]) -> Calibration:
    """A few images will do: ranges decide what int8 computes, not how fast."""
    return calibrate_on("phantom", image_size=image_size, images=4)


def _torch_runner(network: nn.Module, runtime: str) -> Runner:
    layout = torch.contiguous_format if runtime == "eager" else torch.channels_last
    precision = "bfloat16" if runtime == "bfloat16" else "float32"
    placed = copy.deepcopy(network).to(memory_format=layout)

    def run(batch: Batch) -> object:
        image = torch.from_numpy(batch).contiguous(memory_format=layout)
        with torch.inference_mode(), autocast(_CPU, precision):
            return placed(image / 255)

    return run


def _openvino_runner(graph: ModelProto, threads: int) -> Runner:
    import openvino

    core = openvino.Core()
    model = core.read_model(io.BytesIO(graph.SerializeToString()))
    settings: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    compiled = core.compile_model(model, "CPU", settings)
    return lambda batch: compiled([batch])
