"""What the chapter on pre-training says of the results is so, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from sentences import RESULTS, said

from fetalseg_book.facts.pretraining import ORDER, facts, lead
from fetalseg_book.studies import transfer

Found = dict[str, Any]
DRAWN, SIMULATED = "procedural_trainable_encoder", "phantom_trainable_encoder"


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


def frozen(found: Found) -> pd.Series:
    return found["starts"].loc["frozen", "dice"]


def trained(found: Found) -> pd.Series:
    return found["starts"].loc["trained along", "dice"]


def learning_on(found: Found) -> pd.Series:
    return trained(found) - frozen(found)


def same_order(found: Found) -> bool:
    small = found["dice"].loc["frozen"].iloc[:, -1]
    order = list(ORDER)
    return frozen(found)[order].is_monotonic_decreasing and small[order].is_monotonic_decreasing


def before(found: Found, worse: str, better: str) -> bool:
    return bool((found["by seed"][worse] < found["by seed"][better]).all())


def clear_of_zero(found: Found) -> bool:
    dice = found["compared"]["dice"]
    return dice.loc["random_encoder", "high"] < 0 < dice.loc["trainable_encoder", "low"]


def all_seeds(found: Found) -> bool:
    rows = (table.loc[["random_encoder", "trainable_encoder"]] for table in found["compared"].values())
    return {count for row in rows for count in row["seeds"]} == {len(found["planned seeds"])}


def smaller_here(found: Found) -> bool:
    at_size = -100 * found["compared"]["dice"].loc["random_encoder", "difference"]
    return 0 < at_size < lead(found["dice"], "frozen", found["dice"].columns[-1])


def all_arms(found: Found) -> bool:
    arms = {name for name, arm in transfer.ARMS.items() if arm.statistics == "stored"}
    return set(found["by seed"].columns) == arms and found["by seed"].notna().all(axis=None)


def still_leads(found: Found) -> bool:
    here = trained(found)["ImageNet"] - trained(found)["random"]
    return 0 < here < lead(found["dice"], "trained along", found["dice"].columns[-1])


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    (
        "in so few steps not for all of it, however many images there are",
        lambda found: all(lead(found["dice"], "trained along", n) > 1 for n in found["dice"].columns),
    ),
    ("and … matched {term}`seeds", all_seeds),
    ("Both are clear of zero", clear_of_zero),
    ("It is smaller here, and has not gone", smaller_here),
    ("It points the same way", lambda found: found["gain"] > 0),
    ("It has three seeds of each", lambda found: all_arms(found) and len(found["by seed"]) == 3),
    ("the four starts stand in the same order as on the small images", same_order),
    ("Every start gains by learning on", lambda found: (learning_on(found) > 0).all()),
    (
        "the two poorest most",
        lambda found: set(learning_on(found).nlargest(2).index) == {"random", "procedural"},
    ),
    (
        "Drawings and phantoms have changed places, with every seed",
        lambda found: before(found, SIMULATED, DRAWN),
    ),
    (
        "Both are before ImageNet's frozen encoder with every seed",
        lambda found: before(found, "proposed", SIMULATED),
    ),
    ("not far behind ImageNet's trained one", lambda found: before(found, DRAWN, "trainable_encoder")),
    ("ImageNet still leads it by … On the small images, with fewer steps, it was", still_leads),
    (
        "It stays behind ImageNet's frozen encoder",
        lambda found: trained(found)["random"] < frozen(found)["ImageNet"],
    ),
    ("That need not be the start alone", lambda found: found["unet"] > trained(found)["random"]),
    ("three seeds, not tested", lambda found: len(found["anew"]) == 3),
    ("The error is smaller with every seed", lambda found: (found["anew"]["error"] < 0).all()),
    (
        "the Dice changes by less than the",
        lambda found: found["anew"]["dice"].abs().max() < found["own"],
    ),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("pretraining", sentence)
    assert holds(found)
