"""Makers of claims that a result file decides: numbers of the dataset, published runs, measured times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fetalseg_book.audit.checks import verdict_of
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.record import Claim, Finding, Verdict
from fetalseg_book.audit.stated import Stated
from fetalseg_book.audit.studied import MIN_SEEDS, Studied


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
    by_note: bool = False,
) -> Claim:
    """A claim that training ``one`` gives more (or less) of ``column`` than training ``other``.

    With ``size`` also that it is so much: the interval must hold it. ``by_note`` asks the runs by the note's
    own schedule, and else those by the study's decide. What the others say stands in the remark.
    """
    sign = 1 if higher else -1

    def check(evidence: Evidence) -> Finding:
        studies = (evidence.published, evidence.note_schedule)
        asked, beside = reversed(studies) if by_note else studies
        mean, low, high = asked.difference(one, other, column)
        text = with_interval(mean, low, high)
        seeds = asked.seeds(one, other)
        why = f"{one} less {other}: mean and 95 % interval over {seeds} matched seeds, by {asked.recipe}."
        if size is not None and not low <= size <= high:
            verdict = Verdict.CONTRADICTED
        elif low <= 0 <= high:
            verdict, why = Verdict.NOT_TESTABLE, why + " The interval holds zero."
        else:
            verdict = verdict_of(sign * mean > 0)
        if (others := beside.seeds(one, other)) >= MIN_SEEDS:
            also = with_interval(*beside.difference(one, other, column))
            why += f" By {beside.recipe}, over {others}: {also}."
        return Finding(verdict=verdict, measured=text, why=why)

    def so_far(runs: Studied) -> str:
        pairs = runs.matched((one, other), column)
        return f"{(pairs[one] - pairs[other]).mean():+.4f}"

    runs = "runs by the note's own schedule" if by_note else "published runs"
    return from_study(
        section,
        quantity,
        says,
        variants=(one, other),
        study=(lambda evidence: evidence.note_schedule) if by_note else (lambda evidence: evidence.published),
        how=f"compare {column.replace('_', ' ')} of the {runs} of {one} and {other}, seed by seed",
        check=check,
        so_far=so_far,
    )


def with_interval(mean: float, low: float, high: float, *, digits: int = 4) -> str:
    """A difference as the table shows it.

    >>> with_interval(-0.0016, -0.0046, 0.0014)
    '-0.0016 [-0.0046, +0.0014]'
    """
    return f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


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
