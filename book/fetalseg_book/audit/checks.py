"""Makers of claims: a stated value against a measured one, a shape against the traced one, and the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.record import Claim, Finding, Verdict
from fetalseg_book.audit.stated import MapSize, Shape, Stated

Measure = Callable[[Evidence], Any]

PARTS = {
    "enc0": "init_conv",
    **{f"enc{k}": f"encoder.enc{k}" for k in range(1, 6)},
    "bottleneck": "bottleneck",
    **{f"dec{k}": f"dec{k}" for k in range(5, 0, -1)},
    "output": "head",
}
"""The note's names of the stages, and the modules that they are here."""


def measured(
    section: str,
    quantity: str,
    says: str,
    *,
    value: Stated,
    how: str,
    measure: Measure,
    why: str | Callable[[Evidence], str] = "",
) -> Claim:
    """A claim that gives a value: confirmed where the measured one agrees, contradicted otherwise.

    ``why`` is a remark, or what makes one from the evidence.
    """

    def check(evidence: Evidence) -> Finding:
        found = measure(evidence)
        verdict = Verdict.CONFIRMED if value.agrees(found) else Verdict.CONTRADICTED
        return Finding(
            verdict=verdict, measured=value.show(found), why=why(evidence) if callable(why) else why
        )

    return Claim(section=section, quantity=quantity, says=says, value=value, how=how, check=check)


def judged(
    section: str,
    quantity: str,
    says: str,
    *,
    how: str,
    check: Callable[[Evidence], Finding],
    value: Stated | None = None,
) -> Claim:
    """A claim whose check finds the verdict itself."""
    return Claim(section=section, quantity=quantity, says=says, value=value, how=how, check=check)


def verdict_of(holds: bool) -> Verdict:
    """Confirmed or contradicted."""
    return Verdict.CONFIRMED if holds else Verdict.CONTRADICTED


def stage_shape(section: str, stage: str, value: MapSize, says: str | None = None, *, why: str = "") -> Claim:
    """A claim of the shape that a stage gives for a 256×256 image."""
    named = {"output": "the output is", "bottleneck": "the bottleneck gives"}.get(stage, f"{stage} gives")
    return traced(
        section,
        f"shape of {stage}",
        says or f"{named} {value.show(value.value)}",
        value,
        lambda evidence: evidence.shapes.outputs[PARTS[stage]],
        why=why,
    )


def traced(
    section: str,
    quantity: str,
    says: str,
    value: Stated,
    shape: Callable[[Evidence], Any],
    *,
    why: str = "",
) -> Claim:
    """A claim of something that a trace of the built network shows."""
    how = "send a 256×256 image through the built network and read the shapes"
    return measured(section, quantity, says, value=value, how=how, measure=shape, why=why)


def goes_into(module: str) -> Callable[[Evidence], Shape]:
    """The first map that goes into a module."""
    return lambda evidence: evidence.shapes.inputs[module][0]


def comes_out_of(module: str) -> Callable[[Evidence], Shape]:
    """The map that a module gives."""
    return lambda evidence: evidence.shapes.outputs[module]


def channels_of(shape: Callable[[Evidence], Shape]) -> Callable[[Evidence], int]:
    """The channels of a shape."""
    return lambda evidence: shape(evidence)[0]


def arithmetic(section: str, quantity: str, says: str, *, value: Stated, how: str, result: float) -> Claim:
    """A claim that must follow from other numbers of the note: else the note contradicts itself."""

    def check(_: Evidence) -> Finding:
        if value.agrees(result):
            return Finding(verdict=Verdict.CONFIRMED, measured=value.show(result))
        return Finding(
            verdict=Verdict.CONTRADICTS_ITSELF,
            measured=value.show(result),
            why="The note's own numbers give another result.",
        )

    return Claim(section=section, quantity=quantity, says=says, value=value, how=how, check=check)


def not_testable(section: str, quantity: str, says: str, *, why: str) -> Claim:
    """A claim that neither the network nor the data at hand can decide."""
    finding = Finding(verdict=Verdict.NOT_TESTABLE, measured="", why=why)
    return Claim(
        section=section, quantity=quantity, says=says, how="nothing to compute", check=lambda _: finding
    )
