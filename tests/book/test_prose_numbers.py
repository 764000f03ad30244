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

FACTS = sorted((ROOT / "book" / "fetalseg_book" / "facts").glob("*.py"))
GLUED = {
    name
    for path in [*CHAPTERS, *PAGES]
    for name in re.findall(r"\{glue:[a-z]+\}`([^`]+)`", path.read_text(encoding="utf-8"))
}

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


def code_of(path: Path) -> list[str]:
    """The code of a module, or of each cell of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return [text]
    cells = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
    return [re.sub(r"(?m)^(\s*)[!%].*", r"\1pass", "".join(cell["source"])) for cell in cells]


def typed_results(code: str, *, glued: Iterable[str]) -> list[str]:
    """What is glued as it was typed, with a digit in it: by a call, or by its name in a table of facts."""
    pairs = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "glue":
            pairs += [(node.args[0], value) for value in node.args[1:]]
        elif isinstance(node, ast.Dict):
            pairs += [
                (key, value)
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and key.value in glued
            ]
    values = (value.value for _, value in pairs if isinstance(value, ast.Constant))
    return [str(value) for value in values if re.search(r"\d", str(value))]


@pytest.mark.parametrize("path", [*CHAPTERS, *FACTS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_result_is_glued_from_a_typed_text(path: Path) -> None:
    for code in code_of(path):
        assert not typed_results(code, glued=GLUED), f"{path.name}: a typed result is glued"


@pytest.mark.parametrize(
    ("code", "typed"),
    [
        ('glue("error", "2.3 mm", display=False)', ["2.3 mm"]),
        ('glue("error", f"{error:.1f} mm", display=False)', []),
        ('found = {"error": "2.3 mm", "other": "1"}', ["2.3 mm"]),
        ('glue_all({"error": f"{error:.1f} mm"})', []),
    ],
)
def test_a_typed_result_is_found_in_code(code: str, typed: list[str]) -> None:
    assert typed_results(code, glued={"error"}) == typed


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
