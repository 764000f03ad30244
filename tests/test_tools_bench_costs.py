"""The costs of a study's networks are counted like the book's table, and timed in turns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fetalseg_book.studies.answer import COSTS
from fetalseg_book.studies.costs import table as counted_table
from fetalseg_lib.study.profile import load_profile
from tools.bench import costs


def test_the_costs_are_those_of_the_books_table() -> None:
    names = ["unet", "no_aspp"]
    table = costs.costs(names, (64, 64), rounds=2).set_index("variant")
    counted = counted_table(names, image_size=(64, 64)).set_index("variant")
    for column in ("parameters", "trainable", "gflops"):
        assert table[column].to_list() == counted[column].to_list()
    assert (table["latency_q1_ms"] <= table["latency_ms"]).all()
    assert (table["latency_ms"] <= table["latency_q3_ms"]).all()


def test_the_committed_costs_have_every_arm_of_the_study() -> None:
    committed = pd.read_csv(Path("results/crossval/hc18/tables") / COSTS)
    assert tuple(committed["variant"]) == load_profile("crossval").variants
    assert set(committed["rounds"]) == {9}
