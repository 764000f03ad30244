"""The general checks that a row of the claims can name: shapes, layers, counts, sizes, sums.

A check is a public function, here or in ``files``, ``parts`` and ``training``, that takes the evidence and
then the arguments of its row. It returns what it measured, which is compared with the stated value, or a
``Finding`` where it finds the verdict itself. Its first paragraph tells the reader how it is done.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import pandas as pd
import torch
from torch import nn

from fetalseg_book.audit.claim import Finding, Remarked, Verdict
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.stated import Shape, Stated
from fetalseg_book.studies.costs import model_size_mb
from fetalseg_lib.models.variants import did_you_mean

# What passes through the built network


def shape(evidence: Evidence, *, of: str = "", into: str = "") -> Shape:
    """Send a 256×256 image through the built network and read the shapes."""
    if bool(of) == bool(into):
        raise ValueError("expected one of 'of' (the map that comes out) and 'into' (the map that goes in)")
    if into == "network":
        return evidence.trace.image
    calls, name = evidence.trace.calls, "head" if of == "output" else of or into
    if name not in calls:
        raise ValueError(f"the network has no part {name!r}.{did_you_mean(name, calls)}")
    return calls[name].output if of else calls[name].inputs[0]


def channels(evidence: Evidence, *, of: str = "", into: str = "") -> int:
    """Send a 256×256 image through the built network and read the shapes."""
    return shape(evidence, of=of, into=into)[0]


def side(evidence: Evidence, *, of: str) -> int:
    """The side of that map in the trace."""
    return shape(evidence, of=of)[1]


def different_sizes(evidence: Evidence, *, of: list[str]) -> int:
    """Count the different sizes of those stages in the trace."""
    return len({shape(evidence, of=stage)[1] for stage in of})


def channels_never_fall(evidence: Evidence, *, of: list[str]) -> bool:
    """Compare the traced channels of those stages, one by one."""
    widths = [channels(evidence, of=stage) for stage in of]
    return widths == sorted(widths)


# What the built network is made of


def read(evidence: Evidence, *, at: str | list[str], network: str = "proposed") -> Any:
    """Read the built layer."""
    model = _network(evidence, network)
    return _look_up(model, at) if isinstance(at, str) else tuple(_look_up(model, path) for path in at)


def kinds_of(evidence: Evidence, *, of: list[str], network: str = "proposed") -> tuple[str, ...]:
    """Read the layers' classes."""
    model = _network(evidence, network)
    return tuple(dict.fromkeys(type(model.get_submodule(path)).__name__ for path in of))


def layers_in(evidence: Evidence, *, of: str, named: str = "") -> tuple[str, ...]:
    """Read the built layers, one by one; with a name, those at any depth whose class has it."""
    part = evidence.network.get_submodule(of)
    names = [
        f"Dropout(p={layer.p})" if isinstance(layer, nn.Dropout) else type(layer).__name__
        for layer in (part.modules() if named else part.children())
    ]
    return tuple(name for name in names if named in name)


def number_of(evidence: Evidence, *, kind: str, network: str = "proposed") -> int:
    """Count the layers of that kind in the built network."""
    kinds = [{base.__name__ for base in type(layer).__mro__} for layer in evidence.model(network).modules()]
    return sum(kind in names for names in kinds)


def state(evidence: Evidence, *, of: str) -> str:
    """Ask the built layer whether its weights are trained."""
    return _trained_or_frozen(
        weight.requires_grad for weight in evidence.network.get_submodule(of).parameters()
    )


def state_after_a_step(evidence: Evidence, *, of: list[str]) -> str:
    """Which parameters a training step changes: all of them, or none."""
    changed = evidence.changed_by_a_step
    names = [name for name, _ in evidence.network.named_parameters() if name.split(".")[0] in of]
    return _trained_or_frozen(changed[name] for name in names)


def _network(evidence: Evidence, name: str) -> Any:
    return evidence.features if name == "torchvision" else evidence.model(name)


def _look_up(layer: Any, path: str) -> Any:
    for name in path.split("."):
        layer = layer[int(name)] if isinstance(layer, tuple) else getattr(layer, name)
    return layer


def _trained_or_frozen(flags: Iterable[bool]) -> str:
    found = set(flags)
    if not found:
        raise ValueError("that part has no parameters")
    return "trained in part" if len(found) > 1 else "trained" if found.pop() else "frozen"


# Parameters, sizes, operations, memory

Count = Literal["all", "trainable", "frozen"]


def parameters(evidence: Evidence, *, of: Count = "all", network: str = "proposed") -> int | Remarked:
    """Count the parameters of the built network."""
    count = _count(evidence, of, network)
    if of == "frozen" or network != "proposed":
        return count
    dilated = evidence.on_meta(network).get_submodule("bottleneck.dilated")
    weights = sum(layer.weight.numel() for layer in dilated.modules() if isinstance(layer, nn.Conv2d))
    return Remarked(count, f"The three dilated kernels alone have {weights:,}.")


def share(evidence: Evidence, *, of: Count) -> float:
    """Count the parameters of the built network and divide."""
    return _count(evidence, of) / _count(evidence)


def change(evidence: Evidence, *, of: Count, against: str) -> float:
    """Count both built networks and divide."""
    return _count(evidence, of) / _count(evidence, of, against) - 1


def reduction(evidence: Evidence, *, of: Count, against: str) -> float:
    """Count both built networks and divide."""
    return 1 - _count(evidence, of) / _count(evidence, of, against)


def size(evidence: Evidence, *, network: str = "proposed", bits: Literal[16, 32] = 32) -> float:
    """The built network's parameters and buffers, four bytes each."""
    dtype = torch.float16 if bits == 16 else torch.float32
    return 1e6 * model_size_mb(evidence.on_meta(network), dtype=dtype)


def operations(evidence: Evidence) -> int:
    """Count every layer's multiplications and additions, as torch's own counter does."""
    return int(evidence.flops()["flops"].sum())


def multiply_adds(evidence: Evidence) -> float:
    """Half of the operations."""
    return operations(evidence) / 2


def memory(evidence: Evidence, *, during: Literal["training", "inference"]) -> float:
    """The activations alone that 16 images of 256×256 need in {during}, in float32."""
    measure = evidence.training_mb if during == "training" else evidence.inference_mb
    return 1e6 * measure("proposed")


def memory_is_less_when_frozen(evidence: Evidence) -> Remarked:
    """Activations kept for a training step of 16 images, frozen against trainable encoder."""
    frozen, trained = evidence.training_mb("proposed"), evidence.training_mb("trainable_encoder")
    why = f"{frozen / 1e3:.2f} GB of activations instead of {trained / 1e3:.2f} GB."
    return Remarked(frozen < trained, why)


def memory_limits_the_batch(evidence: Evidence) -> Finding:
    """Activations that a training step of 16 images keeps, counted tensor by tensor."""
    text = f"{evidence.training_mb('proposed') / 1e3:.1f} GB of activations"
    return Finding(verdict=Verdict.DEPENDS_ON_HARDWARE, measured=text)


def _count(evidence: Evidence, of: Count = "all", network: str = "proposed") -> int:
    total, trainable = evidence.parameters(network)
    return {"all": total, "trainable": trainable, "frozen": total - trainable}[of]


# What needs no network, or cannot be decided


def work_out(_: Evidence, *, result: str, value: Stated) -> Finding:
    """Work it out."""
    found = pd.eval(result, engine="python")
    if value.agrees(found):
        return Finding(verdict=Verdict.CONFIRMED, measured=value.show(found))
    why = "The note's own numbers give another result."
    return Finding(verdict=Verdict.CONTRADICTS_ITSELF, measured=value.show(found), why=why)


def not_testable(_: Evidence, *, why: str) -> Finding:
    """Nothing to compute."""
    return Finding(verdict=Verdict.NOT_TESTABLE, measured="", why=why)
