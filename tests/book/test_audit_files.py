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
from fetalseg_book.audit.parts import receptive_field
from fetalseg_book.audit.stated import Between, Exactly, Number, disagree
from fetalseg_book.facts.audit import gain_as_written
from fetalseg_book.figures.audit_figures import verdicts, verdicts_by_part, weighted_probability
from fetalseg_book.studies.hardware import measure_side_by_side


def write_run(folder, seed, *, validation_dice=0.97, best_epoch=60, dice=(0.97, 0.97, 0.97), hc=2.0, gap=0.1):
    """A finished run of ``folder.name``: three tested heads, a small one, a middle one and a large one."""
    run = folder / f"seed-{seed}"
    run.mkdir(parents=True)
    variant = folder.parent.name if folder.name.startswith("fold") else folder.name
    metrics = {"variant": variant, "seed": seed, "best_epoch": best_epoch, "epochs": best_epoch + 5}
    metrics |= {"validation_dice": validation_dice}
    if folder.name.startswith("fold"):
        metrics["fold"] = int(folder.name[-1])
    (run / "metrics.json").write_text(json.dumps(metrics))
    settings = {"variant": variant, "seed": seed, "training": {}, "network": {}, "limit": {}}
    environment = {"config": settings, "precision": "float32", "encoder_weights": {"sha256": "0"}}
    (run / "environment.json").write_text(json.dumps(environment))
    history = {"epoch": [best_epoch], "train_loss": [0.1], "validation_loss": [0.1 + gap]}
    pd.DataFrame(history | {"validation_dice": [validation_dice]}).to_csv(run / "history.csv", index=False)
    images = {
        "name": ["a", "b", "c"],
        "dice": dice,
        "hc_error_mm": hc,
        "hc_reference_mm": [80.0, 150.0, 300.0],
    }
    pd.DataFrame(images).to_csv(run / "per_image.csv", index=False)


def finding_of(key, results):
    return next(claim for claim in all_claims() if claim.key == key).check(Evidence(results))


def verdict_of(key, results):
    return finding_of(key, results).verdict


ONE_FOLD, BY_NOTE, CROSSVAL = (
    *("one_fold/published/hc18", "one_fold/note_schedule/hc18"),
    "crossval/hc18",
)


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([0.010, 0.011], Verdict.PENDING),  # two runs prove nothing
        ([0.010, 0.011, 0.0093], Verdict.CONFIRMED),
        ([-0.010, -0.011, -0.0093], Verdict.CONTRADICTED),
        ([0.0001, -0.0002, 0.0003], Verdict.CONTRADICTED),  # equivalent: no difference that matters
        ([0.03, -0.02, 0.01], Verdict.NOT_TESTABLE),
    ],
)
def test_a_part_that_is_said_to_help(tmp_path, gains, verdict):
    """SE: worse and equivalent both contradict that it helps. Its mean error in mm varies a little."""
    for seed, gain in enumerate(gains):
        write_run(tmp_path / ONE_FOLD / "proposed", seed, dice=[0.96 + gain] * 3, hc=2 + seed / 1000)
        write_run(tmp_path / ONE_FOLD / "no_se", seed, dice=[0.96] * 3)
    assert verdict_of("3.2.3 | gain from SE", tmp_path) is verdict


def test_a_typical_image_decides_and_the_interval_is_students_t(tmp_path):
    """Differences 1, 2 and 3 points: mean 2, standard error 1/√3, t(0.975, 2) = 4.303 from a table. The third
    image, far worse, is not the median.
    """
    for seed, gain in enumerate((0.01, 0.02, 0.03)):
        write_run(tmp_path / ONE_FOLD / "proposed", seed, dice=[0.9 + gain, 0.9 + gain, 0.1])
        write_run(tmp_path / ONE_FOLD / "no_se", seed, dice=[0.9] * 3)
    half = 4.303 / 3**0.5
    expected = f"+2.00 [{2 - half:+.2f}, {2 + half:+.2f}] points"
    assert finding_of("3.2.3 | gain from SE", tmp_path).measured.startswith(expected)


def test_the_second_family_is_compared_with_the_first(tmp_path):
    for seed, gain in enumerate((0.010, 0.011, 0.0093)):
        write_run(tmp_path / ONE_FOLD / "proposed", seed, dice=[0.96 + gain] * 3)
        write_run(tmp_path / "one_fold/descriptive/hc18/dice_only", seed, dice=[0.96] * 3)
    assert verdict_of("8.1 | gain from the cross-entropy", tmp_path) is Verdict.CONFIRMED


def write_answer(results, study, **words):
    (results / study / "tables").mkdir(parents=True)
    table = pd.DataFrame({"variant": list(words), "word": list(words.values())})
    table.to_csv(results / study / "tables" / "answer.csv", index=False)


@pytest.mark.parametrize(
    ("word", "folds", "verdict", "where"),
    [
        ("worse", 5, Verdict.CONFIRMED, "five folds"),  # without SE it is worse: SE helps
        ("better", 5, Verdict.CONTRADICTED, "five folds"),
        ("undecided", 5, Verdict.NOT_TESTABLE, "five folds"),
        ("incomplete", 4, Verdict.CONTRADICTED, "one fold"),  # the smaller study decides, by its own word
    ],
)
def test_the_largest_study_that_is_whole_decides(tmp_path, word, folds, verdict, where):
    for variant in ("proposed", "no_se"):
        for seed in range(3):
            write_run(tmp_path / ONE_FOLD / variant, seed)
        for fold in range(folds):
            write_run(tmp_path / CROSSVAL / variant / f"fold-{fold}", 0)
    write_answer(tmp_path, ONE_FOLD, proposed="reference", no_se="equivalent")
    write_answer(tmp_path, CROSSVAL, proposed="reference", no_se=word)
    finding = finding_of("3.2.3 | gain from SE", tmp_path)
    assert finding.verdict is verdict
    assert where in finding.why


@pytest.mark.parametrize(
    ("small", "verdict"),
    [(0.02, Verdict.CONFIRMED), (-0.02, Verdict.CONTRADICTED), (0.0, Verdict.CONTRADICTED)],
)
def test_head_sizes_are_judged_by_size(tmp_path, small, verdict):
    """A gain on small heads alone would not show in the median of all."""
    for seed, noise in enumerate((0.0001, 0.0002, -0.0001)):
        dice = [0.96 + small + noise, 0.96 + noise, 0.96 - noise]
        write_run(tmp_path / ONE_FOLD / "proposed", seed, dice=dice)
        write_run(tmp_path / ONE_FOLD / "no_aspp", seed, dice=[0.96] * 3)
    assert verdict_of("10 | gain from the ASPP", tmp_path) is verdict


def write_history(results, variant, dice):
    for seed in range(3):
        write_run(results / BY_NOTE / variant, seed)
        epochs = pd.DataFrame({"epoch": range(1, len(dice) + 1), "train_loss": 0.1, "validation_loss": 0.2})
        file = results / BY_NOTE / variant / f"seed-{seed}" / "history.csv"
        epochs.assign(validation_dice=dice).to_csv(file, index=False)


@pytest.mark.parametrize(
    ("trained", "measured", "verdict"),
    [
        # The frozen one reaches 95, 96, 96.5 and 97 % in its epochs 2, 3, 4 and 5.
        ([0.9, 0.955, 0.96, 0.965, 0.971], "1 to 1 times", Verdict.CONTRADICTED),
        ([0.972, 0.973], "0.2 to 0.5 times", Verdict.CONTRADICTED),
        ([0.9] * 3 + [0.95] * 2 + [0.96] * 3 + [0.965, 0.97], "2 to 2.2 times", Verdict.CONFIRMED),
    ],
)
def test_speed_is_judged_at_the_same_levels_of_dice(tmp_path, trained, measured, verdict):
    write_history(tmp_path, "proposed", [0.9, 0.95, 0.96, 0.965, 0.97])
    write_history(tmp_path, "trainable_encoder", trained)
    finding = finding_of("8.4 | measured gain in convergence", tmp_path)
    assert (finding.measured, finding.verdict) == (measured, verdict)


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        ([0.10, 0.11, 0.12], Verdict.CONFIRMED),
        ([0.30, 0.31, 0.32], Verdict.CONTRADICTED),
        ([0.1, 0.3, 0.2], Verdict.NOT_TESTABLE),
    ],
)
def test_overfitting_is_the_gap_between_the_losses(tmp_path, gaps, verdict):
    for seed, gap in enumerate(gaps):
        write_run(tmp_path / BY_NOTE / "proposed", seed, gap=gap)
        write_run(tmp_path / BY_NOTE / "trainable_encoder", seed, gap=0.2 + seed / 1000)
    assert verdict_of("1.1 | overfitting", tmp_path) is verdict


@pytest.mark.parametrize(
    ("epochs", "verdict"),
    [
        ([100, 101, 102], Verdict.CONFIRMED),
        ([30, 31, 32], Verdict.CONTRADICTED),
        ([60, 120, 90], Verdict.NOT_TESTABLE),  # below, but the interval reaches it
        ([30, 31], Verdict.PENDING),
    ],
)
def test_epochs_of_the_trained_encoder(tmp_path, epochs, verdict):
    for seed, epoch in enumerate(epochs):
        write_run(tmp_path / BY_NOTE / "trainable_encoder", seed, best_epoch=epoch)
    assert verdict_of("8.4 | epochs of the trained encoder", tmp_path) is verdict


@pytest.mark.parametrize(
    ("best", "converge", "stop"),
    [
        ([60, 62, 55], Verdict.CONFIRMED, Verdict.CONFIRMED),
        ([80, 85, 90], Verdict.CONTRADICTED, Verdict.CONFIRMED),
        ([60, 99, 55], Verdict.NOT_TESTABLE, Verdict.CONTRADICTED),  # a run of more than 100 epochs
        ([60, 62], Verdict.PENDING, Verdict.PENDING),
    ],
)
def test_the_notes_schedule_decides_about_its_epochs(tmp_path, best, converge, stop):
    for seed, epoch in enumerate(best):
        write_run(tmp_path / BY_NOTE / "proposed", seed, best_epoch=epoch)
        write_run(tmp_path / ONE_FOLD / "proposed", seed, best_epoch=15)  # and no shorter one
    assert verdict_of("1.1 | epochs to converge", tmp_path) is converge
    assert verdict_of("8.3 | epochs until early stopping", tmp_path) is stop


GAIN = "9.3 | gain over the U-Net"


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([0.011, 0.009, 0.0105, 0.0095, 0.0104], Verdict.CONFIRMED),
        ([0.001, 0.0011, 0.0012, 0.0009, 0.001], Verdict.CONTRADICTED),  # a gain, but not so large a one
        ([-0.010, -0.011, -0.009, -0.01, -0.012], Verdict.CONTRADICTED),
        ([0.03, -0.02, 0.01, 0.02, -0.01], Verdict.NOT_TESTABLE),  # holds both nothing and the stated gain
        ([0.011, 0.009, 0.0105, 0.0095], Verdict.NOT_AS_WRITTEN),  # a fold is missing
    ],
)
def test_the_notes_gain_is_judged_by_its_own_recipe_in_all_folds(tmp_path, gains, verdict):
    for fold, gain in enumerate(gains):
        unet = 0.95 + fold / 1000
        for variant, dice in {"note_as_written": unet + gain, "unet_note_recipe": unet}.items():
            write_run(tmp_path / CROSSVAL / variant / f"fold-{fold}", 0, validation_dice=dice)
    assert verdict_of(GAIN, tmp_path) is verdict


def test_no_other_recipe_decides_about_the_notes_gain(tmp_path):
    for seed in range(3):
        for study in (ONE_FOLD, BY_NOTE):
            write_run(tmp_path / study / "unet", seed, validation_dice=0.97)
            write_run(tmp_path / study / "proposed", seed, validation_dice=0.96)
    assert verdict_of(GAIN, tmp_path) is Verdict.NOT_AS_WRITTEN
    assert "Not tested as written" in gain_as_written(Verdict.NOT_AS_WRITTEN, "")


def test_a_gain_smaller_than_the_spread_of_seeds_shows_nothing(tmp_path):
    for seed, dice in enumerate((0.93, 0.94, 0.945)):
        write_run(tmp_path / "one_fold/descriptive/hc18/note_as_written", seed, validation_dice=dice)
    finding = finding_of("9.3 | gain against the spread of seeds", tmp_path)
    assert (finding.measured, finding.verdict) == ("1.50 points", Verdict.CONTRADICTED)
    assert verdict_of("9.3 | validation Dice of proposed", tmp_path) is Verdict.CONTRADICTED


def test_a_source_is_read_from_the_books_bibliography():
    """DeepLabv2 (arXiv:1606.00915) is a year older than DeepLabv3 (arXiv:1706.05587)."""
    assert verdict_of("2.1 | first description of the ASPP", "nowhere") is Verdict.CONTRADICTED
    references = [claim for claim in all_claims() if claim.section == "11"]
    assert [claim.check(Evidence("nowhere")).verdict for claim in references] == [Verdict.CONFIRMED] * 5


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
        (Exactly("8×16×4"), "8×16×4", True),
        (Exactly("8×16×4"), "4×8×16", False),
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
