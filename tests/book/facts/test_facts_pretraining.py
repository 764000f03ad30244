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
    return found["starts"].loc["fine-tuned", "dice"]


def learning_on(found: Found) -> pd.Series:
    return trained(found) - frozen(found)


def same_order(found: Found) -> bool:
    small = found["dice"].loc["frozen"].iloc[:, -1]
    order = list(ORDER)
    return frozen(found)[order].is_monotonic_decreasing and small[order].is_monotonic_decreasing


def before(found: Found, worse: str, better: str) -> bool:
    return bool((found["by seed"][worse] < found["by seed"][better]).all())


def detectable(found: Found) -> bool:
    dice = found["compared"]["dice"].loc[["random_encoder", "trainable_encoder"]]
    apart = dice.loc["random_encoder", "high"] < 0 < dice.loc["trainable_encoder", "low"]
    return apart and (dice["verdict"] == "significant").all()


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
    return 0 < here < lead(found["dice"], "fine-tuned", found["dice"].columns[-1])


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    (
        "So fine-tuning makes up for part of a poor start",
        lambda found: all(
            1 < lead(found["dice"], "fine-tuned", n) < lead(found["dice"], "frozen", n)
            for n in found["dice"].columns
        ),
    ),
    ("and … matched {term}`seeds", all_seeds),
    ("Both differences are also detectable after correction", detectable),
    ("which of these makes the lead smaller", smaller_here),
    ("Three seeds of each start", lambda found: all_arms(found) and len(found["by seed"]) == 3),
    ("the four starts come in the same order as on the small images", same_order),
    ("every start gains", lambda found: (learning_on(found) > 0).all()),
    (
        "the two poorest most",
        lambda found: set(learning_on(found).nlargest(2).index) == {"random", "procedural"},
    ),
    (
        "With every seed that is more than ImageNet's frozen encoder",
        lambda found: before(found, "proposed", SIMULATED) and before(found, "proposed", DRAWN),
    ),
    (
        "not far behind ImageNet's fine-tuned one",
        lambda found: before(found, DRAWN, "trainable_encoder") and before(found, SIMULATED, DRAWN),
    ),
    ("ImageNet still leads by", still_leads),
    ("The start need not be the only reason", lambda found: found["unet"] > trained(found)["random"]),
    (
        "So here the effect could be chance",
        lambda found: found["statistics"]["gain"].abs().max() < float(found["pre_spread"]),
    ),
    (
        "the error is smaller with every one of three seeds",
        lambda found: len(found["anew"]) == 3 and (found["anew"]["error"] < 0).all(),
    ),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("pretraining", sentence)
    assert holds(found)
