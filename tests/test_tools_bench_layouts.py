"""The benchmark of memory layouts at a tiny size: what it times is a step of each layout, and it says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tools.bench import layouts


def test_each_layout_is_timed_in_its_own_layout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    def timed(model: torch.nn.Module, images: torch.Tensor) -> float:
        wide = next(w for w in model.parameters() if w.ndim == 4 and w.shape[1] > 1 and w.shape[2] == 3)
        taken.append(wide.is_contiguous(memory_format=torch.channels_last))
        return 3.0 if taken[-1] else 2.0

    monkeypatch.setattr(layouts, "_step_seconds", timed)
    monkeypatch.setattr(layouts, "VARIANTS", ("proposed", "unet"))  # a small kernel's layout cannot be told
    layouts.main(["--sizes", "32", "--rounds", "2", "-o", str(tmp_path)])
    found = json.loads((tmp_path / layouts.FILE).read_text())
    assert json.loads(capsys.readouterr().out) == found
    assert len(taken) == len(layouts.VARIANTS) * (layouts.WARM_UP + 2) * 2
    for times in found["step_seconds"]["32"].values():
        assert (times["channels_last"], times["plain"]) == (3.0, 2.0)
        assert times["channels_last_to_plain"]["median"] == 1.5


def test_a_step_takes_time_and_leaves_gradients() -> None:
    model = torch.nn.Conv2d(1, 1, 3, padding=1)
    assert layouts._step_seconds(model, torch.rand(2, 1, 32, 32)) > 0
    assert model.weight.grad is not None


@pytest.mark.parametrize("options", [["--rounds", "0"], ["--sizes", "100"], ["--sizes", "0"]])
def test_bad_options_are_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        layouts.main(options)
    assert "multiples of 32" in capsys.readouterr().err
