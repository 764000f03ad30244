"""Results are taken for a run's own only where configuration, encoder weights and code are the same."""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from killing import ask, modules_loaded_by
from safetensors.torch import load_file

from fetalseg_lib.models.random_weights import random_features
from fetalseg_lib.models.weights_file import PHANTOM_VARIABLE, WEIGHTS_VARIABLE, sha256_of
from fetalseg_lib.study import records, source, tables
from fetalseg_lib.study import run as study
from fetalseg_lib.study.config import RunConfig, configure
from fetalseg_lib.study.identity import identify, is_complete
from fetalseg_lib.training.checkpoint import read_metadata, save_tensors

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "fetalseg_lib"
PROFILE = """
name: tiny
description: As small as a training can be that starts from a file of weights.
image_size: [32, 32]
phantoms: 10
phantom_size: [48, 64]
encoder_weights: imagenet
network:
  aspp_channels: 16
  aspp_pool_channels: 16
  bottleneck_channels: 32
  decoder_channels: [32, 16, 16, 16, 16]
training: {epochs: 1, batch_size: 4, pos_weight: 1.0, learning_rate: 1.0e-3, precision: float32}
variants: [proposed]
seeds: [0]
"""


def weights(path: Path, *, seed: int) -> Path:
    torch.manual_seed(seed)
    save_tensors({f"features.{name}": value for name, value in random_features().items()}, path, {})
    return path


@pytest.fixture(scope="module")
def prepared(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files of weights, and a finished run of the first: made once, then copied."""
    place = tmp_path_factory.mktemp("prepared")
    weights(place / "a.safetensors", seed=1)
    weights(place / "b.safetensors", seed=2)
    (place / "tiny.yaml").write_text(PROFILE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FETALSEG_CACHE", str(shared_cache))
        patch.setenv("TORCH_HOME", str(place / "torch"))
        patch.setenv(WEIGHTS_VARIABLE, str(place / "a.safetensors"))
        run(place)
    return place


@pytest.fixture
def place(prepared: Path, shared_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files of weights, without runs; the variable names the first."""
    monkeypatch.setenv("FETALSEG_CACHE", str(shared_cache))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "a.safetensors"))
    for name in ("a.safetensors", "b.safetensors", "tiny.yaml"):
        shutil.copy2(prepared / name, tmp_path)
    return tmp_path


@pytest.fixture
def folder(prepared: Path, place: Path) -> Path:
    """A finished run in ``place``, of the weights that the variable names."""
    shutil.copytree(prepared / "runs", place / "runs")
    return config(place).folder(place / "runs")


def config(place: Path, weights: Path | None = None) -> RunConfig:
    given = None if weights is None else str(weights)
    return configure(
        variant="proposed", seed=0, profile=place / "tiny.yaml", data="phantom", encoder_weights=given
    )


def run(place: Path, weights: Path | None = None) -> Path:
    return study.run(config(place, weights), root=place / "runs", progress=False)


def change_record(folder: Path, **changes: object) -> None:
    """Make ``environment.json`` that of a run made otherwise; ``None`` takes a value out."""
    values = records.read_json(folder / records.ENVIRONMENT) | changes
    kept = {name: value for name, value in values.items() if value is not None}
    records.write_json(folder / records.ENVIRONMENT, kept)


def other_weights(place: Path, _folder: Path) -> None:
    os.environ[WEIGHTS_VARIABLE] = str(place / "b.safetensors")


def remove_records(folder: Path) -> None:
    """As where a run was killed between its training and its evaluation."""
    for name in (records.METRICS, records.ENVIRONMENT):
        (folder / name).unlink()


def other_weights_half_way(place: Path, folder: Path) -> None:
    other_weights(place, folder)
    remove_records(folder)


def weights_by_other_code(folder: Path) -> None:
    about = read_metadata(folder / study.WEIGHTS) | {"source_sha256": "0" * 64}
    save_tensors(load_file(folder / study.WEIGHTS), folder / study.WEIGHTS, about)


def other_code(_place: Path, folder: Path) -> None:
    change_record(folder, source_sha256="0" * 64)
    weights_by_other_code(folder)


def others_weights(_place: Path, folder: Path) -> None:
    weights_by_other_code(folder)
    (folder / records.METRICS).unlink()


def other_code_half_way(place: Path, folder: Path) -> None:
    other_code(place, folder)
    remove_records(folder)


def other_code_under_a_scheduler(place: Path, folder: Path) -> None:
    other_code(place, folder)
    (folder / records.METRICS).unlink()  # Snakemake does, before it runs anew


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(other_weights, "other encoder weights", id="other file of the same name"),
        pytest.param(other_weights_half_way, "other encoder weights", id="other file half-way"),
        pytest.param(other_code, "other code", id="other code"),
        pytest.param(other_code_half_way, "other code", id="other code half-way"),
        pytest.param(other_code_under_a_scheduler, "other code", id="metrics removed before"),
        pytest.param(others_weights, "other code", id="weights of another beside this record"),
    ],
)
def test_a_run_of_other_weights_or_code_is_made_again(
    place: Path,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[Path, Path], None],
    words: str,
) -> None:
    before = (folder / study.WEIGHTS).read_bytes()
    change(place, folder)
    changed = (folder / study.WEIGHTS).read_bytes()
    with caplog.at_level(logging.INFO):
        assert run(place) == folder
    record = records.read_json(folder / records.ENVIRONMENT)
    now = Path(os.environ[WEIGHTS_VARIABLE])
    assert record["encoder_weights"] == {"source": now.name, "sha256": sha256_of(now)}
    assert record["source_sha256"] == source.source_digest()
    assert ((folder / study.WEIGHTS).read_bytes() == before) == (now.name == "a.safetensors")
    aside = sorted(folder.parent.glob("seed-0-before-*"))
    assert [(path / study.WEIGHTS).read_bytes() for path in aside] == [changed]
    assert [
        line for line in caplog.messages if f"held a run of {words}; it is kept as {aside[0].name}" in line
    ]
    assert tables.finished_runs(place / "runs") == [folder]


def no_digests(_place: Path, folder: Path) -> None:
    change_record(folder, source_sha256=None)


def weights_elsewhere(place: Path, _folder: Path) -> None:
    os.environ[WEIGHTS_VARIABLE] = str(shutil.copy(place / "a.safetensors", place / "moved.safetensors"))


def weights_gone(_place: Path, _folder: Path) -> None:
    del os.environ[WEIGHTS_VARIABLE]


@pytest.mark.parametrize("change", [no_digests, weights_elsewhere, weights_gone])
def test_a_finished_run_is_loaded_as_what_it_is(
    place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, Path], None]
) -> None:
    """An old record without the code's digest, the same weights in another place, or none to look at."""
    change(place, folder)
    monkeypatch.setattr(study, "build_network", None)  # calling it would fail
    assert run(place) == folder


def test_a_file_of_weights_counts_by_what_it_holds(place: Path) -> None:
    first, second = place / "a.safetensors", place / "b.safetensors"
    again = Path(shutil.copy(first, place / "again.safetensors"))
    assert config(place, first).hash == config(place, again).hash != config(place, second).hash
    assert str(place) not in str(config(place, first).to_dict())


def test_half_a_training_of_other_weights_is_not_gone_on_with(place: Path) -> None:
    keys = [identify(config(place)).key]
    os.environ[WEIGHTS_VARIABLE] = str(place / "b.safetensors")
    keys.append(identify(config(place)).key)
    assert len(set(keys)) == 2  # the checkpoint's name has it


def test_what_is_set_aside_twice_is_kept_twice(tmp_path: Path) -> None:
    for expected in ("seed-0-before-x", "seed-0-before-x-2", "seed-0-before-x-3"):
        records.write_json(tmp_path / "seed-0" / records.METRICS, {"config_hash": "x"})
        assert records.set_aside(tmp_path / "seed-0", "x").name == expected


def test_a_committed_run_is_complete_where_its_weights_cannot_be_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for variable in (WEIGHTS_VARIABLE, PHANTOM_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    plan = configure(variant="proposed", seed=0, profile="published", data="hc18")
    assert is_complete(plan.folder(ROOT / "results" / "one_fold"), identify(plan))


def test_a_committed_run_belongs_to_the_real_weights(encoder_weights: Path, tmp_path: Path) -> None:
    plan = configure(variant="proposed", seed=0, profile="published", data="hc18")
    assert is_complete(plan.folder(ROOT / "results" / "one_fold"), identify(plan))
    os.environ[WEIGHTS_VARIABLE] = str(weights(tmp_path / "other.safetensors", seed=0))
    try:
        assert not is_complete(plan.folder(ROOT / "results" / "one_fold"), identify(plan))
    finally:
        os.environ[WEIGHTS_VARIABLE] = str(encoder_weights)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The library in another place."""
    ignore = shutil.ignore_patterns("__pycache__", "*.safetensors")
    return Path(shutil.copytree(LIBRARY, tmp_path / "elsewhere" / "fetalseg_lib", ignore=ignore))


ASPP_OUTPUT = ("return projected", "return 0 * projected")


@pytest.mark.parametrize(
    ("file", "old", "new", "other"),
    [
        pytest.param("models/aspp.py", *ASPP_OUTPUT, True, id="network"),
        pytest.param("training/losses.py", "self.smooth)", "self.smooth + 1)", True, id="loss"),
        pytest.param("data/augment.py", "p=0.5", "p=0.4", True, id="augmentation"),
        pytest.param("evaluation/surface.py", "(crop, 0.5)", "(crop, 0.4)", True, id="metric"),
        pytest.param("geometry.py", "return math.pi * (a", "return 2 * math.pi * (a", True, id="geometry"),
        pytest.param("data/split_hc18.csv", "train", "test", True, id="split"),
        pytest.param("data/named.py", "DATA_SEED = 0", "DATA_SEED = 1", True, id="seed of the data"),
        pytest.param("models/aspp.py", "\nfrom", "\n# a word\nfrom", False, id="comment"),
        pytest.param("models/aspp.py", '"""', '"""In short: ', False, id="docstring"),
        pytest.param("cli/study.py", "default=2", "default=3", False, id="command line"),
        pytest.param("apply/prediction/measure.py", "return ", "return not ", False, id="prediction"),
        pytest.param("models/variants.yaml", "pos_weight", "weight", False, id="a variant, which is hashed"),
    ],
)
def test_what_computes_has_a_digest(
    copied: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, other: bool
) -> None:
    monkeypatch.setattr(source, "_LIBRARY", copied)
    assert source.read_digest() == source.source_digest()  # wherever the library lies
    text = (copied / file).read_text(encoding="utf-8")
    changed = text.replace(old, new, 1)
    assert changed != text
    (copied / file).write_text(changed, encoding="utf-8")
    assert (source.read_digest() != source.source_digest()) == other


def test_every_module_that_a_run_loads_counts_or_is_left_out_by_name() -> None:
    """Held against the interpreter's own list of what it has loaded."""
    loaded = ask(modules_loaded_by, "import fetalseg_lib.study.run, fetalseg_lib.models.build")
    modules = {name for name in loaded if name.split(".")[0] == "fetalseg_lib"}
    counted = set(source.read_content())
    packages = tuple(f"{name}." for name in source._LEFT_OUT - {"fetalseg_lib"})
    assert len(modules) > 50
    assert {name for name in modules - counted - source._LEFT_OUT if not name.startswith(packages)} == set()
    assert all(source.module_file(name, source._LIBRARY) for name in source._LEFT_OUT)


def test_the_digest_needs_no_torch() -> None:
    code = "import sys, fetalseg_lib.study.source as s; s.source_digest(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"


def test_an_edited_network_is_trained_again(place: Path, folder: Path, copied: Path) -> None:
    """The teaching case, as a student has it: edit a file, and train again in a new process."""
    first = losses(folder)
    file = copied / "models" / "aspp.py"
    file.write_text(file.read_text(encoding="utf-8").replace(*ASPP_OUTPUT), encoding="utf-8")
    again = subprocess.run(
        [sys.executable, "-m", "fetalseg_lib", "train", "--profile", "tiny.yaml", "-o", "runs"],
        cwd=place,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(copied.parent)},
    )
    assert "held a run of other code; it is kept as seed-0-before-" in again.stderr
    assert losses(folder) != first
    (older,) = folder.parent.glob("seed-0-before-*")
    assert losses(older) == first


def losses(folder: Path) -> list[float]:
    return pd.read_csv(folder / records.HISTORY)["train_loss"].tolist()
