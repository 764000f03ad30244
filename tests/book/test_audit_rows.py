"""The rows of the claims: what cannot be read, or names what there is not, is an error that names the row."""

from __future__ import annotations

import re

import pytest
import yaml

from fetalseg_book.audit import Evidence, Verdict, all_claims
from fetalseg_book.audit.checks import WORDS
from fetalseg_book.audit.rows import CHECKS, FOLDER
from fetalseg_book.audit.stated import Between, Exactly, Number, parse

ROW = {"quantity": "q", "says": "s", "value": "3.4 M", "check": "compute"}


def claims_of(folder, text):
    (folder / "99-mine.yaml").write_text(text, encoding="utf-8")
    return all_claims(folder)


def one_row(folder, **columns):
    row = {name: thing for name, thing in (ROW | columns).items() if thing is not None}
    return claims_of(folder, yaml.safe_dump({"9.1": [row]}, allow_unicode=True))


def test_a_row_is_a_claim_with_its_check(tmp_path):
    (claim,) = one_row(tmp_path, result="frozen", value="2.2 M")
    assert (claim.key, claim.says, claim.value) == ("9.1 | q", "s", Number("2.2", 1e6, "M"))
    assert claim.how == "count what the built networks have, and work it out"
    finding = claim.check(Evidence("nowhere"))
    assert (finding.verdict, finding.measured) == (Verdict.CONFIRMED, "2.22 M")


def test_words_of_a_row_come_before_those_of_its_check(tmp_path):
    (claim,) = one_row(tmp_path, how="by hand", why="because")
    assert claim.how == "by hand"
    assert claim.check(Evidence("nowhere")).why == "because"


@pytest.mark.parametrize(
    ("result", "value"),
    [
        ("unet.total", "7,762,465"),
        ("[stage.up.stride[0] for stage in layers(network, 'DecoderStage')]", [2, 2, 2, 2, 2]),
        ("network.head.kernel_size", [1, 1]),
        ("F.relu(torch.tensor([-3.0, 0.5])).max()", "0.5"),
        ("torch.ones(3).sum() == 3", True),
        ("type(torchvision[18]).__name__", "Conv2dNormActivation"),
    ],
)
def test_a_line_of_python_is_compared_with_the_stated_value(tmp_path, result, value):
    (claim,) = one_row(tmp_path, result=result, value=value)
    assert claim.check(Evidence("nowhere")).verdict is Verdict.CONFIRMED


WHERE = "99-mine.yaml, section 9.1, row 1 (q): "


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"check": "compuet"}, "check: there is no 'compuet'. Did you mean 'compute'?"),
        ({"check": "stem_ration"}, "check: there is no 'stem_ration'. Did you mean 'stem_ratio'?"),
        ({"reslut": "total"}, "compute: got an unexpected keyword argument 'reslut'"),
        ({"result": 3}, "result: expected str, got 3"),
        ({"check": "zeros_between_taps"}, "zeros_between_taps: missing a required"),
        ({"value": None}, "value: is missing, and compute needs it"),
        ({"value": "3.4 Millions"}, "value: unknown unit 'Millions'."),
        ({"value": "3.4 mb"}, "value: unknown unit 'mb'."),
        ({"value": "3.4M"}, "value: expected a number, a range, or rows×columns×channels, got '3.4M'"),
        ({"value": "8×8"}, "value: expected a number"),
        ({"says": None}, "says: expected words, got None"),
        ({"says": 5}, "says: expected words, got 5"),
        ({"why": 5}, "why: expected words, got 5"),
        ({"check": "not_testable", "value": None}, "not_testable: missing a required"),
        ({"check": "best_epoch", "of": "unet", "value": None}, "best_epoch: missing a required"),
        ({"check": "state_after_a_step", "of": "enc0"}, "of: expected list[str], got 'enc0'"),
        ({"check": "state_after_a_step", "of": [0]}, "of: expected list[str], got [0]"),
        ({"check": "augmentation", "of": True}, "of: expected str, got True"),
    ],
    ids=str,
)
def test_a_wrong_row_is_named_with_the_nearest_name(tmp_path, columns, message):
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        one_row(tmp_path, **columns)
    assert str(raised.value).startswith(WHERE)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"check": "shape", "of": "dec7.up", "value": "8×8×1"}, "no part 'dec7.up'. Did you mean 'dec5.up'?"),
        ({"check": "shape", "value": "8×8×1"}, "expected one of 'of' (the map that comes out) and 'into'"),
        ({"check": "shape", "of": "dec5", "value": "3 channels"}, WHERE),
        ({"result": "network.init_conv[0].strid", "value": 1}, "has no attribute 'strid'"),
        ({"result": "torchvision[30]", "value": 1}, WHERE),
        ({"result": "propposed.total"}, "name 'propposed' is not defined. Did you mean 'proposed'?"),
        ({"result": "totl / 2"}, "name 'totl' is not defined. Did you mean 'total'?"),
        ({"result": "total / 0"}, "division by zero"),
        (
            {"check": "state_after_a_step", "of": ["decoder"], "value": "frozen"},
            "that part has no parameters",
        ),
        ({"check": "work_out", "result": "1 +", "value": 1}, WHERE),
        ({"check": "compare", "result": "totl > 1", "measured": "{total:.0f}"}, "Did you mean 'total'?"),
        ({"check": "compare", "measured": "{total:.0f}", "otherwise": "wrong"}, "'wrong'"),
    ],
    ids=str,
)
def test_what_only_the_network_can_tell_is_named_when_it_is_asked(tmp_path, columns, message):
    (claim,) = one_row(tmp_path, **columns)
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        claim.check(Evidence("nowhere"))
    assert str(raised.value).startswith(WHERE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"9.1":\n- {quantity: a, quantity: b}', "'quantity' stands twice"),
        ('"9.1": []\n"9.1": []', "'9.1' stands twice"),
        (
            '"9.1": [a, b]',
            "section 9.1, row 1: expected 'quantity', 'says', 'check' and so on, got 'a'",
        ),
        ("- quantity", "expected sections, each with a list of rows"),
        ('"9.1": {quantity: a}', "expected sections, each with a list of rows"),
        ('"9.1":\n- {quantity: a', "99-mine.yaml: while parsing"),
        (
            yaml.safe_dump({"9.1": [ROW, ROW]}),
            "section 9.1, row 2 (q): quantity: a row of section 9.1 has it already",
        ),
    ],
    ids=lambda value: value if "expected" in value or "stands" in value else None,
)
def test_a_file_that_is_no_table_of_claims_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        claims_of(tmp_path, text)
    assert "99-mine.yaml" in str(raised.value)


def test_every_check_serves_a_row_and_has_words():
    texts = [path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml")]
    rows = [row for text in texts for section in yaml.safe_load(text).values() for row in section]
    assert {row["check"] for row in rows} == set(CHECKS)
    told = " ".join(str(row.get(name)) for row in rows for name in ("result", "measured", "reason"))
    assert set(WORDS) <= set(re.findall(r"\w+", told))
    assert not [claim.key for claim in all_claims() if "{" in claim.how or claim.how.endswith(".")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8×16×4", Exactly("8×16×4")),
        ("3,403,809", Number("3,403,809")),
        (999, Number("999")),
        ("-56 %", Number("-56", 0.01, "%")),
        ("13.0 MB", Number("13.0", 1e6, "MB")),
        ("50 to 60 frames per second at 15 ms", Between(50, 60, "frames per second at 15 ms")),
        (True, Exactly(True)),
        ([6, 96], Exactly((6, 96))),
        ("frozen", Exactly("frozen")),
    ],
    ids=str,
)
def test_a_value_is_read_as_it_is_printed(text, value):
    assert parse(text) == value
