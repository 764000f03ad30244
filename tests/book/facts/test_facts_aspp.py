"""What the chapter on the pyramid says of the results is so, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sentences import RESULTS, said

from fetalseg_book.facts.aspp import facts

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    (
        "So we found no evidence that the pyramid helps here",
        lambda f: f["without"]["verdict"] == "not significant",
    ),
    (
        "That is less than two seeds of the note's network can differ by themselves",
        lambda f: all(f["rates"][name].abs().max() < f["own"][name] for name in ("dice", "error")),
    ),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("aspp", sentence)
    assert holds(found)
