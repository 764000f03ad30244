"""What the chapter on the loss says of real heads is so, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sentences import RESULTS, said

from fetalseg_book.facts.loss import facts

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


def beside_the_seeds(found: Found) -> bool:
    seeds = found["means of seeds"]["proposed"]
    return abs(found["means"]["proposed"]) < 2 * np.std(seeds, ddof=1) / len(seeds) ** 0.5


def in_this_order(found: Found) -> bool:
    signed = found["signed"].loc[["Dice alone", "both", "cross-entropy alone"]]
    return bool((signed.diff().dropna() > 0).all(axis=None))


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    (
        "that all heads grow by the same length, and they do not",
        lambda f: f["further"][0] * 3 < f["further"][1],
    ),
    (
        "The change follows the size of the image's pixels",
        lambda found: 0.2 < found["going with"]["by_size"] < found["going with"]["by_pixel"],
    ),
    ("In a study with smaller images", lambda found: found["softness in small"] > found["softness"]),
    ("it is smaller than the differences between seeds", beside_the_seeds),
    ("Dice alone draws the smallest heads", in_this_order),
    ("it draws them too small", lambda found: (found["signed"].loc["Dice alone"] < 0).all()),
    ("have three seeds each", lambda found: found["signed"].shape[1] == 3),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("loss", sentence)
    assert holds(found)
