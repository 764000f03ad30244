"""All claims in the note's order, and the table that checking them gives."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pandas as pd

from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.record import Claim, Verdict
from fetalseg_book.audit.sections import (
    advantages,
    aspp,
    atrous,
    attention,
    brief,
    brief_decoder,
    comparison,
    cost,
    decoder,
    encoder,
    freezing,
    loss,
    optimiser,
    output,
    residual,
    set_up,
    stem,
    transfer,
)
from fetalseg_book.audit.stated import disagree

COLUMNS = ("section", "quantity", "says", "how", "measured", "verdict", "why", "denied_by")


def all_claims() -> tuple[Claim, ...]:
    """Every claim, in the order of the note.

    >>> len(all_claims()) > 75
    True
    """
    return (
        *brief.claims(),
        *brief_decoder.claims(),
        *transfer.claims(),
        *stem.claims(),
        *encoder.claims(),
        *aspp.claims(),
        *atrous.claims(),
        *aspp.regularisation_claims(),
        *residual.claims(),
        *attention.claims(),
        *residual.block_claims(),
        *attention.skip_claims(),
        *decoder.claims(),
        *output.claims(),
        *decoder.integration_claims(),
        *loss.claims(),
        *optimiser.claims(),
        *set_up.claims(),
        *freezing.claims(),
        *cost.claims(),
        *comparison.claims(),
        *advantages.claims(),
    )


def audit(results: Path | str = "results") -> pd.DataFrame:
    """Check every claim; one row each, in the note's order.

    ``results`` holds the result files (``hc18/dataset.json``, ``published/hc18``, ``hardware/latency.json``);
    what needs one that is absent is pending. Columns: ``section``, ``quantity``, ``says``, ``how``,
    ``measured``, ``verdict``, ``why`` and ``denied_by``, the sections of the note that say otherwise.
    A claim that the measurement contradicts and that the note has right elsewhere contradicts itself.
    """
    evidence = Evidence(results)
    claims = all_claims()
    findings = {claim.key: claim.check(evidence) for claim in claims}
    deniers = _deniers(claims)
    rows = []
    for claim in claims:
        finding, others = findings[claim.key], deniers[claim.key]
        verdict = finding.verdict
        right_elsewhere = any(findings[other.key].verdict is Verdict.CONFIRMED for other in others)
        if verdict is Verdict.CONTRADICTED and right_elsewhere:
            verdict = Verdict.CONTRADICTS_ITSELF
        denied_by = ", ".join(dict.fromkeys(other.section for other in others))
        texts = (claim.section, claim.quantity, claim.says, claim.how, finding.measured)
        rows.append((*texts, verdict.value, finding.why, denied_by))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _deniers(claims: tuple[Claim, ...]) -> dict[str, list[Claim]]:
    """For each claim, the claims of the same quantity that state another value."""
    by_quantity = defaultdict(list)
    for claim in claims:
        if claim.value is not None:
            by_quantity[claim.quantity].append(claim)
    deniers: dict[str, list[Claim]] = defaultdict(list)
    for alike in by_quantity.values():
        for claim in alike:
            deniers[claim.key] = [other for other in alike if _deny(claim, other)]
    return deniers


def _deny(one: Claim, other: Claim) -> bool:
    return one.value is not None and other.value is not None and disagree(one.value, other.value)
