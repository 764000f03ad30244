"""The audit's verdicts, recomputed by hand or by another way than the audit's own."""

from __future__ import annotations

import json
import math
import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fetalseg_book.audit import Evidence, Verdict, all_claims, audit, format_table, training
from fetalseg_lib.models import build_model

BRIEF = [
    f"Brief: {part}"
    for part in ["layout", "encoder", "bottleneck", "decoder", "output", "drawing", "dimensions"]
]
SECTIONS = [
    *BRIEF,
    "Overview",
    *[
        "1.1",
        "1.2",
        "1.3",
        "1.4",
        "2",
        "2.1",
        "2.2",
        "2.3",
        "2.4",
        "3.1",
        "3.2.1",
        "3.2.2",
        "3.2.3",
        "3.3",
        "4",
        "5",
        "5.1",
        "5.2",
        "6",
        "7.1",
        "7.2",
    ],
    *["8.1", "8.2", "8.3", "8.4", "9.1", "9.2", "9.3", "10", "11"],
]


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    """The audit of a reader without any result file, by claim."""
    table = audit(tmp_path_factory.mktemp("results"))
    return table.set_index(["section", "quantity"])


@pytest.fixture(scope="module")
def evidence():
    return Evidence("nowhere")


def conv_bn(k: int, c_in: int, c_out: int) -> int:
    return k * k * c_in * c_out + 2 * c_out


def se(c: int) -> int:
    hidden = max(1, c // 16)
    return c * hidden + hidden + hidden * c + c


def parameters_by_hand(branch: int, pool: int) -> int:
    """Trainable parameters of the note's network, layer by layer, from its tables alone."""
    aspp = conv_bn(1, 1280, branch) + 3 * conv_bn(3, 1280, branch) + conv_bn(1, 1280, pool)
    aspp += conv_bn(1, 4 * branch + pool, 512)
    decoder, below = 0, 512
    for skip, out in ((96, 256), (32, 128), (24, 64), (16, 32), (32, 32)):
        joined = out + skip
        decoder += 2 * 2 * below * out + out + se(skip)
        decoder += conv_bn(3, joined, out) + conv_bn(3, out, out) + se(out) + conv_bn(1, joined, out)
        below = out
    return conv_bn(3, 1, 32) + aspp + decoder + 32 + 1


def test_at_least_75_claims_each_with_a_check_in_words():
    claims = all_claims()
    assert len(claims) >= 75
    assert len({claim.key for claim in claims}) == len(claims)
    assert all(claim.says and claim.how for claim in claims)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_of_the_note_is_audited(frame, section):
    assert section in frame.index.get_level_values("section")


def test_note_as_written_has_10_million_parameters_not_3(frame):
    trainable = parameters_by_hand(128, 256)
    row = frame.loc[("9.1", "parameters")]
    assert (row["measured"], row["verdict"]) == (f"{trainable + 2_223_296:,}", Verdict.CONTRADICTED)
    assert frame.loc[("9.1", "trainable parameters"), "measured"] == f"{trainable:,}"
    assert frame.loc[("9.1", "frozen parameters"), "measured"] == "2,223,296"


def test_released_widths_give_the_released_counts_to_the_last_digit(evidence):
    assert parameters_by_hand(512, 512) == 23_030_597
    released = evidence.built("as_released")
    assert (released.total, released.trainable) == (25_253_893, 23_030_597)


def test_three_dilated_kernels_alone_exceed_the_stated_total(frame):
    assert 3 * 9 * 1280 * 128 > 3_403_809
    assert f"{3 * 9 * 1280 * 128:,}" in frame.loc[("9.1", "parameters"), "why"]


def test_totals_that_disagree_name_each_other(frame):
    assert frame.loc[("Brief: dimensions", "parameters"), "denied_by"] == "8.4, 9.1, 9.3"
    assert frame.loc[("9.1", "parameters"), "denied_by"] == "Brief: dimensions, 1.1"
    assert frame.loc[("8.4", "parameters"), "denied_by"] == "Brief: dimensions, 1.1"  # 3.4 M is 3,403,809


def test_concatenation_is_768_not_640(frame):
    for section in ("Brief: bottleneck", "2.2"):
        row = frame.loc[(section, "shape of the concatenation")]
        assert (row["measured"], row["verdict"]) == ("768 channels", Verdict.CONTRADICTS_ITSELF)


def test_flops_agree_with_torch_and_not_with_the_note(frame):
    model = build_model("proposed", encoder_weights="random").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.rand(1, 1, 256, 256))
    row = frame.loc[("9.2", "operations")]
    assert (row["measured"], row["verdict"]) == (
        f"{counter.get_total_flops() / 1e9:.2f} GFLOP",
        "contradicted",
    )


def test_shapes_of_1_3_hold_and_those_of_the_brief_do_not(frame):
    for k, factor in enumerate((1, 2, 4, 8, 16)):
        right, wrong = (
            frame.loc[("1.3", f"shape of enc{k}")],
            frame.loc[("Brief: dimensions", f"shape of enc{k}")],
        )
        assert right["verdict"] == Verdict.CONFIRMED
        assert right["measured"].startswith(f"{256 // factor}×{256 // factor}×")
        assert (wrong["verdict"], wrong["measured"]) == (Verdict.CONTRADICTS_ITSELF, right["measured"])


def test_separable_pairs_save_less_where_outputs_are_narrow(frame):
    for which, c_out in (("smallest", 16), ("largest", 320)):
        by_hand = 1 / (1 / c_out + 1 / 9)
        row = frame.loc[("1.4", f"{which} saving of a separable pair")]
        assert row["measured"] == f"{by_hand:.3g} times"
    assert frame.loc[("1.4", "saving of a separable pair"), "verdict"] == Verdict.CONTRADICTED


def test_overheads_of_the_worked_block(frame):
    convs, gates = 9 * 352 * 256 + 9 * 256 * 256, se(256)
    assert frame.loc[("3.3", "main path of dec5's block"), "measured"] == f"{convs / 1e6:.2f} M"
    assert frame.loc[("3.3", "SE parameters of dec5's block"), "measured"] == f"{gates / 1e3:.1f} K"
    block = conv_bn(3, 352, 256) + conv_bn(3, 256, 256) + conv_bn(1, 352, 256) + gates
    row = frame.loc[("3.3", "SE overhead of dec5's block")]
    assert (row["measured"], row["verdict"]) == (f"{100 * gates / block:.2f} %", Verdict.CONFIRMED)


def test_sizes_follow_from_the_counts(frame):
    """Four bytes a parameter; BatchNorm's statistics, not counted above, add less than half a percent."""
    measured = float(frame.loc[("9.1", "float32 size"), "measured"].removesuffix(" MB"))
    by_hand = 4 * (parameters_by_hand(128, 256) + 2_223_296) / 1e6
    assert by_hand < measured < 1.005 * by_hand


def test_learning_rate_is_halved_eight_times_at_most():
    """A halving takes 11 idle epochs, and early stopping asks for a better one in between: 12 x 8 < 100."""
    lowest = min(training.learning_rates(100, better_after_halving=True))
    assert lowest == pytest.approx(3e-4 / 2 ** (100 // 12))
    assert lowest > 1e-6


@pytest.mark.parametrize("foreground", [0.02, 0.3, 0.5])
def test_share_of_the_dice_term_by_hand(foreground):
    """At probability one half everywhere."""
    dice = 0.8 * (1 - foreground / (0.5 + foreground))
    bce = 0.2 * math.log(2) * (200 * foreground + 1 - foreground)
    assert training.dice_share(foreground, pos_weight=200) == pytest.approx(dice / (dice + bce), rel=1e-4)


@pytest.mark.parametrize(
    ("section", "quantity", "verdict"),
    [
        ("1.2", "response of the averaged stem", Verdict.CONTRADICTED),
        ("9.1", "float16 is half of float32", Verdict.CONTRADICTS_ITSELF),
        ("9.3", "gain in speed", Verdict.CONTRADICTS_ITSELF),
        ("9.3", "reduction in size", Verdict.CONFIRMED),
        ("Brief: decoder", "shape of enc0", Verdict.CONTRADICTS_ITSELF),
        ("Brief: decoder", "shape of enc1", Verdict.CONTRADICTS_ITSELF),
        ("Brief: decoder", "shape of enc2", Verdict.CONTRADICTS_ITSELF),
        ("Brief: decoder", "shape of enc3", Verdict.CONTRADICTS_ITSELF),
        ("9.3", "parameters of the U-Net", Verdict.CONFIRMED),
        ("8.4", "frozen parameters", Verdict.CONFIRMED),
        ("2.3", "head at the bottleneck", Verdict.CONTRADICTED),
        ("3.1", "blocks with an identity shortcut", Verdict.CONTRADICTED),
        ("4", "SE can amplify", Verdict.CONTRADICTED),
        ("Overview", "encoder stays as it was", Verdict.CONFIRMED),
        ("8.3", "image and mask move together", Verdict.CONFIRMED),
        ("8.1", "background to foreground", Verdict.PENDING),
        ("9.3", "inference time against the U-Net's", Verdict.PENDING),
        ("9.3", "gain over the U-Net", Verdict.NOT_AS_WRITTEN),
        ("3.2.3", "gain from SE", Verdict.PENDING),
        ("1.1", "images left to validate", Verdict.PENDING),
    ],
)
def test_verdicts_without_result_files(frame, section, quantity, verdict):
    assert frame.loc[(section, quantity), "verdict"] == verdict


def test_every_verdict_has_a_value_or_a_reason(frame):
    decided = frame["verdict"].isin([Verdict.CONFIRMED, Verdict.CONTRADICTED, Verdict.CONTRADICTS_ITSELF])
    assert (frame.loc[decided, "measured"] != "").all()
    assert (frame.loc[~decided, "why"] != "").all()


def test_checks_can_fail_and_can_pass():
    """In a network whose pooling branch is 128 wide its stated 256 channels are wrong, the others right."""
    evidence = Evidence("nowhere")
    evidence.network = build_model("proposed", encoder_weights="random", aspp_pool_channels=128)
    found = {claim.key: claim.check(evidence).verdict for claim in all_claims() if claim.section == "2.2"}
    assert found["2.2 | channels of the 1×1 branch"] is Verdict.CONFIRMED
    assert found["2.2 | channels of the pooling branch"] is Verdict.CONTRADICTED


def test_terminal_table_is_narrow_and_counts_what_it_shows(frame):
    text = format_table(frame.reset_index())
    *lines, count = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert all(section in lines for section in frame.index.get_level_values("section"))
    assert sum(int(n) for n in re.findall(r"(\d+) (?!claim)", count)) == len(frame)


def dataset(**facts):
    known = {
        "n_images": 999,
        "folds": {"train": {"images": 700}},
        "hc_mm": {"min": 44.3},
        "pixel_size_mm": {"min": 0.05, "max": 0.4},
        "mask_background_to_foreground": 2.3,
        "outline_background_to_foreground": 134.0,
    }
    return known | facts


@pytest.mark.parametrize(
    ("facts", "section", "quantity", "verdict"),
    [
        ({}, "8.1", "background to foreground", Verdict.CONTRADICTED),
        ({"mask_background_to_foreground": 260.2}, "8.1", "background to foreground", Verdict.CONFIRMED),
        ({"mask_background_to_foreground": 200.0}, "8.1", "w_pos of the masks", Verdict.CONFIRMED),
        ({}, "1.1", "labelled images", Verdict.CONFIRMED),
        ({"n_images": 998}, "1.1", "labelled images", Verdict.CONTRADICTED),
        ({}, "1.1", "images left to validate", Verdict.CONTRADICTS_ITSELF),
        ({"n_images": 1334}, "1.1", "images left to validate", Verdict.CONFIRMED),
        ({}, "2.1", "gestational ages", Verdict.CONTRADICTED),
        ({"hc_mm": {"min": 97.0}}, "2.1", "gestational ages", Verdict.CONFIRMED),
    ],
    ids=lambda value: str(value) if isinstance(value, (str, dict)) else None,
)
def test_verdicts_that_the_dataset_decides(tmp_path, facts, section, quantity, verdict):
    (tmp_path / "hc18").mkdir()
    (tmp_path / "hc18" / "dataset.json").write_text(json.dumps(dataset(**facts)))
    claim = next(claim for claim in all_claims() if claim.key == f"{section} | {quantity}")
    assert claim.check(Evidence(tmp_path)).verdict is verdict


def test_hardware_claims_give_the_ratio(tmp_path):
    (tmp_path / "hardware").mkdir()
    times = {"unet": {"median_ms": 200.0}, "proposed": {"median_ms": 150.0}}
    measured = {"latency": times, "proposed_to_unet": 0.75, "processor": "P", "threads": 1}
    (tmp_path / "hardware" / "latency.json").write_text(json.dumps(measured))
    claim = next(claim for claim in all_claims() if claim.key == "9.3 | inference time against the U-Net's")
    finding = claim.check(Evidence(tmp_path))
    assert finding.verdict is Verdict.DEPENDS_ON_HARDWARE
    assert "0.75" in finding.measured


def test_committed_dataset_facts_decide_every_claim_about_the_data(pytestconfig):
    results = pytestconfig.rootpath / "results"
    if not (results / "hc18" / "dataset.json").is_file():
        pytest.skip("results/hc18/dataset.json is not there yet")
    evidence = Evidence(results)
    for key in ("8.1 | background to foreground", "8.1 | w_pos of the masks", "2.1 | gestational ages"):
        finding = next(claim for claim in all_claims() if claim.key == key).check(evidence)
        assert finding.verdict is Verdict.CONTRADICTED, finding
