"""Sections 9.1 and 9.2 of the note: parameters, sizes, operations, memory and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fetalseg_book.audit.checks import arithmetic, measured
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import on_hardware
from fetalseg_book.audit.record import Claim
from fetalseg_book.audit.sections import counts
from fetalseg_book.audit.sections.counts import ALL, FROZEN, TRAINABLE
from fetalseg_book.audit.stated import Between, Number

COUNT, OPERATIONS = "9.1", "9.2"


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield from _parameters()
    yield from _sizes()
    yield from _operations()
    yield from _memory()
    yield from _time()


def _parameters() -> Iterator[Claim]:
    yield counts.parameters(COUNT, ALL, "3,403,809", millions=False)
    yield counts.parameters(COUNT, TRAINABLE, "1,192,737", millions=False)
    yield counts.share(COUNT, TRAINABLE, "35.0")
    yield counts.parameters(COUNT, FROZEN, "2,211,072", millions=False)
    yield counts.share(COUNT, FROZEN, "65.0")
    yield arithmetic(
        COUNT,
        "sum of trainable and frozen",
        "1,192,737 + 2,211,072 = 3,403,809",
        value=Number("3,403,809"),
        how="add",
        result=1_192_737 + 2_211_072,
    )


def _sizes() -> Iterator[Claim]:
    yield counts.float32_size(COUNT, "13.0")
    yield counts.float16_size(COUNT, "3.5")
    yield arithmetic(
        COUNT,
        "float16 is half of float32",
        "13.0 MB in float32 and 3.5 MB in float16",
        value=Number("3.5", unit="MB"),
        how="two bytes a number instead of four: half of 13.0",
        result=13.0 / 2,
    )


def _operations() -> Iterator[Claim]:
    yield measured(
        OPERATIONS,
        "operations",
        "2.8 GFLOPs at 256×256",
        value=Number("2.8", 1e9, "GFLOP"),
        how="count every layer's multiplications and additions, as torch's own counter does",
        measure=lambda evidence: int(evidence.flops()["flops"].sum()),
    )
    yield measured(
        OPERATIONS,
        "multiply-adds",
        "2.8 G, had multiply-adds been meant",
        value=Number("2.8", 1e9, "G"),
        how="half of the operations",
        measure=lambda evidence: int(evidence.flops()["flops"].sum()) / 2,
    )


def _memory() -> Iterator[Claim]:
    yield _memory_at_16("training", lambda evidence: evidence.training_mb("proposed"))
    yield _memory_at_16("inference", lambda evidence: evidence.inference_mb("proposed"))


def _memory_at_16(meaning: str, megabytes: Callable[[Evidence], float]) -> Claim:
    return measured(
        OPERATIONS,
        f"{meaning} memory at batch 16",
        f"450 MB at batch 16, if {meaning} is meant",
        value=Number("450", 1e6, "MB"),
        how=f"the activations alone that 16 images of 256×256 need in {meaning}, in float32",
        measure=lambda evidence: 1e6 * megabytes(evidence),
        why="Weights, gradients and the optimiser's state come on top.",
    )


def _time() -> Iterator[Claim]:
    yield on_hardware(
        OPERATIONS, "inference time", "15 to 20 ms an image on a V100", value=Between(15, 20, "ms")
    )
    yield arithmetic(
        OPERATIONS,
        "frames per second",
        "15 to 20 ms is 50 to 60 frames per second",
        value=Between(50, 60, "frames per second at 15 ms"),
        how="divide: 1000/20 and 1000/15",
        result=1000 / 15,
    )
