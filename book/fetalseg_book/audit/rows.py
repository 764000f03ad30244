"""The claims of the note, read from the rows of ``claims/``: each gets its check, or an error names the row.

A row has ``quantity``, ``says`` (the note's words in short), ``check`` and the arguments of that check; where
there is one the stated ``value``, and a remark ``why``. ``how`` is what the check says of itself, unless the
row has better words.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from fetalseg_book.audit import checks, files, parts, training
from fetalseg_book.audit.claim import Claim, Finding, PendingError, Remarked, Verdict, verdict_of
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.stated import Stated, parse
from fetalseg_lib.models.variants import did_you_mean

FOLDER = Path(__file__).with_name("claims")
CHECKS: dict[str, Callable[..., Any]] = {
    name: function
    for module in (checks, files, parts, training)
    for name, function in vars(module).items()
    if inspect.isfunction(function) and function.__module__ == module.__name__ and name[0] != "_"
    if str(next(iter(function.__annotations__.values()), "")).startswith("Evidence")
}
"""Every check by its name."""
COLUMNS = ("quantity", "says", "check", "value", "how", "why")


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
        missing = column in COLUMNS[:3] and column not in row
        if missing or not (isinstance(row.get(column, "-"), str) and row.get(column, "-")):
            raise ValueError(f"{where}: {column}: expected words, got {row.get(column)!r}")
    if row["check"] not in CHECKS:
        raise ValueError(f"{where}: check: there is no {row['check']!r}.{did_you_mean(row['check'], CHECKS)}")
    check = CHECKS[row["check"]]
    hints = get_type_hints(check)
    try:
        value = parse(row["value"]) if "value" in row else None
    except ValueError as error:
        raise ValueError(f"{where}: value: {error}") from error
    given = {name: row[name] for name in row if name not in COLUMNS}
    arguments = _arguments(f"{where}: {row['check']}", check, hints, given)
    told = {"value": value, "why": row.get("why")}
    for name, thing in told.items():
        compared = name == "value" and hints["return"] is not Finding
        if (name in hints or compared) and thing is None:
            raise ValueError(f"{where}: {name}: is missing, and {row['check']} needs it")
    arguments |= {name: thing for name, thing in told.items() if name in hints}
    return Claim(
        section=section,
        quantity=row["quantity"],
        says=row["says"],
        how=row.get("how") or _how(check, arguments),
        check=_run(where, check, arguments, value, row.get("why", "")),
        value=value,
    )


def _arguments(
    where: str, check: Callable[..., Any], hints: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    takes = {
        name: parameter
        for name, parameter in inspect.signature(check).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in ("value", "why")
    }
    for name, argument in given.items():
        if name not in takes:
            hint = did_you_mean(str(name), [*takes, *COLUMNS])
            raise ValueError(f"{where}: takes no {name!r}.{hint} It takes: {', '.join(takes) or 'nothing'}.")
        if not _fits(argument, hints[name]):
            options = get_args(hints[name]) if get_origin(hints[name]) is Literal else ()
            hint = did_you_mean(str(argument), map(str, options))
            expected = f"one of {', '.join(map(str, options))}" if options else _named(hints[name])
            raise ValueError(f"{where}: {name}: expected {expected}, got {argument!r}.{hint}")
    for name, parameter in takes.items():
        if parameter.default is parameter.empty and name not in given:
            raise ValueError(f"{where}: {name}: is missing")
    return {name: given.get(name, parameter.default) for name, parameter in takes.items()}


def _named(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)


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
            found, remark = found if isinstance(found, Remarked) else (found, "")
            assert value is not None  # asked for when the row was read
            verdict = verdict_of(value.agrees(found))
            return Finding(verdict=verdict, measured=value.show(found), why=why or remark)
        except PendingError as absent:
            return Finding(verdict=Verdict.PENDING, measured=absent.measured, why=str(absent))
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
