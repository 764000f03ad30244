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


def other_lists(found: Found) -> list[Any]:
    lost, off = found["lost"], found["further off"]
    return [off["dice_only"], lost["dice_only"], lost["bce_only"]]


def worse_in_the_mean(found: Found) -> bool:
    halves = ["dice_only", "bce_only"]
    return (found["lost"][halves].mean() < 0).all() and (found["further off"][halves].mean() > 0).all()


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    ("all heads grow by the same length. They do not", lambda f: f["further"][0] * 3 < f["further"][1]),
    (
        "In part: the correlation is … It is stronger with the size of the image's pixels",
        lambda found: 0.2 < found["going with"]["by_size"] < found["going with"]["by_pixel"],
    ),
    ("Large heads are shown with large pixels", lambda found: found["going with"]["size with pixel"] > 0.5),
    (
        "large heads move no further than small ones",
        lambda found: found["going with"]["in_pixels"] < 0,
    ),
    ("The edge is softer there", lambda found: found["softness in small"] > found["softness"]),
    (
        "though not twice as soft as the pixels are large",
        lambda found: found["softness in small"] < 2 * found["softness"],
    ),
    ("it is not to be seen beside the seeds", beside_the_seeds),
    ("In this order, in each of the … : Dice alone draws the smallest heads", in_this_order),
    ("it draws them too small", lambda found: (found["signed"].loc["Dice alone"] < 0).all()),
    (
        "Cross-entropy alone is further off in every seed",
        lambda found: (found["further off"]["bce_only"] > 0).all(),
    ),
    (
        "The other three lists have both signs",
        lambda found: all(values.min() < 0 < values.max() for values in other_lists(found)),
    ),
    ("In the mean either half alone is worse", worse_in_the_mean),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("loss", sentence)
    assert holds(found)
