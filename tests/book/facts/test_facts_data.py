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


def one_reaches_further(found: Found) -> bool:
    high = exposed(found)["high"]
    return high.idxmax() == "proposed" and high.max() > found["encoder"] > high.min() > 0.5 * found["encoder"]


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    (
        "Every interval holds zero",
        lambda f: ((f["effects"]["low"] < 0) & (f["effects"]["high"] > 0)).all(),
    ),
    ("the one interval reaches further than that, the other nearly as far", one_reaches_further),
    ("With three seeds and so few heads", lambda found: exposed(found)["seeds"].eq(3).all()),
    (
        "On the … exposed images the leak changes",
        lambda found: exposed(found)["images"].eq(len(found["exposed images"])).all(),
    ),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("data", sentence)
    assert holds(found)
