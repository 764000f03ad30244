"""What the chapter on where and why the network fails says of the results is so, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sentences import RESULTS, said

from fetalseg_book.facts.error_analysis import facts
from fetalseg_book.figures.agreement import TRIMESTERS

Found = dict[str, Any]
FIRST, SECOND, THIRD = TRIMESTERS


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


def of_proposed(found: Found, label: str) -> dict[str, float]:
    return dict(found["by size"][label].loc["proposed", "mean"])


def worst_by_dice(found: Found) -> str:
    dice = of_proposed(found, "Dice (%)")
    return min(dice, key=dice.__getitem__)


def worst_by(found: Found, label: str) -> str:
    error = of_proposed(found, label)
    return max(error, key=error.__getitem__)


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    ("No head was missed altogether", lambda found: not found["frame"]["failed"].any()),
    ("By Dice, the small ones", lambda found: worst_by_dice(found) == FIRST),
    ("In millimetres, the large ones", lambda found: worst_by(found, "HC error (mm)") == THIRD),
    (
        "In percent of the circumference, the small ones again",
        lambda found: worst_by(found, "HC error (% of HC)") == FIRST,
    ),
    ("So it is not luck", lambda found: len(found["always"]) > 10 * found["chance"][-1]),
    (
        "A larger input is not better on every image",
        lambda f: f["hardest dice"]["large"] < f["hardest dice"]["small"],
    ),
    (
        "No run of any other network in the main study gets beyond …",
        lambda f: f["hardest dice"]["trained"] > f["hardest dice"]["others"],
    ),
    (
        "So the two deep maps fail the test",
        lambda found: (found["rho"].loc[["enc4", "bottleneck"], "dec3"] > 0.9).all(),
    ),
    ("All one costs most", lambda found: found["gate changes"].iloc[:, 0].idxmin() == "all one"),
    ("Look at 143_2HC, which alone makes much", lambda found: found["half_hardest"] == "143_2HC.png"),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("error-analysis", sentence)
    assert holds(found)
