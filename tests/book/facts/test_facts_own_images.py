"""What the chapter on your own images says of the results is so, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from sentences import RESULTS, said

from fetalseg_book.facts.own_images import facts

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


def largest(found: Found) -> pd.Series:
    return found["ways"]["largest_mm"]


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    (
        "The last three only change the order … no head by even a thousandth of a millimetre",
        lambda found: largest(found).drop(["bfloat16", "tf32"]).max() < 0.001,
    ),
    ("TF32 stays below a tenth of a millimetre", lambda found: 0.001 < largest(found)["tf32"] < 0.1),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("own-images", sentence)
    assert holds(found)
