"""What the chapter on augmentation says of the results is so, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sentences import RESULTS, said

from fetalseg_book.facts.augmentation import facts

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    ("Without augmentation the Dice is lower with each", lambda found: (found["worth"]["dice"] < 0).all()),
    ("with each of three seeds", lambda found: len(found["worth"]) == 3),
    (
        "The best epoch also comes earlier",
        lambda f: max(f["best epochs"]["no_augmentation"]) < min(f["best epochs"]["proposed"]),
    ),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("augmentation", sentence)
    assert holds(found)
