"""The benchmark of a step times both ways in each round, and its ratio is that of the paces."""

from __future__ import annotations

import pytest

from tools.bench import step


def test_the_ratio_is_taken_within_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the second round the machine is half as fast, for both."""
    paces = iter([10, 15, 5, 10, 20, 60])
    monkeypatch.setattr(step, "_pace", lambda name, side, precision, fast: next(paces))
    row = step.measure(["unet"], 64, rounds=3, precision="float32").iloc[0]
    assert (row["ratio"], row["plain_per_s"], row["fast_per_s"]) == (2, 10, 15)


def test_a_step_learns_both_ways() -> None:
    for fast in (False, True):
        assert step._pace("small_network", 64, "float32", fast=fast) > 0
