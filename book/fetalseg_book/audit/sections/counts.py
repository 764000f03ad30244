"""Claims of numbers that the note states again and again: parameters, shares of them, sizes, extents."""

from __future__ import annotations

import torch
from torch import nn

from fetalseg_book.audit.checks import measured
from fetalseg_book.audit.dilation import extent
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.record import Claim
from fetalseg_book.audit.stated import Exactly, Number
from fetalseg_lib.complexity import model_size_mb

ALL, TRAINABLE, FROZEN = "parameters", "trainable parameters", "frozen parameters"


def parameters(section: str, quantity: str, text: str, *, millions: bool = True) -> Claim:
    """A claim of all, trainable or frozen parameters: ``parameters("9.3", ALL, "3.4")``."""
    value = Number(text, 1e6, "M") if millions else Number(text)

    def measure(evidence: Evidence) -> int:
        total, trainable = evidence.parameters()
        return {ALL: total, TRAINABLE: trainable, FROZEN: total - trainable}[quantity]

    return measured(
        section,
        quantity,
        f"{text} M {quantity}" if millions else f"{text} {quantity}",
        value=value,
        how="count the parameters of the built network",
        measure=measure,
        why="" if quantity == FROZEN else _dilated_alone,
    )


def share(section: str, quantity: str, percent: str, says: str | None = None) -> Claim:
    """A claim of the ``TRAINABLE`` or ``FROZEN`` share of the parameters, in percent."""

    def measure(evidence: Evidence) -> float:
        total, trainable = evidence.parameters()
        return (trainable if quantity == TRAINABLE else total - trainable) / total

    return measured(
        section,
        f"share of {quantity}",
        says or f"{percent} % of the parameters are {quantity.removesuffix(' parameters')}",
        value=Number(percent, 0.01, "%"),
        how="count the parameters of the built network and divide",
        measure=measure,
    )


def float32_size(section: str, text: str) -> Claim:
    """A claim of the built network's size in float32."""
    return measured(
        section,
        "float32 size",
        f"{text} MB in float32",
        value=Number(text, 1e6, "MB"),
        how="the built network's parameters and buffers, four bytes each",
        measure=lambda evidence: 1e6 * model_size_mb(evidence.on_meta("proposed")),
    )


def float16_size(section: str, text: str) -> Claim:
    """A claim of the built network's size in float16."""
    return measured(
        section,
        "float16 size",
        f"{text} MB in float16",
        value=Number(text, 1e6, "MB"),
        how="the built network's parameters and buffers, two bytes each",
        measure=lambda evidence: 1e6 * model_size_mb(evidence.on_meta("proposed"), dtype=torch.float16),
    )


def field_of_rate(section: str, rate: int, side: int, says: str) -> Claim:
    """A claim of how far a dilated 3×3 kernel reaches."""
    return measured(
        section,
        f"receptive field at rate {rate}",
        says,
        value=Number(str(side)),
        how="the extent of the kernel's gradient on a map of ample size",
        measure=lambda _: extent(rate),
        why="True on a map that is large enough; the bottleneck's has 8 positions a side.",
    )


def frozen_encoder_saves_memory(section: str) -> Claim:
    """No gradients through the encoder, less memory: the note says so twice."""

    def ratio(evidence: Evidence) -> str:
        frozen, trained = evidence.training_mb("proposed"), evidence.training_mb("trainable_encoder")
        return f"{frozen / 1e3:.2f} GB of activations instead of {trained / 1e3:.2f} GB."

    return measured(
        section,
        "frozen encoder needs less memory",
        "less memory, for no encoder gradients are kept",
        value=Exactly(True),
        how="activations kept for a training step of 16 images, frozen against trainable encoder",
        measure=lambda evidence: evidence.training_mb("proposed") < evidence.training_mb("trainable_encoder"),
        why=ratio,
    )


def _dilated_alone(evidence: Evidence) -> str:
    dilated = evidence.on_meta("proposed").get_submodule("bottleneck.dilated")
    weights = sum(layer.weight.numel() for layer in dilated.modules() if isinstance(layer, nn.Conv2d))
    return f"The three dilated kernels alone have {weights:,}."
