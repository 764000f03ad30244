"""Half the file: weights in float16, the arithmetic as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fetalseg_lib.apply.export.runtime import onnx_module

if TYPE_CHECKING:
    from onnx import ModelProto


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
