from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from fetalseg_lib.apply.trained import read_network
from fetalseg_lib.cli import main
from fetalseg_lib.data.named import DATA_SEED
from fetalseg_lib.data.phantom import generate
from fetalseg_lib.data.phantom.folder import write_folder
from fetalseg_lib.study import records
from fetalseg_lib.study import run as study
from fetalseg_lib.study.evaluate import measure_images


def test_weights_alone_give_back_what_the_run_measured(smoke_run: Path) -> None:
    network = read_network(smoke_run / study.WEIGHTS)
    per_image = pd.read_csv(smoke_run / records.PER_IMAGE).set_index("name")
    environment = records.read_json(smoke_run / records.ENVIRONMENT)["config"]
    phantoms = generate(environment["phantoms"], seed=DATA_SEED, size=environment["phantom_size"])
    tested = [sample for sample in phantoms if sample.name in per_image.index]
    found = measure_images(network.model, tested, image_size=network.image_size, progress=False)
    measured = [found[name].hc_mm if found[name].measured else 0.0 for name in per_image.index]
    np.testing.assert_allclose(measured, per_image["hc_mm"], rtol=1e-3, atol=1e-3)


def test_a_file_that_is_no_trained_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="found none"):
        read_network(tmp_path / "nowhere.safetensors")
    (tmp_path / "text.safetensors").write_text("not weights")
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    for name, message in (("text", "expected a whole safetensors file"), ("other", "`fetalseg train` wrote")):
        with pytest.raises(ValueError, match=message):
            read_network(tmp_path / f"{name}.safetensors")


def test_no_test_images_no_submission(
    smoke_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(generate(2, seed=0, size=(96, 128)), tmp_path / "heads")
    monkeypatch.setenv("FETALSEG_HC18", str(tmp_path / "heads"))
    assert main(["submit", str(smoke_run / study.WEIGHTS), "-o", str(tmp_path / "out.csv")]) == 2
    assert not (tmp_path / "out.csv").exists()
