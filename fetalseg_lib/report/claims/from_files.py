"""Makers of claims that a result file decides: numbers of the dataset, published runs, measured times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fetalseg_lib.report.claims.checks import verdict_of
from fetalseg_lib.report.claims.evidence import Evidence
from fetalseg_lib.report.claims.record import Claim, Finding, Verdict
from fetalseg_lib.report.claims.stated import Stated
from fetalseg_lib.report.claims.studied import MIN_SEEDS, Studied


def from_dataset(
    section: str,
    quantity: str,
    says: str,
    *,
    how: str,
    check: Callable[[Any], Finding],
    value: Stated | None = None,
) -> Claim:
    """A claim about HC18's images, decided by the committed numbers of the dataset."""

    def look_up(evidence: Evidence) -> Finding:
        if evidence.dataset is None:
            return Finding(
                verdict=Verdict.PENDING, measured="", why="The dataset's numbers are not there yet."
            )
        return check(evidence.dataset)

    return Claim(section=section, quantity=quantity, says=says, value=value, how=how, check=look_up)


def from_study(
    section: str,
    quantity: str,
    says: str,
    *,
    variants: tuple[str, ...],
    how: str,
    check: Callable[[Evidence], Finding],
    value: Stated | None = None,
    study: Callable[[Evidence], Studied] = lambda evidence: evidence.published,
    so_far: Callable[[Studied], str] = lambda _: "",
) -> Claim:
    """A claim about training, decided by the runs of ``variants`` in ``study`` once there are enough seeds.

    Until then ``so_far`` says what the seeds that there are show.
    """

    def look_up(evidence: Evidence) -> Finding:
        runs = study(evidence)
        seeds = runs.seeds(*variants)
        if seeds < MIN_SEEDS:
            why = f"Seeds of {' and '.join(variants)} needed: {MIN_SEEDS}. There so far: {seeds}."
            return Finding(
                verdict=Verdict.PENDING, measured=f"{so_far(runs)} so far" if seeds else "", why=why
            )
        return check(evidence)

    return Claim(section=section, quantity=quantity, says=says, value=value, how=how, check=look_up)


def better(
    section: str,
    quantity: str,
    says: str,
    *,
    one: str,
    other: str,
    column: str = "dice",
    higher: bool = True,
    size: float | None = None,
) -> Claim:
    """A claim that training ``one`` gives more (or less) of ``column`` than training ``other``.

    With ``size`` also that it is so much: the interval must hold it.
    """
    sign = 1 if higher else -1

    def check(evidence: Evidence) -> Finding:
        mean, low, high = evidence.published.difference(one, other, column)
        seeds = evidence.published.seeds(one, other)
        text = f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"
        why = f"{one} less {other}: mean and 95 % interval over {seeds} matched seeds, at the study's size."
        if size is not None and not low <= size <= high:
            return Finding(verdict=Verdict.CONTRADICTED, measured=text, why=why)
        if low <= 0 <= high:
            return Finding(verdict=Verdict.NOT_TESTABLE, measured=text, why=why + " The interval holds zero.")
        return Finding(verdict=verdict_of(sign * mean > 0), measured=text, why=why)

    def so_far(runs: Studied) -> str:
        pairs = runs.matched((one, other), column)
        return f"{(pairs[one] - pairs[other]).mean():+.4f}"

    how = f"compare {column.replace('_', ' ')} of the published runs of {one} and {other}, seed by seed"
    return from_study(section, quantity, says, variants=(one, other), how=how, check=check, so_far=so_far)


def on_hardware(section: str, quantity: str, says: str, *, value: Stated | None = None) -> Claim:
    """A time on the note's graphics card: here only the ratio of the two networks, measured side by side."""

    def check(evidence: Evidence) -> Finding:
        if evidence.hardware is None:
            why = "The note's graphics card is not here, and the two networks are not timed here yet."
            return Finding(verdict=Verdict.PENDING, measured="", why=why)
        median = {name: times["median_ms"] for name, times in evidence.hardware["latency"].items()}
        text = (
            f"{median['proposed']:.0f} ms against the U-Net's {median['unet']:.0f} ms, "
            f"ratio {evidence.hardware['proposed_to_unet']:.2f}"
        )
        threads = evidence.hardware["threads"]
        why = f"{evidence.hardware['processor']}, threads: {threads}, one image at a time, eager PyTorch."
        return Finding(verdict=Verdict.DEPENDS_ON_HARDWARE, measured=text, why=why)

    how = "time both networks in turns on one machine and read their ratio"
    return Claim(section=section, quantity=quantity, says=says, value=value, how=how, check=check)
