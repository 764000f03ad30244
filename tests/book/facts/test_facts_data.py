"""What the chapter on the data says of leakage is so, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from sentences import RESULTS, said

from fetalseg_book.facts.data import facts

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


def exposed(found: Found) -> pd.DataFrame:
    return found["effects"].xs("exposed", level="images_of")


def wide(found: Found) -> bool:
    """The intervals reach about as far as what fine-tuning the encoder is worth, half a point."""
    return (exposed(found)["high"] > 0.005).all()


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    ("Both intervals include zero", lambda f: ((exposed(f)["low"] < 0) & (exposed(f)["high"] > 0)).all()),
    ("too wide to rule out a gain that matters", wide),
    ("with three seeds", lambda found: exposed(found)["seeds"].eq(3).all()),
    (
        "On the … images whose exam was seen",
        lambda found: exposed(found)["images"].eq(len(found["exposed images"])).all(),
    ),
    ("in one of them somebody drew the outline a second time", lambda found: found["second looks"] == 1),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("data", sentence)
    assert holds(found)
