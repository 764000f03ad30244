"""A claim of the architecture note, and what became of it when it was checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.stated import Stated


class Verdict(StrEnum):
    """What a check found."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    CONTRADICTS_ITSELF = "contradicts itself"
    """Wrong here, while the note has it right elsewhere; or its own numbers exclude each other."""
    DEPENDS_ON_HARDWARE = "depends on hardware"
    """A time on a machine that is not here: the ratio of the two networks is measured instead."""
    NOT_TESTABLE = "not testable"
    PENDING = "pending"
    """The result file that would decide does not exist yet."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The outcome of one check: what was measured, in words or digits, and why the verdict follows."""

    verdict: Verdict
    measured: str
    why: str = ""


class Remarked(NamedTuple):
    """A measured value with a remark that the check itself makes."""

    value: Any
    why: str


class PendingError(Exception):
    """Raised by a check whose result file is absent: why, and what is known so far."""

    def __init__(self, why: str, measured: str = "") -> None:
        super().__init__(why)
        self.measured = measured


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One checkable statement.

    ``section`` is where it stands in the note, ``quantity`` what it speaks of, ``says`` the statement in
    short, ``how`` the check in words and ``check`` the check itself. ``value`` is the stated value where
    there is one: two claims of one quantity whose values disagree are the note contradicting itself.
    """

    section: str
    quantity: str
    says: str
    how: str
    check: Callable[[Evidence], Finding]
    value: Stated | None = None

    @property
    def key(self) -> str:
        """Section and quantity, which no two claims share."""
        return f"{self.section} | {self.quantity}"


def verdict_of(holds: bool) -> Verdict:
    """Confirmed or contradicted."""
    return Verdict.CONFIRMED if holds else Verdict.CONTRADICTED
