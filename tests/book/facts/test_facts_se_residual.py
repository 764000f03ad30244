"""What the chapter on gates and residual blocks says of the study is so, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sentences import RESULTS, said

from fetalseg_book.facts.se_residual import facts, gradients, silence

Found = dict[str, Any]
PLACES = ("no_skip_se", "no_block_se")


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    (
        "So we found no evidence that they help",
        lambda found: found["tested"].loc["no_se", "verdict"] == "not significant",
    ),
    (
        "the error in millimetres, and there we detect no difference",
        lambda found: found["tested"].loc["no_residual", "verdict"] == "not significant",
    ),
    (
        "three seeds each",
        lambda found: all(len(found[name]) == 3 for name in PLACES),
    ),
    (
        "less than two seeds",
        lambda found: all(found[name].abs().max() < found["own"] for name in PLACES),
    ),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("se-residual", sentence)
    assert holds(found)


def test_the_chance_of_some_silent_skip() -> None:
    found = silence({"enc0": 0.5, "enc1": 0.2, "enc2": 0.1}, {"enc0": 1, "enc1": 1, "enc2": 4})
    assert found == {"seres_single": "enc0 and enc1", "seres_silent": "50 % and 20 %", "seres_any": "60 %"}


def test_gradients_are_told_as_shares_and_as_a_power_of_ten() -> None:
    seeds = pd.MultiIndex.from_product([["proposed", "no_residual"], [0, 1]])
    arriving = pd.DataFrame({"bottleneck": [0.5, 0.5, 0.1, 0.1]}, index=seeds)
    through = {True: np.array([[1.5, 30.0]]), False: np.array([[1.4, 2e5]])}
    found = gradients(arriving, (5, 40), through)
    assert (found["seres_kept_with"], found["seres_kept_ratio"]) == ("1/2.0", "5")
    assert (found["seres_forty_with"], found["seres_forty_without"]) == ("30", "10⁵")
