"""The training benchmark at tiny sizes: what it counts and trains, and that it finds what it claims to."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from killing import processes

from fetalseg_book.complexity import count_flops
from fetalseg_lib.models import build_model
from tools.bench import jobs, training
from tools.bench.pace import BeginnersTraining, OwnTraining, Plan, training_gflop
from tools.bench.training import QUICK, VARIANTS


def test_backward_costs_as_much_again_for_weights_and_again_for_inputs() -> None:
    """Of a network trained whole: three times the forward pass, less the gradient of the image itself."""
    model = build_model("unet")
    layers = count_flops(model, image_size=(32, 32))["flops"]
    assert training_gflop(model, 32) * 1e9 == 3 * layers.sum() - layers.iloc[0]


def test_a_frozen_encoder_costs_its_forward_pass_alone() -> None:
    def parts(variant: str) -> tuple[float, float]:
        model = build_model(variant, encoder_weights="random")
        layers = count_flops(model, image_size=(32, 32))
        encoder = layers["stage"].str.fullmatch("enc[1-5]")
        return training_gflop(model, 32) * 1e9, layers["flops"][encoder].sum()

    frozen, encoder = parts("proposed")
    whole, _ = parts("trainable_encoder")
    model = build_model("proposed", encoder_weights="random")
    first = count_flops(model, image_size=(32, 32)).query("stage == 'enc1'")["flops"].iloc[0]
    # The bottleneck and the skips gain the gradients of their inputs, the encoder two for one.
    assert whole - frozen > 2 * encoder - first
    assert frozen < 3 * count_flops(model, image_size=(32, 32))["flops"].sum() - 2 * encoder


@pytest.mark.parametrize("kind", [OwnTraining, BeginnersTraining])
def test_both_loops_train_what_is_trainable_and_leave_the_frozen_weights(kind: type, tmp_path: Path) -> None:
    one = kind("proposed", QUICK, 32, tmp_path)
    before = {name: value.clone() for name, value in one.model.named_parameters()}
    pace = one.epoch(1)
    assert pace.images == QUICK.steps * QUICK.batch_size
    assert 0 <= pace.loading_seconds < pace.seconds
    moved = {name for name, value in one.model.named_parameters() if not torch.equal(value, before[name])}
    assert moved <= {name for name, value in one.model.named_parameters() if value.requires_grad}
    assert "head.weight" in moved


def test_the_beginner_sees_the_very_images_and_masks(tmp_path: Path) -> None:
    plan = dataclasses.replace(QUICK, native_size=(64, 64))
    ours = OwnTraining("unet", plan, 64, tmp_path).dataset
    theirs = BeginnersTraining("unet", plan, 64, tmp_path).batches.dataset
    theirs.augment = lambda **both: both  # type: ignore[attr-defined]
    plain = dataclasses.replace(ours, augment=None)
    for item in range(len(plain)):
        for mine, other in zip(plain[item], theirs[item], strict=True):
            torch.testing.assert_close(mine, other)


def test_command_writes_every_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def instantly(variants: list[str], *_: object, threads: int, **__: object) -> list[dict[str, float]]:
        return [{"images_per_second": 3.0 * threads, "peak_memory_mb": 1.0} for _ in variants]

    monkeypatch.setattr(training, "side_by_side", instantly)  # tested below
    training.main(["--quick", "-o", str(tmp_path)])
    found = json.loads((tmp_path / training.FILE).read_text())
    assert json.loads(capsys.readouterr().out) == found
    at = found["training"]["32"]
    assert set(at["images_per_second"]) == {*VARIANTS, training.BEGINNER}
    for name in VARIANTS:
        share = at["share_of_matrix_product"][name]["median"]
        by_hand = at["images_per_second"][name]["median"] * at["gflop_per_image"][name]
        assert share == pytest.approx(by_hand / at["matrix_product_gflops"]["median"])
    assert at["gflop_per_image"]["proposed"] < at["gflop_per_image"]["trainable_encoder"]
    assert set(at["convolution_share"]) == set(VARIANTS)
    assert all(0 < share < 1 for share in at["convolution_share"].values())
    assert found["jobs"]["two_jobs_to_twice_one"] == 1
    assert found["jobs"]["one_job_of_two_threads"] == 6
    kept = {name: memory["kept_for_backward_mb"] for name, memory in found["memory"].items()}
    assert 0 < kept["proposed"] < kept["trainable_encoder"]


def test_a_bad_option_is_one_line_and_nothing_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        training.main(["--rounds", "0"])
    assert "error: rounds: expected at least 1, got 0" in capsys.readouterr().err


def test_a_precision_that_is_asked_for_has_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "measure", lambda plan: {"precision": plan.precision})
    training.main(["--precision", "float32", "-o", str(tmp_path)])
    assert json.loads((tmp_path / "training_float32.json").read_text()) == {"precision": "float32"}
    assert not (tmp_path / training.FILE).exists()


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """For where it does not matter how processes start: they need not import PyTorch each."""
    context = processes()
    monkeypatch.setattr(jobs.multiprocessing, "get_context", lambda _method: context)


def test_a_job_starts_a_process_of_its_own_and_tells_its_pace_and_memory() -> None:
    (job,) = jobs.side_by_side(["unet"], QUICK, size=32, threads=1)
    assert job["images_per_second"] > 0
    assert job["peak_memory_mb"] > 31  # the weights alone are


@pytest.mark.usefixtures("forked")
def test_jobs_side_by_side_each_tell_their_pace() -> None:
    found = jobs.side_by_side(["unet", "unet"], QUICK, size=32, threads=1)
    assert len(found) == 2
    assert all(job["images_per_second"] > 0 for job in found)


@pytest.mark.usefixtures("forked")
def test_a_job_that_fails_is_an_error_and_leaves_nobody_waiting() -> None:
    with pytest.raises(RuntimeError, match="exit code 1"):
        jobs.side_by_side(["unet", "no_such_variant"], QUICK, size=32, threads=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rounds": 0}, "rounds: expected at least 1"),
        ({"sizes": ()}, "sizes: expected"),
        ({"sizes": (100,)}, "multiples of 32"),
    ],
)
def test_bad_plans_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(**options)  # type: ignore[arg-type]
