"""The sentences of the chapter on uncertainty, each with what it rests on in the result files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sentences import said

from fetalseg_book.facts import uncertainty
from fetalseg_book.facts.core import PROPOSED, Core, core
from fetalseg_book.facts.ledger import LOOKS, ledger, scoring
from fetalseg_book.facts.uncertainty import by_seed, half_interval, looks

RESULTS = Path(__file__).parents[3] / "results"


@pytest.fixture(scope="module")
def study() -> Core:
    return core(RESULTS)


def floor_of_the_plan(study: Core) -> bool:
    noise, seeds = study.floor.loc["dice"], by_seed(study).shape[1]
    return set(study.floor["variant"]) == {PROPOSED} and noise["seeds"] == noise["measured_seeds"] == seeds


def verdict_changed(study: Core) -> bool:
    early, late = looks(study).values()
    return (early["verdict"], late["verdict"]) == ("not significant", "significant") and early["low"] > 0


def exams_hardly_matter(study: Core) -> bool:
    frame = study.per_image
    no_exams = frame.assign(exam=frame["name"].astype("category").cat.codes)
    return 0.9 < half_interval(no_exams) / half_interval(frame) <= 1


CHECKS: list[tuple[str, Callable[[Core], Any]]] = [
    (
        "over the same images. Then test these few differences",
        lambda study: by_seed(study).notna().all(axis=None),
    ),
    ("written from the runs of `proposed` alone", floor_of_the_plan),
    ("do these two checkpoints differ? They do", lambda study: uncertainty.same_network_p(study) < 0.05),
    ("What changed is how well we know it.", verdict_changed),
    ("Half of the seeds were finished early", lambda study: looks(study)["early"]["seeds"] == 3),
    ("A little. Here it hardly changes, because most exams have one image.", exams_hardly_matter),
]


def test_the_ledger_has_every_file_that_scores_the_test_images() -> None:
    listed = {study for studies in LOOKS for study in studies}
    others = {path.name for path in (RESULTS / "one_fold").iterdir() if path.is_dir()} - listed
    assert not {study for study in others if scoring(RESULTS, study)}
    assert (ledger(RESULTS)["result files"] > 0).all()


@pytest.mark.parametrize(("sentence", "check"), CHECKS, ids=[sentence[:50] for sentence, _ in CHECKS])
def test_sentence_is_said_and_holds(study: Core, sentence: str, check: Callable[[Core], Any]) -> None:
    assert said("uncertainty", sentence)
    assert check(study)
