"""What an image meets on its way through a network: every module with its shapes, weights and FLOPs.

The pass runs on PyTorch's ``meta`` device, which knows shapes and no values: nothing is computed, so the
biggest network is traced in the time of its Python code, and the network that was given stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

Shape = tuple[int, ...]
"""A shape without the batch: ``C H W`` for a feature map, ``C`` for a vector."""


def written(shape: Shape) -> str:
    """Rows × columns × channels, as the note writes a map.

    >>> written((96, 16, 8))
    '16×8×96'
    """
    channels, rows, columns = shape
    return f"{rows}×{columns}×{channels}"


IMAGE = "input"
"""The name of the network's input among the sources of a stage."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One module as the image passed it.

    ``path`` starts with the stage (``dec5.block.se``). ``sources`` says where each input of a stage comes
    from (another stage or ``"input"``) and ``via`` which pooling it passed on the way, if any; both are empty
    for the modules within a stage. ``flops`` counts multiplications and additions apart, as torch's own
    counter does: convolutions and matrix products only.
    """

    path: str
    module: nn.Module
    inputs: tuple[Shape, ...]
    output: Shape
    flops: int
    sources: tuple[str, ...] = ()
    via: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trace:
    """All that one pass met; ``calls`` by path, in the order in which the modules were entered."""

    image: Shape
    calls: Mapping[str, Call]

    def below(self, path: str) -> list[Call]:
        """The calls within a module, itself left out, in order."""
        return [call for key, call in self.calls.items() if key.startswith(f"{path}.")]


def trace(model: nn.Module, *, size: tuple[int, int] = (256, 256)) -> Trace:
    """Send an empty grey image of ``size`` (rows, columns) through a copy of ``model`` and note all it meets.

    Raises what the model raises for an image of that size, and ``TypeError`` for a model without stages.

    >>> from fetalseg_lib.models import UNet
    >>> found = trace(UNet(), size=(64, 96))
    >>> found.calls["dec4"].output, found.calls["dec4"].sources
    ((256, 8, 12), ('bottleneck', 'enc3'))
    """
    if not hasattr(model, "stages"):
        raise TypeError(f"model: expected a network with stages(), got {type(model).__name__}")
    ghost = copy.deepcopy(model).eval().to("meta")
    image = torch.empty(1, 1, *size, device="meta")
    recorder = _Recorder(image)
    counter = FlopCounterMode(display=False)
    paths = _paths(ghost)
    for module, path in paths.items():
        module.register_forward_pre_hook(recorder.enter(path, top="." not in path))
        module.register_forward_hook(recorder.leave(path, top="." not in path))
    with torch.no_grad(), counter, recorder:
        ghost(image)

    counts = counter.get_flop_counts()
    names = {paths[module]: name for name, module in ghost.named_modules() if module in paths}
    flops = {
        path: sum(counts.get(f"{type(ghost).__name__}.{name}", {}).values()) for path, name in names.items()
    }
    modules = {path: module for module, path in _paths(model).items()}
    calls = {
        path: Call(path=path, module=modules[path], flops=flops[path], **met)
        for path, met in recorder.met.items()
    }
    return Trace(image=_shape(image), calls=calls)


def _paths(model: Any) -> dict[nn.Module, str]:
    """Each module in a stage by its path, which starts with the stage's name."""
    return {
        module: f"{name}.{inner}" if inner else name
        for name, stage in model.stages().items()
        for inner, module in stage.named_modules()
    }


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own gap
    """Notes the modules' shapes (by hooks) and the poolings between them (by dispatch)."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.met: dict[str, dict[str, Any]] = {}
        self._made_by: dict[int, tuple[str, str]] = {id(image): (IMAGE, "")}
        self._kept: list[Tensor] = []  # so that no other tensor gets the same id

    def enter(self, path: str, *, top: bool) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        """A hook for the moment before a module's ``forward``."""

        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self.met[path] = {"inputs": tuple(_shape(tensor) for tensor in inputs)}
            if top:
                origins = [self._made_by[id(tensor)] for tensor in inputs]
                self.met[path]["sources"], self.met[path]["via"] = zip(*origins, strict=True)

        return hook

    def leave(self, path: str, *, top: bool) -> Callable[[nn.Module, Any, Tensor], None]:
        """A hook for the moment after a module's ``forward``."""

        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            self.met[path]["output"] = _shape(output)
            if top:
                self._remember(output, path, "")

        return hook

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and note the poolings, which no module stands for."""
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__.startswith("max_pool2d") and id(args[0]) in self._made_by:
            kernel = "×".join(str(side) for side in args[1])
            self._remember(out[0], self._made_by[id(args[0])][0], f"max pooling {kernel}")
        return out

    def _remember(self, tensor: Tensor, source: str, via: str) -> None:
        self._kept.append(tensor)
        self._made_by[id(tensor)] = (source, via)


def _shape(tensor: Tensor) -> Shape:
    return tuple(tensor.shape[1:])
