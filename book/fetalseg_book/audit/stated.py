"""Values as the note states them, when a measured one agrees, and what a check found.

"~3.4 M" is right for anything that rounds to 3.4 M, and 3,403,809 for nothing else. So no tolerance has
to be chosen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from fetalseg_lib.models.variants import did_you_mean


class Verdict(StrEnum):
    """What a check found."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    CONTRADICTS_ITSELF = "contradicts itself"
    """Wrong here, while the note has it right elsewhere; or its own numbers exclude each other."""
    DEPENDS_ON_HARDWARE = "depends on hardware"
    """A time on a machine that is not here: the ratio of the two networks is measured instead."""
    NOT_TESTABLE = "not testable"
    NOT_AS_WRITTEN = "not tested as written"
    """It speaks of one recipe, and no study has trained by it to the letter yet."""
    PENDING = "pending"
    """The result file that would decide does not exist yet."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The outcome of one check: what was measured, in words or digits, and why the verdict follows."""

    verdict: Verdict
    measured: str
    why: str = ""


def decided(holds: bool | None, measured: str, why: str = "") -> Finding:
    """Confirmed or contradicted, or not testable where the data does not decide (``None``)."""
    verdict = {True: Verdict.CONFIRMED, False: Verdict.CONTRADICTED, None: Verdict.NOT_TESTABLE}[holds]
    return Finding(verdict=verdict, measured=measured, why=why)


class PendingError(Exception):
    """Raised by a check whose result file is absent, with the words why."""


@dataclass(frozen=True)
class Number:
    """A number as printed: ``Number("3.4", 1e6, "M")`` is "3.4 M".

    >>> Number("3.4", 1e6, "M").agrees(3_403_809), Number("3.4", 1e6, "M").agrees(3_460_000)
    (True, False)
    >>> Number("2.8", 1e9, "GFLOP").show(8_792_056_224)
    '8.79 GFLOP'
    """

    text: str
    scale: float = 1.0
    unit: str = ""

    @property
    def _digits(self) -> Decimal:
        return Decimal(self.text.replace(",", ""))

    @property
    def value(self) -> float:
        """In base units."""
        return float(self._digits) * self.scale

    def agrees(self, measured: float) -> bool:
        """Whether ``measured`` (base units) rounds to the printed digits."""
        exact = Decimal(repr(float(measured) / self.scale))
        return exact.quantize(self._digits, rounding=ROUND_HALF_UP) == self._digits

    def show(self, measured: float) -> str:
        """With one digit more than the statement has, whole numbers whole."""
        if self.scale == 1 and float(measured).is_integer():
            return f"{int(measured):,} {self.unit}".strip()
        sign = "+" if self.text[0] in "+-" else ""
        places = 1 - int(self._digits.as_tuple().exponent)
        return f"{measured / self.scale:{sign},.{places}f} {self.unit}".strip()


@dataclass(frozen=True)
class Between:
    """A range, both ends included, in base units.

    >>> Between(60, 80, "px").agrees(8), Between(60, 80, "px").show(8)
    (False, '8 px')
    """

    low: float
    high: float
    unit: str = ""

    @property
    def value(self) -> float:
        """The middle."""
        return (self.low + self.high) / 2

    def agrees(self, measured: float) -> bool:
        """Whether ``measured`` lies in the range."""
        return self.low <= measured <= self.high

    def show(self, measured: float) -> str:
        """Three digits, or more where the whole part has more."""
        return f"{measured:{',.0f' if measured >= 100 else '.3g'}} {self.unit}".strip()


@dataclass(frozen=True)
class Exactly:
    """Anything that is compared as it is: names, a map's rows×columns×channels, yes or no."""

    value: Any

    def agrees(self, measured: Any) -> bool:
        """Whether the two are equal."""
        return bool(measured == self.value)

    def show(self, measured: Any) -> str:
        """Yes or no for truth values, a list for several."""
        if isinstance(measured, bool):
            return "yes" if measured else "no"
        return ", ".join(map(self.show, measured)) if isinstance(measured, tuple) else str(measured)


Stated = Number | Between | Exactly
"""A stated value: it has a ``value``, ``agrees`` with a measured one, and can ``show`` it in its own unit."""

SCALES = {"%": 0.01, "K": 1e3, "M": 1e6, "MB": 1e6, "G": 1e9, "GFLOP": 1e9}
PLAIN = "ms px channels epochs frames halving of parameters pixels points resolutions SE skips stages times"
UNITS = (*SCALES, *PLAIN.split())
"""A unit is one of these words, or begins with it."""

_NUMBER = r"[+-]?\d[\d,]*(?:\.\d+)?"
_KINDS = re.compile(
    rf"(?P<map>\d+×\d+×\d+)"
    rf"|(?P<low>{_NUMBER}) to (?P<high>{_NUMBER})(?: (?P<per>\S.*))?"
    rf"|(?P<number>{_NUMBER})(?: (?P<unit>\S.*))?"
)


def parse(text: Any) -> Stated:
    """The value that a row states: a range, a number with its unit, or else exactly what stands there.

    >>> parse("15 to 20 ms"), parse("3.4 M")
    (Between(low=15.0, high=20.0, unit='ms'), Number(text='3.4', scale=1000000.0, unit='M'))
    >>> parse("8×8×96"), parse("frozen"), parse(["a", "b"])
    (Exactly(value='8×8×96'), Exactly(value='frozen'), Exactly(value=('a', 'b')))
    """
    if isinstance(text, (bool, list)):
        return Exactly(tuple(text) if isinstance(text, list) else text)
    found = _KINDS.fullmatch(str(text))
    if not found and str(text)[:1].isdigit():
        raise ValueError(f"value: expected a number, a range, or rows×columns×channels, got {text!r}")
    if not found or found["map"]:
        return Exactly(text)
    unit = found["per"] or found["unit"] or ""
    if unit and unit.split()[0] not in UNITS:
        raise ValueError(
            f"value: unknown unit {unit!r}.{did_you_mean(unit, UNITS)} Known: {', '.join(UNITS)}."
        )
    if found["number"]:
        return Number(found["number"], SCALES.get(unit, 1.0), unit)
    return Between(float(found["low"]), float(found["high"]), unit)


def disagree(one: Stated, other: Stated) -> bool:
    """Whether two statements cannot both be right.

    >>> disagree(Number("3.4", 1e6), Number("3,403,809")), disagree(Number("3.4", 1e6), Number("4.8", 1e6))
    (False, True)
    """
    return not (one.agrees(other.value) or other.agrees(one.value))
