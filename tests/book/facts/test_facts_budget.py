"""The sentences of the chapter on the small network, each with what it rests on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sentences import includes_zero, said

from fetalseg_book.facts import budget
from fetalseg_book.facts.budget import at_size, batch_time, differences, floor

RESULTS = Path(__file__).parents[3] / "results"
Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return budget.facts(RESULTS)


def worse_in_each(_: Found) -> bool:
    change, here = at_size(RESULTS), differences(RESULTS, "budget")
    same_way = here["dice"]["difference"] < 0 < here["hc_abs_error_mm"]["difference"]
    return len(change) == 3 and (change["dice"] < 0).all() and (change["error"] > 0).all() and same_way


def no_more_time(found: Found) -> bool:
    return batch_time(RESULTS) * int(found["budget_long_epochs"]) <= int(found["budget_epochs"])


def no_loss_is_seen(_: Found) -> bool:
    return all(
        includes_zero(row) and abs(row["difference"]) < floor(RESULTS).loc[metric, "detectable"]
        for metric, row in differences(RESULTS, "budget_long").items()
    )


CHECKS: list[tuple[str, Callable[[Found], Any]]] = [
    ("keeps all four", lambda f: (f["counted"]["budget"] <= f["counted"]["promised"]).all()),
    ("breaks all four promises", lambda f: (f["counted"]["proposed"] > f["counted"]["promised"]).all()),
    ("and is worse with each of them", worse_in_each),
    ("it still takes no more time", no_more_time),
    ("We detect no loss", no_loss_is_seen),
]


@pytest.mark.parametrize(("sentence", "check"), CHECKS, ids=[sentence for sentence, _ in CHECKS])
def test_sentence_is_said_and_holds(found: Found, sentence: str, check: Callable[[Found], Any]) -> None:
    assert said("budget", sentence)
    assert check(found)
