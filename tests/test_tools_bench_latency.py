"""The race is told by ratios within a round, of networks that all read grey images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fetalseg_lib.complexity import count_parameters
from tools.bench import latency, networks, runtimes


def rows(**times: list[float]) -> pd.DataFrame:
    """Rounds of eager networks, in ms."""
    return pd.DataFrame(
        [
            {"network": name, "runtime": "eager", "threads": 1, "batch": 1, "round": turn, "ms": ms}
            for name, series in times.items()
            for turn, ms in enumerate(series, start=1)
        ]
    )


def test_a_ratio_is_taken_within_its_round() -> None:
    """In the second round the machine is ten times slower, for both."""
    table = latency.summarize(rows(unet=[10, 100, 10], proposed=[5, 50, 6])).set_index("network")
    assert table.loc["proposed", "to_unet"] == 0.5
    assert table.loc["unet", "to_proposed"] == 2.0
    assert table.loc["proposed", ["lower_quartile_ms", "median_ms", "upper_quartile_ms"]].to_list() == [
        5.5,
        6,
        28,
    ]
    assert (table["rounds"] == 3).all()


def test_a_setting_is_compared_with_the_reference_in_the_same_setting() -> None:
    two = rows(unet=[10], proposed=[5]).assign(threads=2)
    four = rows(unet=[40], proposed=[30]).assign(batch=16)
    table = latency.summarize(pd.concat([two, four])).query("network == 'proposed'")
    assert table.set_index("threads")["to_unet"].to_dict() == {1: 0.75, 2: 0.5}


def test_without_the_reference_there_is_no_ratio() -> None:
    table = latency.summarize(rows(proposed=[5]))
    assert np.isnan(table["to_unet"]).all()
    assert table["to_proposed"].to_list() == [1.0]


@pytest.mark.parametrize("name", networks.names())
def test_every_network_reads_one_grey_channel_and_answers_at_full_size(name: str) -> None:
    model = networks.build(name)
    with torch.inference_mode():
        assert model(torch.rand(1, 1, 64, 64)).shape == (1, 1, 64, 64)


def test_the_peers_are_those_whose_size_is_known() -> None:
    """Millions of parameters as measured elsewhere: 6.63 and 4.38 (segmentation_models_pytorch 0.4)."""
    pytest.importorskip("segmentation_models_pytorch")
    sizes = {name: round(count_parameters(networks.build(name))[0] / 1e6, 2) for name in networks.PEERS}
    assert sizes == {"smp_unet": 6.63, "smp_deeplabv3plus": 4.38}


def test_all_that_can_run_here_is_timed_and_what_cannot_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rounds", "2", "--threads", "1", "--batch", "1", "2", "--size", "32", "--networks", "unet"]
    latency.main(["--out", str(tmp_path), *options])
    table = pd.read_csv(tmp_path / "runtimes.csv")
    left_out = json.loads((tmp_path / "runtimes.json").read_text())["left_out"]
    assert set(table["runtime"]) | set(left_out) == set(runtimes.RUNTIMES)
    assert not set(table["runtime"]) & set(left_out)
    assert (table["median_ms"] > 0).all()
    assert (table["rounds"] == 2).all()
    assert set(table["batch"]) == {1, 2}
    printed = capsys.readouterr().out
    assert "1 thread, batch 2: ms an image" in printed
    for runtime in left_out:
        assert f"{runtime}: left out" in printed


def test_unknown_names_and_no_rounds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"networks: expected some of unet, .*; got 'lenet'"):
        networks.build("lenet")
    with pytest.raises(ValueError, match=r"runtimes: expected some of eager, .*; got 'abacus'"):
        runtimes.runner(networks.build("unet"), "abacus", image_size=(32, 32), threads=1)
    with pytest.raises(SystemExit):
        latency.main(["--out", str(tmp_path), "--rounds", "0"])
