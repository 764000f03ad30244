"""One whole run on phantoms: repeatable to the last bit, and the same after a kill."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from fetalseg_lib.data.named import PhantomDataset
from fetalseg_lib.models import build_model
from fetalseg_lib.study import folds, records
from fetalseg_lib.study import run as study
from fetalseg_lib.study.config import RunConfig, configure
from fetalseg_lib.study.evaluate import evaluate

VARIANT = "random_encoder"  # narrow as it is here, its checkpoints are small
PROFILE = """
name: tiny
description: As small as a run can be and still have epochs to be killed in.
image_size: [32, 32]
phantoms: 20
phantom_size: [48, 64]
encoder_weights: random
network:
  aspp_channels: 16
  aspp_pool_channels: 16
  bottleneck_channels: 32
  decoder_channels: [32, 16, 16, 16, 16]
training: {epochs: 4, batch_size: 4, pos_weight: 1.0, learning_rate: 1.0e-3, precision: float32}
variants: [random_encoder]
seeds: [0]
"""


@pytest.fixture
def tiny(shared_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FETALSEG_CACHE", str(shared_cache))
    path = tmp_path / "tiny.yaml"
    path.write_text(PROFILE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def undisturbed(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run that all here is held against, trained once and left as it is."""
    place = tmp_path_factory.mktemp("undisturbed")
    (place / "tiny.yaml").write_text(PROFILE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FETALSEG_CACHE", str(shared_cache))
        return study.run(config(place / "tiny.yaml"), root=place, progress=False)


@pytest.fixture
def finished(undisturbed: Path, tiny: Path, tmp_path: Path) -> Path:
    """A copy of it, as the run of ``tiny`` in ``tmp_path``."""
    return Path(shutil.copytree(undisturbed, config(tiny).folder(tmp_path)))


def config(profile: Path, **changes: object) -> RunConfig:
    given = {"variant": VARIANT, "seed": 0, "profile": profile, "data": "phantom"} | changes
    return configure(**given)  # type: ignore[arg-type]


def numbers(folder: Path) -> dict[str, bytes]:
    """What must be equal: all but the environment and the seconds of an epoch."""
    history = pd.read_csv(folder / records.HISTORY).drop(columns="seconds")
    return {
        records.METRICS: (folder / records.METRICS).read_bytes(),
        records.PER_IMAGE: (folder / records.PER_IMAGE).read_bytes(),
        records.VALIDATION: (folder / records.VALIDATION).read_bytes(),
        records.HISTORY: history.to_csv().encode(),
        "weights": (folder / study.WEIGHTS).read_bytes(),
    }


def test_the_same_run_twice_gives_the_same_bytes_and_another_seed_does_not(
    undisturbed: Path, tiny: Path, tmp_path: Path
) -> None:
    first = study.run(config(tiny), root=tmp_path, progress=False)
    assert numbers(first) == numbers(undisturbed)
    other = study.run(config(tiny, seed=1), root=tmp_path, progress=False)
    assert numbers(first)[records.PER_IMAGE] != numbers(other)[records.PER_IMAGE]
    assert not list(first.glob("checkpoint-*"))
    environment = records.read_json(first / records.ENVIRONMENT)
    assert environment["config_hash"] == config(tiny).hash
    assert environment["encoder_weights"]["source"] == "random"
    assert environment["packages"]["torch"] == torch.__version__.partition("+")[0]
    assert sum(environment["split"].values()) == 20


def test_a_finished_run_is_loaded_and_a_changed_one_trained_anew(
    finished: Path, tiny: Path, tmp_path: Path
) -> None:
    folder = finished
    before = (folder / records.METRICS).stat().st_mtime_ns
    assert study.run(config(tiny), root=tmp_path, progress=False) == folder
    assert (folder / records.METRICS).stat().st_mtime_ns == before
    tiny.write_text(PROFILE.replace("epochs: 4", "epochs: 1"), encoding="utf-8")
    study.run(config(tiny), root=tmp_path, progress=False)
    assert records.read_json(folder / records.METRICS)["epochs"] == 1
    assert len(list(folder.parent.glob("seed-0-before-*"))) == 1


def test_a_run_killed_with_sigkill_ends_with_the_numbers_of_one_left_alone(
    undisturbed: Path, tiny: Path, tmp_path: Path
) -> None:
    folder = config(tiny).folder(tmp_path / "b")
    command = [sys.executable, "-m", "fetalseg_lib", "train", "--variant", VARIANT]
    # Sums depend on the number of threads, in their last bits.
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    process = subprocess.Popen(
        [*command, "--profile", str(tiny), "-o", str(tmp_path / "b")],
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    deadline = time.monotonic() + 120
    while not list(folder.glob("checkpoint-*.pt")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / records.METRICS).exists(), "the run was over before it could be killed"
    assert list(folder.glob("checkpoint-*.pt"))
    study.run(config(tiny), root=tmp_path / "b", progress=False)
    assert numbers(folder) == numbers(undisturbed)


def test_a_run_stopped_after_its_training_is_not_trained_again(
    finished: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = numbers(finished)
    (finished / records.METRICS).unlink()
    monkeypatch.setattr(study, "fit", None)  # calling it would fail
    study.run(config(tiny), root=tmp_path, progress=False)
    assert numbers(finished) == before


def test_the_first_epochs_see_small_images_where_the_recipe_says_so(tiny: Path, tmp_path: Path) -> None:
    text = PROFILE.replace("[32, 32]", "[64, 64]").replace("epochs: 4", "epochs: 2, half_size_epochs: 1")
    tiny.write_text(text, encoding="utf-8")
    plan = config(tiny)
    batches_at = study.batches_of(plan, study.prepare_data(plan))
    sides = [{tuple(image.shape[-2:]) for image, _mask in batches_at(epoch)} for epoch in (1, 2)]
    assert sides == [{(32, 32)}, {(64, 64)}]
    assert (study.run(plan, root=tmp_path, progress=False) / records.METRICS).is_file()


def test_images_that_the_split_does_not_know_are_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = PhantomDataset.split
    monkeypatch.setattr(PhantomDataset, "split", lambda *given, **kind: known(*given, **kind).iloc[1:])
    with pytest.raises(ValueError, match="1 images of 'phantom' stand in no fold"):
        study.prepare_data(config(tiny))


def test_the_records_hold_every_image_of_their_fold_and_no_other(undisturbed: Path, tiny: Path) -> None:
    images = study.prepare_data(config(tiny))
    names = images.cache.index["name"]
    for file, rows in ((records.VALIDATION, images.validation), (records.PER_IMAGE, images.test)):
        assert pd.read_csv(undisturbed / file)["name"].tolist() == names.iloc[rows].tolist()


def test_a_limit_spreads_over_the_fold_and_never_adds(tiny: Path) -> None:
    assert folds._thin(torch.arange(10).numpy(), 3) == [0, 4, 9]
    assert folds._thin(torch.arange(3).numpy(), 5) == [0, 1, 2]


def test_an_empty_prediction_is_a_failure_as_large_as_the_head(tiny: Path) -> None:
    images = study.prepare_data(config(tiny))
    model = build_model("unet")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.head.bias.fill_(-5.0)
    rows = evaluate(model, images.cache, images.test, device=torch.device("cpu"), precision="float32")
    assert rows["failed"].all()
    assert (rows["dice"] == 0).all()
    assert (rows["hc_error_mm"] == -rows["hc_reference_mm"]).all()
    assert rows[["hd_mm", "hd95_mm", "assd_mm", "hc_error_mm"]].notna().all(axis=None)


@pytest.mark.parametrize(
    ("rows_seen", "one_empty", "failed", "status"),
    [
        (slice(0, 0), 1, True, "empty"),
        (slice(15, 16), 0, True, "sliver"),
        (slice(6, 26), 0, False, "measured"),
    ],
    ids=["nothing", "a sliver", "a head"],
)
def test_an_empty_mask_and_a_head_that_was_not_measured_are_told_apart(
    tiny: Path, rows_seen: slice, one_empty: int, failed: bool, status: str
) -> None:
    class Drawn(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            logits = torch.full_like(images, -20.0)
            logits[..., rows_seen, 7:25] = 20.0
            return logits

    images = study.prepare_data(config(tiny))
    found = evaluate(Drawn(), images.cache, images.test, device=torch.device("cpu"))
    assert (found["one_empty"] == one_empty).all()
    assert (found["failed"] == failed).all()
    assert (found["status"] == status).all()


@pytest.mark.parametrize(
    ("variant", "side", "half", "batch_size", "stops"),
    [
        ("proposed", 32, 0, 2, True),
        ("proposed", 64, 0, 2, False),
        ("proposed", 64, 1, 2, True),
        ("proposed", 32, 0, 1, True),
        ("proposed", 32, 0, 4, False),
        ("trainable_encoder", 32, 0, 16, False),
        ("unet", 32, 0, 2, False),
        pytest.param(
            "peer_deeplabv3plus",
            64,
            0,
            2,
            True,
            marks=pytest.mark.skipif(not find_spec("segmentation_models_pytorch"), reason="needs the peers"),
        ),
    ],
)
def test_a_batch_of_one_image_that_cannot_be_normalised_is_refused_at_the_start(
    variant: str, side: int, half: int, batch_size: int, stops: bool, tiny: Path, tmp_path: Path
) -> None:
    """Of 15 training images; the smallest map is a 32nd of the input, or the mean of all in DeepLab."""
    given = config(tiny, variant=variant)
    recipe = dataclasses.replace(given.training, epochs=1, batch_size=batch_size, half_size_epochs=half)
    given = dataclasses.replace(given, image_size=(side, side), training=recipe)
    images = dataclasses.replace(study.prepare_data(given), train=range(15))
    model = study.build_network(given)
    if stops:
        with pytest.raises(ValueError, match=r"^batch_size: 15 .* one image, .* choose another"):
            study.train(given, model, images, folder=tmp_path / "run", progress=False)
        assert not (tmp_path / "run").exists()
    else:
        study.train(given, model, images, folder=tmp_path / "run", progress=False)
