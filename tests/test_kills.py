"""What runs long is killed with SIGKILL at random moments, fifty times in all, and ends as if left alone."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import kill_tasks
import psutil
import pytest
from killing import contents, kill_often, leave_alone
from record import phantom_files, serving

from fetalseg_lib.data import phantom
from fetalseg_lib.study.config import configure
from fetalseg_lib.study.folds import prepare_data

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of POSIX")

KILLS = {"training": 10, "caching": 8, "download": 10, "prediction": 8, "pre-training": 6, "study": 6}
SNAKEMAKE_KILLS = ((3, 5), (6, 9))
"""Between so many files and so many there are when it is killed."""
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


@pytest.fixture(scope="module")
def drawn(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache with the images of the tiny profile. What is killed while it draws them is ``caching``."""
    profile = tmp_path_factory.mktemp("drawn") / "tiny.yaml"
    profile.write_text(kill_tasks.PROFILE, encoding="utf-8")
    config = configure(variant="random_encoder", seed=0, profile=profile, data="phantom")
    prepare_data(config, cache=shared_cache)
    return shared_cache


def test_fifty_in_all() -> None:
    assert sum(KILLS.values()) + len(SNAKEMAKE_KILLS) == 50


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
    kind: str, task: Callable[..., None], fresh: Fresh, drawn: Path
) -> None:
    task = partial(task, cache=drawn) if kind in ("training", "study") else task
    kills = TIMES * KILLS[kind]
    assert kill_often(task, fresh=fresh, kills=kills, seed=1) == kills


def test_a_killed_prediction_ends_with_the_same_table_and_pictures(fresh: Fresh, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    kill_tasks.save_random_weights(inputs / "weights")
    for number, sample in enumerate(phantom.generate(7, seed=4, size=(48, 64))):
        cv2.imwrite(str(inputs / f"{number}.png"), sample.image)
    (inputs / "broken.png").write_bytes(b"half")
    kills = TIMES * KILLS["prediction"]
    assert kill_often(kill_tasks.predict, fresh=fresh, kills=kills, seed=2) == kills


def test_a_killed_download_ends_with_the_same_images(fresh: Fresh, tmp_path: Path) -> None:
    with serving() as record:
        files = phantom_files(record, tmp_path / "source")
        record.pause_seconds = 0.03
        task = partial(kill_tasks.fetch, record=record.url, files=tuple(files))
        kills = TIMES * KILLS["download"]
        assert kill_often(task, fresh=fresh, kills=kills, seed=3) == kills
        assert any(wanted for _name, wanted in record.asked), "no download was resumed"


ROOT = Path(__file__).parents[1]


def test_a_killed_study_of_snakemake_goes_on(fresh: Fresh, drawn: Path) -> None:
    """The command itself, with all its children, in a folder whose name would harm a careless script."""
    here = fresh()
    for name in ("Snakefile", "notebooks", "fetalseg_lib", "book"):
        (here / name).symlink_to(ROOT / name)
    profile = kill_tasks.PROFILE.replace("seeds: [0, 1]", "seeds: [0]")  # every run starts a notebook
    (here / "tiny.yaml").write_text(profile, encoding="utf-8")
    out = here / "it's $(touch harm) \"; touch harm; é"
    command = [sys.executable, "-m", "fetalseg_lib", "study", "--cores", "1", "--profile", "tiny.yaml"]
    environment = os.environ | {
        "FETALSEG_CACHE": str(drawn),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    rng = random.Random(4)
    for moment in (rng.randint(*bounds) for bounds in SNAKEMAKE_KILLS):
        process = subprocess.Popen([*command, "-o", out.name], cwd=here, env=environment)
        while process.poll() is None and sum(len(names) for _, _, names in os.walk(out)) < moment:
            time.sleep(0.05)
        assert process.poll() is None, "it was over before it could be killed"
        family = [process, *psutil.Process(process.pid).children(recursive=True)]
        for member in family:
            member.send_signal(signal.SIGKILL)
        process.wait()
        psutil.wait_procs(family[1:])
    assert subprocess.run([*command, "-o", out.name], cwd=here, env=environment, check=False).returncode == 0
    alone = leave_alone(partial(kill_tasks.study, cache=drawn, seeds=(0,)), fresh())
    found, expected = contents(out), alone.files
    assert {name: found.get(name) for name in expected} == expected
    assert not list(here.rglob("harm"))
