"""Training may compute in what the hardware is fast in; whatever measures computes in float32."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fetalseg_lib.apply.images import ImageTable
from fetalseg_lib.apply.prediction import run as prediction
from fetalseg_lib.apply.prediction.measure import predict_images
from fetalseg_lib.apply.prediction.run import Job, predict_files
from fetalseg_lib.apply.reading.image_file import read_image
from fetalseg_lib.apply.retest import retest
from fetalseg_lib.apply.trained import demonstration_weights, read_network
from fetalseg_lib.data import cache, phantom
from fetalseg_lib.growth import INTERGROWTH_21ST
from fetalseg_lib.study import records
from fetalseg_lib.study import run as study
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.evaluate import measure_images
from fetalseg_lib.study.profile import load_profile
from fetalseg_lib.training.device import autocast, pick_precision
from tools.bench import precision

CPU = torch.device("cpu")
MM = 0.4


@pytest.fixture
def fast_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """On hardware where the automatic choice is bfloat16; torch emulates it here."""
    monkeypatch.setattr("fetalseg_lib.training.device.has_bfloat16", lambda device: True)
    assert pick_precision("auto", CPU) == "bfloat16"


@pytest.fixture
def measured_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[torch.dtype]]:
    """What the convolutions gave, of networks that were not in training."""
    seen: set[torch.dtype] = set()

    def look(module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(module, nn.Conv2d) and isinstance(output, torch.Tensor) and not module.training:
            seen.add(output.dtype)

    hook = nn.modules.module.register_module_forward_hook(look)
    yield seen
    hook.remove()


def job(out: Path) -> Job:
    return Job(
        trained=read_network(demonstration_weights()),
        chart=INTERGROWTH_21ST,
        pixel_sizes=ImageTable(every=MM),
        table=out,
    )


def drawn(folder: Path, images: int) -> list[Path]:
    files = []
    for sample in phantom.generate(images, seed=5, size=(135, 200)):
        files.append(folder / sample.name)
        cv2.imwrite(str(files[-1]), sample.image)
    return files


def test_the_hardware_does_not_decide_a_head(fast_in_bfloat16: None, tmp_path: Path) -> None:
    given = job(tmp_path / "heads.csv")
    files = drawn(tmp_path, 20)
    found = predict_files(given, files, batch_size=20, progress=False)
    images = [dataclasses.replace(read_image(file), pixel_spacing_mm=(MM, MM)) for file in files]
    forced = predict_images(given.trained, images, chart=given.chart, device=CPU, precision="float32")
    heads = pd.to_numeric(pd.Series([row["hc_mm"] for row in found]))
    assert heads.notna().sum() >= 15
    np.testing.assert_allclose(heads, [image.head.hc_mm for image in forced], rtol=0, atol=0.01)


def _predict(folder: Path) -> str:
    (row,) = predict_files(job(folder / "heads.csv"), drawn(folder, 1), progress=False)
    return row["precision"]


def _retest(folder: Path) -> str:
    phantom.write_folder(phantom.generate(2, seed=5, size=(96, 128)), folder / "heads")
    found = retest(demonstration_weights(), data_root=folder / "heads", fold=None)
    return str(found.record["precision"])


def _submit(folder: Path) -> str:
    trained = read_network(demonstration_weights())
    samples = phantom.generate(1, seed=5, size=(96, 128))
    measure_images(trained.model, samples, image_size=trained.image_size, progress=False)
    return "float32"  # the challenge's table has no column for it


def _train(folder: Path) -> str:
    smoke = load_profile("smoke")
    recipe = dataclasses.replace(smoke.training, epochs=1, precision="auto")
    tiny = dataclasses.replace(smoke, image_size=(32, 32), phantoms=10, training=recipe)
    config = configure(variant="unet", seed=0, profile=tiny, data="phantom")
    config = dataclasses.replace(config, network={"base_width": 1})
    done = records.read_json(study.run(config, root=folder, progress=False) / records.ENVIRONMENT)
    assert done["precision"] == "bfloat16", "training itself takes what is fast"
    return str(done["evaluation_precision"])


@pytest.mark.parametrize("measure", [_predict, _retest, _submit, _train])
def test_whatever_measures_computes_in_float32_and_says_so(
    measure: Callable[[Path], str],
    fast_in_bfloat16: None,
    measured_in: set[torch.dtype],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also the validation that chooses a training's epoch."""
    monkeypatch.setenv("FETALSEG_CACHE", str(tmp_path / "cache"))
    assert measure(tmp_path) == "float32"
    assert measured_in == {torch.float32}


def test_a_table_in_another_precision_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of two precisions never stand in one table, whichever hardware a prediction goes on with."""
    files = drawn(tmp_path, 2)
    with monkeypatch.context() as patch:
        patch.setattr(prediction, "PRECISION", "bfloat16")
        (first,) = predict_files(job(tmp_path / "heads.csv"), files[:1], progress=False)
    rows = predict_files(job(tmp_path / "heads.csv"), files, progress=False)
    assert {row["precision"] for row in rows} == {"float32"}
    assert first["settings"] not in {row["settings"] for row in rows}


def test_float32_on_cuda_keeps_all_its_digits() -> None:
    """TF32 would leave a convolution ten bits, where the device has it."""
    backends = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = True
        with autocast(torch.device("cuda"), "float32"):
            assert [backend.allow_tf32 for backend in backends] == [False, False]
        assert [backend.allow_tf32 for backend in backends] == [True, True]
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


def test_what_is_told_of_the_hardware_follows_from_the_committed_heads() -> None:
    folder = Path(__file__).parents[1] / "results" / "hardware"
    heads, told = pd.read_csv(folder / precision.TABLE), records.read_json(folder / precision.RECORD)
    assert told["images"] == len(heads) == 198
    for way in precision.WAYS:
        found, expected = precision.changes(heads, way), told["ways"][way]
        for name in ("mean_mm", "largest_mm", "error_mm"):
            assert found[name] == pytest.approx(expected[name], abs=1e-6)
        if way in ("bfloat16", "tf32"):  # the others' last digits are lost in the table
            assert (found["larger"], found["smaller"]) == (expected["larger"], expected["smaller"])


def test_ways_of_computing_leave_the_network_as_it_was(tmp_path: Path) -> None:
    cached = cache.build(phantom.generate(2, seed=5, size=(96, 128)), image_size=(64, 64), directory=tmp_path)
    model = read_network(demonstration_weights()).model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = precision.measure(model, cached, [0, 1])
    assert (found["tf32"] != found["float32"]).all()
    assert (found["bfloat16"] != found["float32"]).all()
    again = precision.measure(model, cached, [0, 1])
    pd.testing.assert_frame_equal(found, again)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
