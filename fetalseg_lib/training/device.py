"""Where a training computes, in which precision, and how it is made repeatable."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .config import DEVICES, PRECISIONS


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; ``"auto"`` takes CUDA, else Apple's MPS, else the CPU.

    Raises ``ValueError`` for an unknown name or a device that this machine does not have.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    if name not in DEVICES:
        raise ValueError(f"device: expected one of {', '.join(DEVICES)}; got {name!r}")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, found in there.items() if found))
    if not there[name]:
        raise ValueError(f"device: torch finds no {name!r} on this machine; use 'auto' or 'cpu'")
    return torch.device(name)


def pick_precision(name: str, device: torch.device) -> str:
    """``"float32"`` or ``"bfloat16"``; ``"auto"`` takes bfloat16 where the hardware computes in it.

    Raises ``ValueError`` for an unknown name, and for bfloat16 where it would only be emulated: on a CPU with
    AVX2 alone that is about ten times slower than float32.

    >>> pick_precision("float32", torch.device("cpu"))
    'float32'
    """
    if name not in PRECISIONS:
        raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}; got {name!r}")
    if name == "auto":
        return "bfloat16" if has_bfloat16(device) else "float32"
    if name == "bfloat16" and not has_bfloat16(device):
        raise ValueError(
            f"precision: this machine's {device.type} does not compute in bfloat16; use 'auto' or 'float32'"
        )
    return name


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware itself multiplies in bfloat16 (on a CPU: AMX or AVX512-BF16)."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and _cpu_has_bfloat16()


def _cpu_has_bfloat16() -> bool:
    """Ask torch; versions differ in what they tell, and one that tells nothing means no."""
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is not None:
        found = capabilities()
        return bool(found.get("amx_bf16", False) or found.get("avx512_bf16", False))
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)  # bool() is False


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """The context in which a forward pass runs: bfloat16 autocast, or float32 with all its digits.

    CUDA's convolutions would else round float32 to the ten bits of TF32, where a device has that.

    >>> with autocast(torch.device("cpu"), "float32"):
    ...     (torch.ones(1, 2) @ torch.ones(2, 1)).dtype
    torch.float32
    """
    if precision == "float32":
        return _without_tf32() if device.type == "cuda" else contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


@contextlib.contextmanager
def _without_tf32() -> Iterator[None]:
    backends: tuple[Any, ...] = (torch.backends.cudnn, torch.backends.cuda.matmul)
    allowed = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = False
        yield
    finally:
        for backend, before in zip(backends, allowed, strict=True):
            backend.allow_tf32 = before


def seed_everything(seed: int, *, epoch: int = 0) -> None:
    """Seed Python's, NumPy's and torch's global generators (all devices) from the seed and the epoch.

    An epoch then depends on these two numbers alone, and a resumed training needs no generator's state.
    Epoch 0 is what comes before the first: the weights' initialisation.

    >>> seed_everything(1, epoch=2); first = torch.rand(1)
    >>> seed_everything(1, epoch=2); bool(torch.rand(1) == first)
    True
    """
    mixed = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    random.seed(mixed)
    np.random.seed(mixed)  # noqa: NPY002 - other libraries draw from the global generator
    torch.manual_seed(mixed)


@contextlib.contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """On a CPU, allow only algorithms that repeat to the last bit; afterwards all is as before.

    Elsewhere nothing changes: CUDA has no deterministic gradient for bilinear upsampling. Torch would also
    fill all memory that it allocates with NaN, against operations that read what nobody wrote. None here
    does (a test holds them to it), and the filling costs time, so it is left out.
    """
    mode = torch.get_deterministic_debug_mode()
    filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if device.type == "cpu":
        torch.set_deterministic_debug_mode("error")  # unlike use_deterministic_algorithms, loads no compiler
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(mode)
        torch.utils.deterministic.fill_uninitialized_memory = filling  # type: ignore[attr-defined]
