"""No result is typed into the text: a number with a metric beside it comes from a result file, by ``glue``.

A number that was typed stays when the result moves, and nobody notices. So every digit with a unit or a
metric's name beside it is a finding, in every chapter and page. What is no result of ours (a level that was
chosen, a definition, what the note says) stands in ``prose_numbers.yml`` with its reason.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FACTS = sorted((ROOT / "book" / "fetalseg_book" / "facts").glob("*.py"))
# The library's pages are made from docstrings: no prose of ours stands there.
PAGES = sorted(page for page in (ROOT / "book").rglob("*.md") if page.parent.name != "api")
ALLOWED: dict[str, dict[str, str]] = yaml.safe_load(
    Path(__file__).with_name("prose_numbers.yml").read_text(encoding="utf-8")
)

UNITS = (
    "%|percent|mm|cm|pixels?|px|ms|milliseconds?|seconds?|minutes?|hours?|days?|weeks?|points?|"
    "[kMGT]?FLOPs?|MACs?|multiply-adds|parameters|weights|million|M|[kMG]B|fps|frames|times|epochs?|images?|"
    "exams?|seeds?|Dice|DSC|IoU"
)
METRICS = "Dice|DSC|IoU|HD95|HD|ADF|AUC|accuracy|p-value|Holm p"
NUMBER = r"[±+−-]?\d[\d.,×]*(?:\s*(?:±|to|–)\s*\d[\d.,]*)?"
TYPED = re.compile(
    rf"""
    (?<![\w.,`-]) {NUMBER} (?:\s|-)? (?:{UNITS}) (?!\w)  # 2.3 mm, 97 %, 3-point
    | \b(?:{METRICS}) \s (?:(?:score|error|value)\s)? (?:(?:of|is|was|=|<|>|about)\s?)? {NUMBER}  # Dice 0.9
    | \bp\s?[=<>]\s?\d
    """,
    re.X,
)

# What is read away first: code, formulas, roles (glue among them), addresses, and the words of others.
NOT_PROSE = re.compile(
    r"""
    ^(?P<fence>`{3,}|~{3,})(?!\{).*?^(?P=fence)\s*$   # a block of code, not of text
    | \$\$.*?\$\$ | \$[^$\n]+\$
    | \{[\w:]+\}`[^`]*`
    | `[^`\n]*`
    | \]\([^)\s]*\) | https?://\S+
    | "[^"\n]*" | “[^”]*”
    """,
    re.X | re.S | re.M,
)
# A task may suppose a number. What its solution claims is computed by the solution's own code.
TASKS = re.compile(r"^## (?:Exercises|Self-test|Test yourself)\b.*?(?=^## |\Z)", re.S | re.M)


def typed_numbers(markdown: str, *, allowed: Iterable[str] = ()) -> list[str]:
    """The numbers with a metric beside them in the prose of ``markdown``, with what stands around them."""
    prose = " ".join(NOT_PROSE.sub("…", TASKS.sub("", markdown)).split())
    for phrase in allowed:
        prose = prose.replace(phrase, "…")
    return [prose[max(0, found.start() - 40) : found.end() + 30] for found in TYPED.finditer(prose)]


def prose_of(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


@pytest.mark.parametrize("path", [*CHAPTERS, *PAGES], ids=lambda path: path.stem)
def test_no_result_is_typed(path: Path) -> None:
    typed = typed_numbers(prose_of(path), allowed=ALLOWED.get(path.stem, {}))
    assert not typed, "glue these from a result file, or give the reason in tests/book/prose_numbers.yml"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_result_is_glued_from_a_typed_text(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for number, cell in enumerate(cells, start=1):
        if cell["cell_type"] != "code":
            continue
        lines = "".join(cell["source"]).splitlines()
        tree = ast.parse("\n".join(re.sub(r"^(\s*)[!%].*", r"\1pass", line) for line in lines))
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "glue":
                values = [argument for argument in call.args[1:] if isinstance(argument, ast.Constant)]
                typed = [value.value for value in values if re.search(r"\d", str(value.value))]
                assert not typed, f"cell {number}: glue(...) takes a typed result"


@pytest.mark.parametrize("path", FACTS, ids=lambda path: path.stem)
def test_no_fact_is_a_typed_text(path: Path) -> None:
    for given in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(given, ast.Yield) and isinstance(given.value, ast.Tuple):
            value = given.value.elts[-1]
            assert not isinstance(value, ast.Constant), f"line {given.lineno}: a fact is computed, not typed"


@pytest.mark.parametrize("chapter", ALLOWED)
def test_every_exception_is_needed_and_has_a_reason(chapter: str) -> None:
    (path,) = [path for path in [*CHAPTERS, *PAGES] if path.stem == chapter]
    prose = prose_of(path)
    for phrase, reason in ALLOWED[chapter].items():
        others = [other for other in ALLOWED[chapter] if other != phrase]
        assert len(reason.split()) >= 3, f"{phrase!r}: say why this is no result"
        assert typed_numbers(prose, allowed=others), f"{phrase!r}: not needed any more, take it out"


@pytest.mark.parametrize(
    "text",
    [
        "It reaches a Dice of 0.97.",
        "Dice 97.5 on the test images",
        "The error is 2.3 mm.",
        "It errs by 2.3 ± 0.4 mm.",
        "97 % of the heads were found",
        "It costs 8.8 GFLOPs and has 10.2 M weights.",
        "It has 10,234,567 parameters.",
        "a gain of 0.3 points",
        "one image takes 25 ms",
        "The test says p < 0.001.",
        "| proposed | 2.3 mm |",
        "```{note}\nThe error is 2.3 mm.\n```",
        "The error is 2.3\nmm here.",
        "## Exercises\nSuppose 3 mm.\n## Take away\nIt errs by 2 mm.",
    ],
)
def test_typed_results_are_found(text: str) -> None:
    assert typed_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "The error is {glue:text}`error_mm` mm.",
        "```python\nassert error < 2.3  # 2.3 mm\n```",
        "A kernel of 3×3 and rates 6, 12 and 18",
        "The formula $2\\,\\text{mm}$ and the code `2 mm`",
        'The note says "2.8 GFLOPs".',
        "Section 2.2 of [](audit.ipynb)",
        "version 1.2 maps",
        "## Exercises\nSuppose 3 mm.\n",
    ],
)
def test_other_numbers_are_not_results(text: str) -> None:
    assert typed_numbers(text) == []
