"""What the audit's chapter says beside its table is so, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from sentences import RESULTS, said

from fetalseg_book.facts.audit import facts

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return facts(RESULTS)


def verdicts(found: Found, *keys: tuple[str, str]) -> set[str]:
    return {found["verdicts"][key] for key in keys}


def still_a_lead(found: Found) -> bool:
    (short, _, _), (long, _, high) = found["over trained"]["short"], found["over trained"]["long"]
    return short < long < high < 0


def all_pass_the_level(found: Found) -> bool:
    return max(found["strict"]["hc", which][2] for which in ("all", "fresh")) < -0.1


def changes(found: Found) -> dict[str, pd.Series]:
    return dict(found["without"])


SENTENCES: list[tuple[str, Callable[[Found], bool]]] = [
    (
        "Only the last holds",
        lambda f: verdicts(f, ("1.1", "transfer to ultrasound")) == {"confirmed"},
    ),
    (
        "The one before it is the other way round",
        lambda f: verdicts(f, ("8.4", "generalisation on limited data")) == {"contradicted"},
    ),
    (
        "The interval of the first excludes the stated gain by far, and any gain by a hair",
        lambda f: (
            verdicts(f, ("9.3", "gain over the U-Net")) == {"contradicted"}
            and 0 < f["more"]["dice", "all"][1] < 0.05
        ),
    ),
    (
        "The four in between hold zero, and those claims stay open",
        lambda f: (
            verdicts(
                f,
                ("10", "gain from the ASPP"),
                ("3.2.3", "gain from SE"),
                ("3.1", "need of the shortcut"),
                ("5.1", "gain from learned upsampling"),
            )
            == {"not testable"}
        ),
    ),
    (
        "The error of the circumference is smaller in every seed",
        lambda f: (f["errors"]["unet"] < f["errors"]["proposed"]).all(),
    ),
    ("and its intervals are far from zero", all_pass_the_level),
    ("the interval of all is just without zero", lambda f: 0 < f["more"]["dice", "all"][1] < 0.05),
    (
        "the fresh seeds alone hold zero",
        lambda f: f["more"]["dice", "fresh"][1] < 0 < f["more"]["dice", "fresh"][0],
    ),
    (
        "the circumference stays clear and Dice does not",
        lambda f: all_pass_the_level(f) and f["strict"]["dice", "all"][1] < 0,
    ),
    ("neither leads", lambda f: f["before"][1] < 0 < f["before"][2]),
    ("Both gain by the longer schedule", lambda f: (f["gains"].mean() > 0).all()),
    ("and the U-Net gains more, by", lambda f: f["gains more"][1] > 0),
    ("The trained encoder's lead gets smaller, and is still a lead", still_a_lead),
    (
        "On average it is worse only without additions",
        lambda f: {part for part, by_seed in changes(f).items() if by_seed.mean() < 0} == {"no_residual"},
    ),
    ("by [one run that ended early]", lambda f: (f["without"]["no_residual"] < 0).sum() == 1),
    (
        "were each taken out by the note's schedule, too, in …. Dice changes",
        lambda f: len({len(by_seed) for by_seed in changes(f).values()}) == 1,
    ),
    (
        "A frozen encoder converges in 50 to 70 epochs. Confirmed",
        lambda f: verdicts(f, ("1.1", "epochs to converge")) == {"confirmed"},
    ),
    (
        "A trained encoder takes 100 or more. Contradicted",
        lambda f: verdicts(f, ("8.4", "epochs of the trained encoder")) == {"contradicted"},
    ),
    (
        "Freezing converges 2 to 3 times faster. Contradicted",
        lambda f: verdicts(f, ("8.4", "measured gain in convergence")) == {"contradicted"},
    ),
    (
        "Without pre-learned features it takes about 100. Not decided",
        lambda f: verdicts(f, ("1.1", "epochs saved by pre-learned features")) == {"not testable"},
    ),
    ("That interval holds zero", lambda f: f["best later"][1] < 0 < f["best later"][2]),
    ("and, at its very end, the stated 30", lambda f: 30 < f["best later"][2] < 31),
    ("No claim waits for a run any more", lambda f: f["pending"] == "0"),
    ("and there are two kinds of them", lambda f: 0 < int(f["undecided"]) < int(f["not_testable"])),
]


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_what_a_sentence_rests_on(found: Found, sentence: str, holds: Callable[[Found], bool]) -> None:
    assert said("audit", sentence)
    assert holds(found)
