"""Whatever runs long is killed with SIGKILL at random moments, fifty times in all, and ends as if left alone."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import kill_tasks
import pytest
import torch
from killing import contents, kill_often
from test_data_download import Record, _Answer, files, record  # noqa: F401 - fixtures

from fetalseg_lib.data.download import RemoteFile
from fetalseg_lib.models import build_model
from fetalseg_lib.training.checkpoint import save_weights

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of POSIX")

KILLS = {"training": 10, "caching": 8, "download": 10, "prediction": 8, "pre-training": 6, "study": 6}
SNAKEMAKE_KILLS = 2
TIMES = int(os.environ.get("FETALSEG_KILLS", "1"))
"""So many times as many kills, for a long test by hand."""

Fresh = Callable[[], Path]


@pytest.fixture
def fresh(tmp_path: Path) -> Fresh:
    """Makes a new folder each time."""
    numbers = itertools.count()

    def make() -> Path:
        place = tmp_path / str(next(numbers))
        place.mkdir()
        return place

    return make


def test_fifty_in_all() -> None:
    assert sum(KILLS.values()) + SNAKEMAKE_KILLS == 50


@pytest.mark.parametrize(
    ("kind", "task"),
    [
        ("training", kill_tasks.train),
        ("caching", kill_tasks.build_cache),
        ("pre-training", kill_tasks.pretrain),
        ("study", kill_tasks.study),
    ],
)
def test_killed_at_random_moments_it_ends_with_the_same_files(
    kind: str, task: Callable[[Path], None], fresh: Fresh
) -> None:
    assert kill_often(task, fresh=fresh, kills=TIMES * KILLS[kind], seed=1) == TIMES * KILLS[kind]


def test_a_killed_prediction_ends_with_the_same_table_and_pictures(fresh: Fresh, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    torch.manual_seed(0)
    config = {"variant": "unet", "network": {"base_width": 1}, "image_size": [32, 32], "data": "phantom"}
    save_weights(build_model("unet", base_width=1), inputs / "weights", {"config": json.dumps(config)})
    for number in range(7):
        image = torch.randint(0, 256, (48, 64), dtype=torch.uint8).numpy()
        cv2.imwrite(str(inputs / f"{number}.png"), image)
    (inputs / "broken.png").write_bytes(b"half")
    kills = TIMES * KILLS["prediction"]
    assert kill_often(kill_tasks.predict, fresh=fresh, kills=kills, seed=2) == kills


class _Slow(_Answer):
    """Sends a page at a time, so that there are moments to be killed in."""

    def do_GET(self) -> None:
        send, self.wfile.write = self.wfile.write, self._slowly  # type: ignore[method-assign]
        self.send = send
        super().do_GET()

    def _slowly(self, content: bytes) -> int:
        for start in range(0, len(content), 1 << 14):
            time.sleep(0.005)
            self.send(content[start : start + (1 << 14)])
        return len(content)


def test_a_killed_download_ends_with_the_same_images(
    fresh: Fresh, record: Record, files: list[RemoteFile]  # noqa: F811 - pytest's way
) -> None:
    record.RequestHandlerClass = _Slow
    task = partial(kill_tasks.fetch, record=record.url, files=tuple(files))
    kills = TIMES * KILLS["download"]
    assert kill_often(task, fresh=fresh, kills=kills, seed=3) == kills
    assert any(wanted for _name, wanted in record.asked), "no download was resumed"
