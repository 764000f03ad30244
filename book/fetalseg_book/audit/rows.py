"""The claims of the note, read from the rows of ``claims/``: each gets its check, or an error names the row.

A row has ``quantity``, ``says`` (the note's words in short), ``check`` and the arguments of that check; where
there is one the stated ``value``, and a remark ``why``. ``how`` is what the check says of itself, unless the
row has better words.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from fetalseg_book.audit import checks, parts, runs, training
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.stated import Finding, PendingError, Stated, Verdict, decided, parse
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
COLUMNS = ("quantity", "says", "check", "value", "how", "why")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One checkable statement of the note's ``section``, with ``how`` it is checked in words.

    ``value`` is the stated value where there is one: two claims of one quantity whose values disagree are the
    note contradicting itself.
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


@cache
def all_claims(folder: Path = FOLDER) -> tuple[Claim, ...]:
    """Every claim, in the order of the note.

    >>> len(all_claims()) > 75
    True
    """
    claims: dict[str, Claim] = {}
    for path in sorted(folder.glob("*.yaml")):
        for where, section, row in _rows(path):
            claim = _claim(where, section, row)
            if claim.key in claims:
                raise ValueError(f"{where}: quantity: a row of section {section} has it already")
            claims[claim.key] = claim
    return tuple(claims.values())


def _rows(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    try:
        sections = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: {error}") from error
    if not isinstance(sections, dict) or not all(isinstance(rows, list) for rows in sections.values()):
        raise ValueError(f"{path.name}: expected sections, each with a list of rows")
    for section, rows in sections.items():
        for number, row in enumerate(rows, start=1):
            where = f"{path.name}, section {section}, row {number}"
            if not isinstance(row, dict):
                raise ValueError(f"{where}: expected 'quantity', 'says', 'check' and so on, got {row!r}")
            yield f"{where} ({row.get('quantity')})", str(section), row


def _claim(where: str, section: str, row: dict[str, Any]) -> Claim:
    for column in ("quantity", "says", "check", "how", "why"):
        told = row.get(column, "" if column in COLUMNS[:3] else "-")
        if not (isinstance(told, str) and told):
            raise ValueError(f"{where}: {column}: expected words, got {row.get(column)!r}")
    if row["check"] not in CHECKS:
        raise ValueError(f"{where}: check: there is no {row['check']!r}.{did_you_mean(row['check'], CHECKS)}")
    check = CHECKS[row["check"]]
    try:
        value = parse(row["value"]) if "value" in row else None
    except ValueError as error:
        raise ValueError(f"{where}: value: {error}") from error
    arguments = _arguments(f"{where}: {row['check']}", check, row)
    hints = get_type_hints(check)
    for name, told in {"value": value, "why": row.get("why")}.items():
        if told is None and (name in hints or (name == "value" and hints["return"] is not Finding)):
            raise ValueError(f"{where}: {name}: is missing, and {row['check']} needs it")
        arguments |= {name: told} if name in hints else {}
    return Claim(
        section=section,
        quantity=row["quantity"],
        says=row["says"],
        how=row.get("how") or _how(check, arguments),
        check=_run(where, check, arguments, value, row.get("why", "")),
        value=value,
    )


def _arguments(where: str, check: Callable[..., Any], row: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: argument for name, argument in row.items() if name not in COLUMNS}
    told = {name: None for name in check.__annotations__ if name in ("value", "why")}
    try:
        bound = inspect.signature(check).bind(None, **given, **told)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from error
    for name, hint in get_type_hints(check).items():
        if name in given and not _fits(given[name], hint):
            options = ", ".join(map(str, get_args(hint))) if get_origin(hint) is Literal else ""
            expected = f"one of {options}" if options else check.__annotations__[name]
            raise ValueError(f"{where}: {name}: expected {expected}, got {given[name]!r}")
    bound.apply_defaults()
    return bound.kwargs


def _fits(argument: Any, hint: Any) -> bool:
    kind, inner = get_origin(hint), get_args(hint)
    if kind is Literal:
        return argument in inner
    if kind is UnionType:
        return any(_fits(argument, one) for one in inner)
    if kind is list:
        return isinstance(argument, list) and all(_fits(item, inner[0]) for item in argument)
    return type(argument) is hint or (hint is float and type(argument) is int)


def _how(check: Callable[..., Any], arguments: Mapping[str, Any]) -> str:
    words = " ".join((inspect.getdoc(check) or "").split("\n\n")[0].split())
    words = words.removesuffix(".").format(**arguments)
    return words[0].lower() + words[1:] if words[1:2].islower() or words[1:2] == " " else words


def _run(
    where: str, check: Callable[..., Any], arguments: dict[str, Any], value: Stated | None, why: str
) -> Callable[[Evidence], Finding]:
    def run(evidence: Evidence) -> Finding:
        try:
            found = check(evidence, **arguments)
            if isinstance(found, Finding):
                return replace(found, why=why or found.why)
            assert value is not None  # asked for when the row was read
            return decided(value.agrees(found), value.show(found), why)
        except PendingError as absent:
            return Finding(verdict=Verdict.PENDING, measured="", why=str(absent))
        except (LookupError, NameError, AttributeError, SyntaxError, TypeError, ValueError) as error:
            raise ValueError(f"{where}: {error}") from error

    return run


class _Loader(yaml.SafeLoader):
    """Refuses a name that stands twice: YAML would take the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [self.construct_object(key) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                problem = f"{name!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_mapping(node, deep=deep)
