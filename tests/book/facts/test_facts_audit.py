"""What the audit's chapter says beside its table is so, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sentences import RESULTS, said

from fetalseg_book.facts.answer import answer_of
from fetalseg_book.facts.audit import HEADLINES, facts

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


def verdicts(found: Found, *keys: tuple[str, str]) -> set[str]:
    return {found["verdicts"][key] for key in keys}


def word(study: str) -> str:
    return str(answer_of(RESULTS, study).table.loc["unet", "word"])


WRONG_OR_OPEN = {"contradicted", "contradicts itself", "not testable", "not tested as written"}

SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    (
        "the U-Net is level after short training and ahead after long",
        lambda f: (word("published"), word("note_schedule")) == ("equivalent", "better"),
    ),
    (
        "a frozen encoder is",
        lambda f: float(f["convergence"].split()[0]) < float(f["convergence"].split()[2]) < 2,
    ),
    (
        "Every shape of decoder, output and forward pass (5 to 7) is right",
        lambda f: (
            {v for key, v in f["verdicts"].items() if key[0][0] in "567" and "shape" in key[1]}
            == {"confirmed"}
        ),
    ),
    ("the references are correct", lambda f: set(f["verdicts"].loc["11"]) == {"confirmed"}),
    (
        "DeepLabv2 proposed it",
        lambda f: verdicts(f, ("2.1", "first description of the ASPP")) == {"contradicted"},
    ),
    (
        "Fine-tuning does better",
        lambda f: f["from_freezing"].startswith("−") and "+" not in f["from_freezing"],
    ),
    (
        "No difference that matters without SE",
        lambda f: verdicts(f, ("3.2.3", "gain from SE")) == {"contradicted"},
    ),
    (
        "No difference that matters without them",
        lambda f: verdicts(f, ("3.1", "need of the shortcut")) == {"contradicted"},
    ),
    ("and there are two kinds of them", lambda f: 0 < int(f["undecided"]) < int(f["not_testable"])),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("audit", sentence)
    assert holds(found)


def test_the_ten_claims_that_matter_are_each_in_the_table(found: Found) -> None:
    assert len(HEADLINES) == 10
    for name in HEADLINES:
        assert said("audit", f"verdict_{name}")
        assert found[f"verdict_{name}"] in WRONG_OR_OPEN
