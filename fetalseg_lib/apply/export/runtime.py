"""ONNX and ONNX Runtime: how they are imported, and a file of theirs as a network like any other."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from fetalseg_lib.data.sample import first_line

if TYPE_CHECKING:
    from onnx import ModelProto


def package(name: str) -> Any:
    """``onnx``, ``onnxruntime`` or a part of it; ``ModuleNotFoundError`` with the mend where it is not."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{name} is not installed, and an ONNX file cannot do without it; install the extra `export`: "
            'python -m pip install "fetalseg_lib[export]"'
        ) from error


class OnnxNetwork(nn.Module):
    """A graph as a network: ``B 1 H W`` in [0, 1] → logits ``B 1 H W``, computed by ONNX Runtime on the CPU.

    So every function that takes a trained network takes an exported one too. ``source`` is a file or a graph;
    without ``threads`` there are as many as torch has. Raises ``FileNotFoundError``, and ``ValueError`` for a
    file that is no ONNX file of this package.
    """

    def __init__(self, source: Path | ModelProto, *, threads: int | None = None) -> None:
        super().__init__()
        self.session = open_session(source, threads=threads)

    def forward(self, image: Tensor) -> Tensor:
        """``B 1 H W`` → ``B 1 H W``."""
        (logits,) = self.session.run(["logits"], {"image": (image * 255).contiguous().cpu().numpy()})
        return torch.from_numpy(logits)

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the file says of itself."""
        return dict(self.session.get_modelmeta().custom_metadata_map)


def open_session(source: Path | ModelProto, *, threads: int | None = None) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU; raises as :class:`OnnxNetwork`."""
    runtime = package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = 3
    told = source if isinstance(source, Path) else "graph"
    if isinstance(source, Path) and not source.is_file():
        raise FileNotFoundError(f"{told}: expected an ONNX file, found none; make one with `fetalseg export`")
    content = source.read_bytes() if isinstance(source, Path) else source.SerializeToString()
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own classes are no part of its interface
        raise ValueError(
            f"{told}: expected an ONNX file, got one that ONNX Runtime cannot open ({first_line(error)}); "
            "make it again with `fetalseg export`"
        ) from error
    names = [port.name for port in (*session.get_inputs(), *session.get_outputs())]
    if names != ["image", "probability", "logits"]:
        raise ValueError(
            f"{told}: expected the input image and the outputs probability and logits, got "
            f"{', '.join(names)}; give a file that `fetalseg export` wrote"
        )
    return session
