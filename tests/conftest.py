"""What tests of more than one room need: real data and weights, where a machine has them; equal starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Before PyTorch is there; the processes that tests start have it too, and workers stand side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib
import pytest
import torch
from hypothesis import settings

# How fast a machine is, is not what is tested; and what fails once fails again: to search is for the fuzzer.
settings.register_profile("fetalseg", deadline=None, derandomize=True)
settings.load_profile("fetalseg")
torch.set_num_threads(1)  # results equal to the last bit, and no quarrel over cores


@pytest.fixture(autouse=True)
def plain_style() -> Iterator[None]:
    """Matplotlib as it comes: no test sees the style that an earlier one has taken on."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def _named(variable: str) -> Path:
    """The path that ``variable`` names; the test is skipped where it names none."""
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    path = Path(value)
    if not path.exists():
        pytest.skip(f"{variable} names {path}, which does not exist")
    return path


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images drawn once for all tests of a worker. What draws them names them by what they hold."""
    return tmp_path_factory.mktemp("shared-cache")


@pytest.fixture(scope="session")
def smoke_run(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of the smallest profile, to be read and left as it is."""
    from fetalseg_lib.study import run as study
    from fetalseg_lib.study.config import configure

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FETALSEG_CACHE", str(shared_cache))
        config = configure(variant="unet", seed=0, profile="smoke", data="phantom")
        return study.run(config, root=tmp_path_factory.mktemp("smoke"), progress=False)


@pytest.fixture(scope="session")
def hc18_root() -> Path:
    """The folder of the HC18 data."""
    return _named("FETALSEG_HC18")


@pytest.fixture(scope="session")
def encoder_weights() -> Path:
    """A file of ImageNet encoder weights."""
    return _named("FETALSEG_ENCODER_WEIGHTS")
