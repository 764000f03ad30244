"""Claims that result files decide, how stated values are compared, and the page's table."""

from __future__ import annotations

import json
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torchvision.models import mobilenet_v2

from fetalseg_book.audit import Evidence, Verdict, all_claims, to_html
from fetalseg_book.audit.evidence import Studied
from fetalseg_book.audit.parts import receptive_field
from fetalseg_book.audit.stated import Between, Exactly, MapSize, Number, disagree
from fetalseg_book.figures.audit_figures import verdicts, verdicts_by_part, weighted_probability
from fetalseg_book.studies.hardware import measure_side_by_side


def write_run(
    results, variant, seed, *, validation_dice=0.97, dice=0.97, best_epoch=60, gap=0.1, study="published"
):
    folder = results / "one_fold" / study / "hc18" / variant / f"seed-{seed}"
    folder.mkdir(parents=True)
    metrics = {"variant": variant, "seed": seed, "validation_dice": validation_dice, "epochs": best_epoch + 5}
    metrics |= {"best_epoch": best_epoch, "test": {"dice_mean": dice, "hc_abs_error_mm_mean": 2.0}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    history = {"epoch": [best_epoch], "train_loss": [0.1], "validation_loss": [0.1 + gap], "seconds": [3.0]}
    history |= {"validation_dice": [validation_dice]}
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)


def verdict_of(key, results):
    return next(claim for claim in all_claims() if claim.key == key).check(Evidence(results)).verdict


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([0.010, 0.011], Verdict.PENDING),  # two seeds prove nothing
        ([0.010, 0.011, 0.0093], Verdict.CONFIRMED),
        ([0.001, 0.0011, 0.0012], Verdict.CONTRADICTED),  # a gain, but not so large a one
        ([-0.010, -0.011, -0.009], Verdict.CONTRADICTED),
        ([0.03, -0.02, 0.01], Verdict.NOT_TESTABLE),  # holds both nothing and the stated gain
    ],
)
def test_gain_over_the_unet(tmp_path, gains, verdict):
    for seed, gain in enumerate(gains):
        write_run(tmp_path, "unet", seed, dice=0.96 + seed / 1000, study="note_schedule")
        write_run(tmp_path, "proposed", seed, dice=0.96 + seed / 1000 + gain, study="note_schedule")
    assert verdict_of("9.3 | gain over the U-Net", tmp_path) is verdict


def test_the_notes_schedule_decides_and_the_study_is_told_beside_it(tmp_path):
    """The study has the stated gain and the note's schedule has a loss: what the note's own training says."""
    for seed, gain in enumerate((0.010, 0.011, 0.0093)):
        for study, sign in (("published", 1), ("note_schedule", -1)):
            write_run(tmp_path, "unet", seed, dice=0.96, study=study)
            write_run(tmp_path, "proposed", seed, dice=0.96 + sign * gain, study=study)
    claim = next(claim for claim in all_claims() if claim.key == "9.3 | gain over the U-Net")
    finding = claim.check(Evidence(tmp_path))
    assert (finding.verdict, finding.measured[:7]) == (Verdict.CONTRADICTED, "-0.0101")
    assert "By the study's short training, over 3: +0.0101" in finding.why


@pytest.mark.parametrize(
    ("frozen", "trained", "verdict"), [(50, 125, Verdict.CONFIRMED), (50, 60, Verdict.CONTRADICTED)]
)
def test_gain_in_convergence(tmp_path, frozen, trained, verdict):
    for seed in range(3):
        write_run(tmp_path, "proposed", seed, best_epoch=frozen, study="note_schedule")
        write_run(tmp_path, "trainable_encoder", seed, best_epoch=trained, study="note_schedule")
    assert verdict_of("8.4 | measured gain in convergence", tmp_path) is verdict


@pytest.mark.parametrize(
    ("epochs", "verdict"),
    [
        ([100, 101, 102], Verdict.CONFIRMED),
        ([30, 31, 32], Verdict.CONTRADICTED),
        ([60, 120, 90], Verdict.NOT_TESTABLE),  # below, but the interval holds it
        ([30, 31], Verdict.PENDING),
    ],
)
def test_epochs_of_the_trained_encoder(tmp_path, epochs, verdict):
    for seed, epoch in enumerate(epochs):
        write_run(tmp_path, "trainable_encoder", seed, best_epoch=epoch, study="note_schedule")
    assert verdict_of("8.4 | epochs of the trained encoder", tmp_path) is verdict


@pytest.mark.parametrize(
    ("unet", "verdict"),
    [
        ([90, 91, 92], Verdict.CONFIRMED),  # 30 to 50 more than the note's network
        ([62, 63, 65], Verdict.CONTRADICTED),  # more, but not so many
        ([50, 51, 52], Verdict.CONTRADICTED),
        ([50, 90, 70], Verdict.NOT_TESTABLE),  # holds both nothing and 30
    ],
)
def test_epochs_saved_by_pre_learned_features(tmp_path, unet, verdict):
    for seed, epoch in enumerate(unet):
        write_run(tmp_path, "proposed", seed, best_epoch=55, study="note_schedule")
        write_run(tmp_path, "unet", seed, best_epoch=epoch, study="note_schedule")
    assert verdict_of("1.1 | epochs saved by pre-learned features", tmp_path) is verdict


@pytest.mark.parametrize(
    ("best", "converge", "stop"),
    [
        ([60, 62, 55], Verdict.CONFIRMED, Verdict.CONFIRMED),
        ([80, 85, 90], Verdict.CONTRADICTED, Verdict.CONFIRMED),
        ([60, 99, 55], Verdict.CONTRADICTED, Verdict.CONTRADICTED),  # a run of more than 100 epochs
        ([60, 62], Verdict.PENDING, Verdict.PENDING),
    ],
)
def test_the_notes_schedule_decides_about_its_epochs(tmp_path, best, converge, stop):
    for seed, epoch in enumerate(best):
        write_run(tmp_path, "proposed", seed, best_epoch=epoch, study="note_schedule")
    assert verdict_of("1.1 | epochs to converge", tmp_path) is converge
    assert verdict_of("8.3 | epochs until early stopping", tmp_path) is stop


def test_a_shorter_schedule_decides_nothing_about_the_notes_epochs(tmp_path):
    for seed in range(3):
        write_run(tmp_path, "proposed", seed, best_epoch=15)
    assert verdict_of("1.1 | epochs to converge", tmp_path) is Verdict.PENDING
    assert verdict_of("8.3 | epochs until early stopping", tmp_path) is Verdict.PENDING


def test_the_second_family_is_compared_with_the_first(tmp_path):
    key = "8.1 | gain from the cross-entropy"
    for seed, gain in enumerate((0.010, 0.011, 0.0093)):
        write_run(tmp_path, "proposed", seed, dice=0.96 + gain)
        write_run(tmp_path, "dice_only", seed, dice=0.96, study="descriptive")
        if seed == 1:
            claim = next(claim for claim in all_claims() if claim.key == key)
            finding = claim.check(Evidence(tmp_path))
            assert (finding.verdict, finding.measured) == (Verdict.PENDING, "+0.0105 so far")
    assert verdict_of(key, tmp_path) is Verdict.CONFIRMED


def test_convergence_is_the_way_to_a_dice_that_both_reach(tmp_path):
    """The second passes the first's best of 0.95 in its epoch 2, and goes on to its own."""
    for variant, dice in {"proposed": [0.90, 0.94, 0.95], "trainable_encoder": [0.90, 0.96, 0.97]}.items():
        write_run(tmp_path, variant, 0, validation_dice=max(dice), best_epoch=3)
        history = tmp_path / "one_fold" / "published" / "hc18" / variant / "seed-0" / "history.csv"
        epochs = pd.DataFrame({"epoch": [1, 2, 3], "train_loss": 0.1, "validation_loss": 0.2, "seconds": 1.0})
        epochs.assign(validation_dice=dice).to_csv(history, index=False)
    reached = Studied(tmp_path / "one_fold" / "published").epochs_to_reach("proposed", "trainable_encoder")
    assert reached.loc[0].tolist() == [3, 2]


def test_only_matched_seeds_count(tmp_path):
    for seed in range(3):
        write_run(tmp_path, "proposed", seed)
        write_run(tmp_path, "no_se", seed + 1)
    assert Studied(tmp_path / "one_fold" / "published" / "hc18").seeds("proposed", "no_se") == 2
    assert verdict_of("3.2.3 | gain from SE", tmp_path) is Verdict.PENDING


def test_interval_is_students_t(tmp_path):
    """Differences 1, 2 and 3 hundredths: mean 2, standard error 1/√3, t(0.975, 2) = 4.303 from a table."""
    for seed, gain in enumerate((0.01, 0.02, 0.03)):
        write_run(tmp_path, "proposed", seed, dice=0.9 + gain)
        write_run(tmp_path, "no_se", seed, dice=0.9)
    found = Studied(tmp_path / "one_fold" / "published").difference("proposed", "no_se", "dice")
    assert found.mean == pytest.approx(0.02)
    assert (found.high - found.low) / 2 == pytest.approx(0.01 / 3**0.5 * 4.303, rel=1e-3)


def test_timing_no_round_is_refused():
    with pytest.raises(ValueError, match="rounds: expected at least 1, got 0"):
        measure_side_by_side(rounds=0)


@pytest.mark.parametrize(
    ("stated", "measured", "agrees"),
    [
        (Number("3.4", 1e6), 3_403_809, True),
        (Number("3.4", 1e6), 3_450_000, False),  # rounds to 3.5
        (Number("3.4", 1e6), 3_349_999, False),  # rounds to 3.3
        (Number("3,403,809"), 3_403_809, True),
        (Number("3,403,809"), 3_403_810, False),
        (Number("-56", 0.01), -0.5615, True),
        (Number("35.0", 0.01), 0.3504, True),
        (Between(60, 80), 80, True),
        (Between(60, 80), 80.1, False),
        (MapSize((4, 8, 16)), (4, 8, 16), True),
        (MapSize((4, 8, 16)), (8, 16, 4), False),
        (Exactly(("a", "b")), ("b", "a"), False),
    ],
)
def test_a_value_agrees_to_its_printed_digits(stated, measured, agrees):
    assert stated.agrees(measured) is agrees


@pytest.mark.parametrize("weight", [1.0, 2.3, 200.0])
def test_weighted_probability_is_what_the_loss_wants(weight):
    """Minimised numerically over a fine grid of answers, for an observer who is sure to 70 %."""
    p, q = 0.7, np.linspace(1e-5, 1 - 1e-5, 200_001)
    loss = -weight * p * np.log(q) - (1 - p) * np.log(1 - q)
    distance = -np.log(p / (1 - p))
    assert weighted_probability(distance, weight) == pytest.approx(q[loss.argmin()], abs=1e-5)


def test_verdicts_by_part_keep_every_claim_and_the_order_of_the_note():
    rows = [one_claim(section=section) for section in ("Brief: layout", "Overview", "1.2", "10", "2.3")]
    counts = verdicts_by_part(pd.concat(rows))
    assert list(counts.index) == ["Brief", "1", "10", "2"]
    assert counts["pending"].tolist() == [1, 2, 1, 1]


def test_a_verdict_that_no_claim_has_is_not_named():
    frame = pd.concat([one_claim(section="1", verdict="confirmed"), one_claim(section="2")])
    (axes,) = verdicts(verdicts_by_part(frame), names={}).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["confirmed", "pending"]
    options = to_html(frame)
    assert '<option value="pending">… pending</option>' in options
    assert "not testable" not in options


def test_two_roundings_of_one_number_do_not_disagree():
    assert not disagree(Number("35", 0.01), Number("35.0", 0.01))
    assert not disagree(Between(50, 70), Number("60"))
    assert disagree(Number("25", 0.01), Number("35.0", 0.01))


def test_receptive_field_of_the_encoder_by_its_gradient():
    """MobileNetV2 with all weights one and no normalisation: no pixel in reach has a zero gradient."""
    features = mobilenet_v2(width_mult=0.1).features
    for name, module in list(features.named_modules()):
        parent = features.get_submodule(name.rpartition(".")[0])
        if isinstance(module, (nn.BatchNorm2d, nn.ReLU6)):
            setattr(parent, name.rpartition(".")[2], nn.Identity())
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    image = torch.ones(1, 3, 768, 768, dtype=torch.float64, requires_grad=True)
    features.double()(image)[0, :, 12, 12].sum().backward()
    rows = image.grad[0, 0].sum(dim=1).nonzero().flatten()
    assert int(rows[-1] - rows[0]) + 1 == receptive_field(features) == 491


class Page(HTMLParser):
    """What a browser would find: rows, labelled controls, and whether every tag is closed."""

    VOID = ("input",)

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.controls, self.inside_label, self.text = [], 0, 0, 0, ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        assert not {"src", "href"} & {name for name, _ in attributes}, "nothing may be fetched"
        self.rows += tag == "tr" and "data-verdict" in dict(attributes)
        self.controls += tag in ("input", "select")
        self.inside_label += tag in ("input", "select") and "label" in self.open
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def one_claim(**texts):
    row = dict.fromkeys(("section", "quantity", "says", "how", "measured", "why", "denied_by"), "")
    return pd.DataFrame([row | {"verdict": "pending"} | texts])


def test_page_is_whole_and_every_control_has_a_label():
    page = Page(to_html(pd.concat([one_claim(section="1"), one_claim(section="2")])))
    assert (page.open, page.rows, page.controls, page.inside_label) == ([], 2, 3, 3)


@pytest.mark.parametrize("column", ["section", "says", "how", "measured", "why", "denied_by"])
def test_text_cannot_become_markup(column):
    evil = '"><script>alert(1)</script>'
    text = to_html(one_claim(**{column: evil}))
    assert "<script>alert" not in text
    assert evil in Page(text).text or column == "section"


def test_script_is_javascript(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    text = to_html(one_claim())
    script = tmp_path / "audit.js"
    script.write_text(text[text.index("<script>") + 8 : text.index("</script>")])
    subprocess.run([node, "--check", script], check=True)


def test_the_filter_starts_where_it_is_told():
    frame = pd.concat([one_claim(section="1", verdict="contradicted"), one_claim(section="2")])
    assert 'value="wrong" selected' in to_html(frame, verdict="wrong")
    assert " selected" not in to_html(frame)
    with pytest.raises(ValueError, match="verdict: expected one of"):
        to_html(frame, verdict="right")


def test_the_brief_is_folded_by_stage():
    sections = ("Brief: encoder", "Brief: output", "1.1", "Brief: encoder")
    page = to_html(pd.concat([one_claim(section=section) for section in sections]))
    assert page.count("<details>") == 2
    assert Page(page).rows == 4
