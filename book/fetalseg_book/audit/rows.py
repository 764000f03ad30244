"""The claims of the note, read from the rows of ``claims/``: each gets its check, or an error names the row.

A row has ``quantity``, ``says`` (the note's words in short), ``check`` and the arguments of that check; where
there is one the stated ``value``, and a remark ``why``. ``how`` is what the check says of itself, unless the
row has better words.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from fetalseg_book.audit import checks, parts, runs, training
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.stated import Finding, PendingError, Stated, Verdict, decided, disagree, parse
from fetalseg_lib.models.variants import did_you_mean

FOLDER = Path(__file__).with_name("claims")
CHECKS: dict[str, Callable[..., Any]] = {
    name: function
    for module in (checks, parts, training, runs)
    for name, function in vars(module).items()
    if inspect.isfunction(function) and function.__module__ == module.__name__ and name[0] != "_"
    if str(next(iter(function.__annotations__.values()), "")).startswith("Evidence")
}
"""Every check by its name."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One checkable statement of the note's ``section``, with ``how`` it is checked in words.

    ``where`` is its row, ``value`` the stated value where there is one, and ``measure`` gives what the check
    found: something to compare with the value, or a finding.
    """

    where: str
    section: str
    quantity: str
    says: str
    how: str
    why: str
    value: Stated | None
    measure: Callable[[Evidence], Any]

    @property
    def key(self) -> str:
        """Section and quantity, which no two claims share."""
        return f"{self.section} | {self.quantity}"

    def denies(self, other: Claim) -> bool:
        """Whether both state a value of one quantity and the values disagree."""
        if self.quantity != other.quantity or self.value is None or other.value is None:
            return False
        return disagree(self.value, other.value)

    def check(self, evidence: Evidence) -> Finding:
        """Measure, and compare with the stated value."""
        try:
            found = self.measure(evidence)
            if not isinstance(found, Finding):
                assert self.value is not None  # asked for when the row was read
                found = decided(self.value.agrees(found), self.value.show(found))
        except PendingError as absent:
            return Finding(verdict=Verdict.PENDING, measured="", why=str(absent))
        except Exception as error:  # a row's Python can raise anything
            raise ValueError(f"{self.where}: {error}") from error
        return replace(found, why=self.why or found.why)


@cache
def all_claims(folder: Path = FOLDER) -> tuple[Claim, ...]:
    """Every claim, in the order of the note. A row is code: read no folder that you would not run.

    >>> len(all_claims()) > 75
    True
    """
    claims: dict[str, Claim] = {}
    for path in sorted(folder.glob("*.yaml")):
        for section, rows in _sections(path).items():
            for number, row in enumerate(rows, start=1):
                where = f"{path.name}, section {section}, row {number}"
                where += f" ({row.get('quantity')})" if isinstance(row, dict) else ""
                try:
                    claim = _claim(row, where=where, section=str(section))
                except (TypeError, ValueError) as error:
                    raise ValueError(f"{where}: {error}") from error
                if claim.key in claims:
                    raise ValueError(f"{where}: quantity: a row of section {section} has it already")
                claims[claim.key] = claim
    return tuple(claims.values())


def _sections(path: Path) -> dict[str, list[Any]]:
    try:
        sections = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: {error}") from error
    if not isinstance(sections, dict) or not all(isinstance(rows, list) for rows in sections.values()):
        raise ValueError(f"{path.name}: expected sections, each with a list of rows")
    return sections


def _claim(row: Any, *, where: str, section: str) -> Claim:
    if not isinstance(row, dict):
        raise ValueError(f"expected 'quantity', 'says', 'check' and so on, got {row!r}")
    words: dict[str, Any] = {name: row.get(name) for name in ("quantity", "says", "check")}
    words |= {name: row.get(name, "") for name in ("how", "why")}
    for column, told in words.items():
        if not isinstance(told, str):
            raise ValueError(f"{column}: expected words, got {told!r}")
    name, value = words.pop("check"), parse(row["value"]) if "value" in row else None
    if name not in CHECKS:
        raise ValueError(f"check: there is no {name!r}.{did_you_mean(name, CHECKS)}")
    check = CHECKS[name]
    if value is None and check.__annotations__["return"] != "Finding":
        raise ValueError(f"value: is missing, and {name} needs it")
    taken = {column: row[column] for column in row if column not in ("value", "check", *words)}
    told = {"value": value, "why": words["why"] or None}
    taken |= {column: told[column] for column in check.__annotations__ if told.get(column) is not None}
    _refuse_misfits(check, taken)
    words["how"] = words["how"] or _how(check, taken)
    return Claim(where=where, section=section, value=value, measure=partial(check, **taken), **words)


def _refuse_misfits(check: Callable[..., Any], taken: Mapping[str, Any]) -> None:
    try:
        inspect.signature(check).bind(None, **taken)
    except TypeError as error:
        raise ValueError(f"{check.__name__}: {error}") from error
    hints = get_type_hints(check)
    for name, argument in taken.items():
        if not _fits(argument, hints[name]):
            expected = check.__annotations__[name]
            raise ValueError(f"{check.__name__}: {name}: expected {expected}, got {argument!r}")


def _fits(argument: Any, hint: Any) -> bool:
    if isinstance(hint, UnionType):
        return any(_fits(argument, one) for one in get_args(hint))
    if get_origin(hint) is list:
        return isinstance(argument, list) and all(_fits(item, get_args(hint)[0]) for item in argument)
    return type(argument) is hint or (hint is float and type(argument) is int)


def _how(check: Callable[..., Any], arguments: Mapping[str, Any]) -> str:
    words = " ".join((inspect.getdoc(check) or "").split("\n\n")[0].split())
    words = words.removesuffix(".").format(**arguments)
    return words[0].lower() + words[1:] if words[1:2].islower() or words[1:2] == " " else words


class _Loader(yaml.SafeLoader):
    """Refuses a name that stands twice: YAML would take the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise yaml.YAMLError(f"{twice!r} stands twice, in what begins in line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep=deep)
