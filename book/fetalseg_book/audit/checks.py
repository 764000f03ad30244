"""The general checks that a row of the claims can name: shapes, what an expression gives, and what is read.

A check is a public function, here or in ``parts``, ``training`` and ``runs``, that takes the evidence and
then the arguments of its row. It returns what it measured, which is compared with the stated value, or a
``Finding`` where it finds the verdict itself. Its first paragraph tells the reader how it is done.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fetalseg_book.audit.evidence import HARDWARE, Evidence, layers
from fetalseg_book.audit.parts import receptive_field, way_down
from fetalseg_book.audit.runs import by_note
from fetalseg_book.audit.stated import Finding, PendingError, Stated, Verdict, decided
from fetalseg_book.audit.training import NOTE, dice_share, learning_rates
from fetalseg_book.dilation import extent, reach
from fetalseg_book.studies.costs import model_size_mb
from fetalseg_book.trace import Shape, written
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.growth import HADLOCK_1984
from fetalseg_lib.models import list_variants
from fetalseg_lib.models.residual import ResidualBlockSE
from fetalseg_lib.models.variants import did_you_mean
from fetalseg_lib.training.losses import soft_dice

# What passes through the built network


def shape(evidence: Evidence, *, of: str = "", into: str = "") -> str:
    """Send a 256×256 image through the built network and read the shapes."""
    return written(_traced(evidence, of, into))


def channels(evidence: Evidence, *, of: str = "", into: str = "") -> int:
    """Send a 256×256 image through the built network and read the shapes."""
    return _traced(evidence, of, into)[0]


def _traced(evidence: Evidence, of: str, into: str) -> Shape:
    if bool(of) == bool(into):
        raise ValueError("expected one of 'of' (the map that comes out) and 'into' (the map that goes in)")
    if into == "network":
        return evidence.trace.image
    calls, name = evidence.trace.calls, "head" if of == "output" else of or into
    if name not in calls:
        raise ValueError(f"the network has no part {name!r}.{did_you_mean(name, calls)}")
    return calls[name].output if of else calls[name].inputs[0]


def state_after_a_step(evidence: Evidence, *, of: list[str]) -> str:
    """Which parameters and statistics a training step changes, compared bit by bit: all of them, or none."""
    prefixes = tuple(f"{part}." for part in of)
    flags = {flag for name, flag in evidence.changed_by_a_step.items() if name.startswith(prefixes)}
    if not flags:
        raise ValueError("that part has no parameters")
    return "trained in part" if len(flags) > 1 else "trained" if flags.pop() else "frozen"


# What an expression gives

TOOLS: tuple[Callable[..., Any], ...] = (
    *(torch.allclose, soft_dice, learning_rates, dice_share),
    *(layers, count_parameters, model_size_mb, ResidualBlockSE, itertools.pairwise),
    *(extent, reach, receptive_field, way_down, by_note),
)
WORDS: dict[str, Any] = {tool.__name__: tool for tool in TOOLS}
WORDS |= {"torch": torch, "F": F, "note": NOTE, "growth": HADLOCK_1984}
"""What an expression can speak of, besides the evidence."""


def compute(evidence: Evidence, *, result: str = "total") -> Any:
    """Count what the built networks have, and work it out.

    ``result`` is Python: a row is code of this package, as any line of it. It can speak of all that the
    evidence has (``total``), of the same of another variant (``unet.total``), and of :data:`WORDS`.
    """
    variants, there = {variant.name for variant in list_variants()}, set(dir(evidence))
    names = {node.id for node in ast.walk(ast.parse(result)) if isinstance(node, ast.Name)}
    known = {name: getattr(evidence, name) for name in names & there}
    known |= {name: evidence.built(name) for name in names & variants}
    try:
        found = eval(result, WORDS | known)
    except NameError as error:
        hint = did_you_mean(str(error.name), there | variants | WORDS.keys())
        raise ValueError(f"{error}.{hint}") from error
    if isinstance(found, (Tensor, np.generic)):
        return found.item()
    return tuple(found) if isinstance(found, list) else found


def compare(
    evidence: Evidence,
    *,
    measured: str,
    result: str = "False",
    value: Stated | None = None,
    otherwise: str = "contradicted",
    reason: str = "",
) -> Finding:
    """Measure, and compare.

    ``result`` is an expression: the stated value or, where the row has none, true. ``measured`` and
    ``reason`` tell what was found, as Python's f-strings do: ``{total / 1e6:.1f} M``. Where nothing holds,
    ``otherwise`` is the verdict.
    """
    found = compute(evidence, result=result)
    holds = value.agrees(found) if value else found
    told, why = (compute(evidence, result=f'f"""{text}"""') for text in (measured, reason))
    return Finding(verdict=Verdict.CONFIRMED if holds else Verdict(otherwise), measured=told, why=why)


def work_out(evidence: Evidence, *, result: str, value: Stated) -> Finding:
    """Work it out."""
    found = compute(evidence, result=result)
    if value.agrees(found):
        return decided(True, value.show(found))
    why = "The note's own numbers give another result."
    return Finding(verdict=Verdict.CONTRADICTS_ITSELF, measured=value.show(found), why=why)


# What cannot be decided, or not here


def not_testable(_: Evidence, *, why: str) -> Finding:
    """Nothing to compute."""
    return Finding(verdict=Verdict.NOT_TESTABLE, measured="", why=why)


def on_hardware(evidence: Evidence) -> Finding:
    """Time both networks in turns on one machine and read their ratio."""
    why = "The note's graphics card is not here, and the two networks are not timed here yet."
    times = evidence.read(HARDWARE, pending=why)
    ours, unet = (f"{times['latency'][name]['median_ms']:.0f} ms" for name in ("proposed", "unet"))
    return Finding(
        verdict=Verdict.DEPENDS_ON_HARDWARE,
        measured=f"{ours} against the U-Net's {unet}, ratio {times['proposed_to_unet']:.2f}",
        why=f"{times['processor']}, threads: {times['threads']}, one image at a time, eager PyTorch.",
    )


# What the bibliography says


def reference(_: Evidence, *, entry: str) -> str:
    """Read that entry of the book's bibliography, which was made from the publishers' records."""
    fields = _bibliography(entry)
    authors = ", ".join(name.split(",")[0] for name in fields["author"].split(" and "))
    venue = fields.get("howpublished") or fields["booktitle"].rpartition("(")[2].rstrip(")")
    return f"{authors} ({fields['year']}), {fields['title']}, {venue}"


def first_to_describe(_: Evidence, *, entries: list[str]) -> str:
    """The oldest of the sources that describe it, by the book's bibliography."""
    first = min(map(_bibliography, entries), key=lambda fields: int(fields["year"]))
    return f"{first['title']} ({first['year']})"


def _bibliography(entry: str) -> dict[str, str]:
    """The fields of one entry of ``references.bib``, without BibTeX's braces."""
    file = Path(__file__).parents[2] / "references.bib"
    if not file.is_file():
        raise PendingError("The book's bibliography is not here.")
    found = re.search(rf"@\w+{{{entry},\n(.*?)\n}}", file.read_text(encoding="utf-8"), re.S)
    if not found:
        raise ValueError(f"the bibliography has no {entry!r}")
    fields = re.findall(r"^\s*(\w+)\s*=\s*{(.*)},?$", found[1], re.M)
    return {name: text.replace("{", "").replace("}", "") for name, text in fields}
