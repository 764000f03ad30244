"""The sentences of the chapter on optimisation, each with what it rests on in the result files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sentences import said

from fetalseg_book.facts import optimisation
from fetalseg_book.facts.core import core
from fetalseg_book.facts.optimisation import WILD, below_best, deepest_fall

RESULTS = Path(__file__).parents[3] / "results"
Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return optimisation.facts(RESULTS)


def calm(found: Found) -> list[tuple[str, int]]:
    return [run for run in found["histories"] if run[0] not in WILD]


def smaller_jumps(found: Found) -> bool:
    jumps = [100 * found["histories"][run]["validation_dice"].diff().abs() for run in calm(found)]
    table = pd.concat(jumps, axis=1)
    return table.iloc[-5:].mean().mean() < table.iloc[5:10].mean().mean()


def two_are_wild(found: Found) -> bool:
    below = below_best(found["histories"])
    return all(
        max(value for run, value in below.items() if run[0] == name) > max(below[run] for run in calm(found))
        for name in WILD
    )


def deepest_is_calm(found: Found) -> bool:
    return deepest_fall(found["histories"])[0] in calm(found)


def more_than_seeds_do(found: Found) -> bool:
    own = found["replayed"].query("patience == 1 and variant == 'proposed'")["lost"].mean() / 100
    return own > core(RESULTS).floor.loc["dice", "sd"]


def most_run_to_the_end(found: Found) -> bool:
    return (found["replayed"].query("patience == 5")["saved"] == 0).mean() > 0.5


CHECKS: list[tuple[str, Callable[[Found], Any]]] = [
    ("jumps that get smaller as the rate falls", smaller_jumps),
    ("A jump in the middle says little about the end", deepest_is_calm),
    ("in all variants but two, the last epoch is at most", two_are_wild),
    ("So stopping too early costs more than a change of seed.", more_than_seeds_do),
    ("because the cosine mostly ends the training before patience does", most_run_to_the_end),
]


@pytest.mark.parametrize(("sentence", "check"), CHECKS, ids=[sentence[:50] for sentence, _ in CHECKS])
def test_sentence_is_said_and_holds(found: Found, sentence: str, check: Callable[[Found], Any]) -> None:
    assert said("optimisation", sentence)
    assert check(found)


@pytest.mark.parametrize(
    ("dices", "patience", "epoch"), [([1, 2, 2, 2], 2, 4), ([3, 2, 1], 1, 2), ([1, 2, 3], 1, 3)]
)
def test_patience_ends_a_training(dices: list[float], patience: int, epoch: int) -> None:
    history = pd.DataFrame({"validation_dice": dices})
    assert optimisation.stopped(history, patience) == (epoch, max(dices[:epoch]))
